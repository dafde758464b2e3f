import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MapNode, TemplateNode } from './nodes.ts';
import { placeInText, placeOf } from './places.ts';
import { parseTemplate } from './template.ts';

const template = (properties: string): string => `Resources:
  A:
    Type: AWS::ImageBuilder::Component
    Properties:
${properties}`;

/** The properties of the only resource. */
function propertiesOf(text: string): TemplateNode {
  let node: TemplateNode = parseTemplate(text).root;
  for (const key of ['Resources', 'A', 'Properties']) {
    assert.equal(node.kind, 'map');
    node = (node as MapNode).entries.get(key)!.value;
  }
  return node;
}

test('a path in a request leads to the property that it comes from', () => {
  const text = template('      Version: 1.0\n      Tags: { a: b }\n      Components:\n        - { ComponentArn: x }\n');
  const properties = propertiesOf(text);
  for (const [path, expected, line, column] of [
    ['semanticVersion', 'Properties.Version', 5, 7],
    ['tags.a', 'Properties.Tags.a', 6, 15],
    ['components[0].componentArn', 'Properties.Components[0].ComponentArn', 8, 13],
    ['components[0].parameters', 'Properties.Components[0]', 8, 11],
    ['parentImage', 'Properties', 5, 7],
  ] as const) {
    const place = placeOf(properties, path);
    assert.deepEqual([place.path, place.position], [expected, { line, column }], path);
  }
});

test('a position in an inline document is converted to one in the template', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['a literal', '      Data: |\n        one\n          two\n'],
    ['with a comment and a chomp', '      Data: |- # document\n\n        one\n          two\n'.replace('\n\n', '\n')],
    ['in a Sub', '      Data: !Sub |\n        one\n          two\n'],
    ['in a long Sub', '      Data:\n        Fn::Sub: |\n          one\n            two\n'],
    ['in a Sub with values', '      Data: !Sub\n        - |\n          one\n            two\n        - { A: b }\n'],
    ['in JSON', '      Data: "one\\n  two\\n"\n'],
    ['in JSON with escapes', '      Data: "\\u006fne\\n  two\\n"\n'],
  ];
  for (const [name, properties] of rows) {
    const text = template(properties);
    const { node } = placeOf(propertiesOf(text), 'data');
    const { line, column } = placeInText(text.split('\n'), node, { line: 2, column: 3 })!;
    assert.equal(text.split('\n')[line - 1]!.slice(column - 1, column + 2), 'two', name);
  }
});

test('a folded or a plain text has no line positions', () => {
  for (const properties of ['      Data: >\n        one\n        two\n', '      Data: one two\n']) {
    const text = template(properties);
    assert.equal(
      placeInText(text.split('\n'), placeOf(propertiesOf(text), 'data').node, { line: 1, column: 1 }),
      undefined,
    );
  }
});
