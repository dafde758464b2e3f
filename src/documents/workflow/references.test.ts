import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateCondition } from './conditions.ts';
import type { WorkflowCondition, WorkflowValue } from './document.ts';
import { workflowParameterValues } from './parameters.ts';
import { parseWorkflowDocument } from './parse.ts';
import { readPath, resolveWorkflowValue, UnresolvedReferenceError } from './references.ts';
import { stated } from '../../../test/harness/stated.ts';

const VALUES: Readonly<Record<string, unknown>> = {
  '$.parameters.name': 'web',
  '$.parameters.list': ['a', 'b'],
  '$.stepOutputs.Launch.instanceId': 'i-1',
  '$.stepOutputs.Send.distributedImages': [{ region: 'eu-west-1', amiId: 'ami-1' }],
  '$.imagebuilder.imageBuildNumber': 3,
  '$.imagebuilder.collectImageMetadata': true,
  '$.imagebuilder.platform': 'Linux',
};
const lookup = (path: string): unknown => VALUES[path];

const RESOLVED: readonly (readonly [WorkflowValue, unknown])[] = [
  [{ 'instanceId.$': '$.stepOutputs.Launch.instanceId' }, { instanceId: 'i-1' }],
  [{ instanceId: '$.stepOutputs.Launch.instanceId' }, { instanceId: 'i-1' }],
  [{ 'all.$': ['$.parameters.name', '$.parameters.list[1]'] }, { all: ['web', 'b'] }],
  [{ list: [{ 'region.$': '$.stepOutputs.Send.distributedImages[0].region' }] }, { list: [{ region: 'eu-west-1' }] }],
  [
    '{"id": "{{ $.parameters.name }}", "images": {{$.stepOutputs.Send.distributedImages}}}',
    '{"id": "web", "images": [{"region":"eu-west-1","amiId":"ami-1"}]}',
  ],
  ['{{ $.imagebuilder.imageBuildNumber }}', '3'],
  ['$.imagebuilder.imageBuildNumber', 3],
  ['see $.parameters.name', 'see $.parameters.name'],
  ['{{ imagebuilder:buildDate }}', '{{ imagebuilder:buildDate }}'],
  ['$.other.thing', '$.other.thing'],
  [
    [1, true, null],
    [1, true, null],
  ],
];

for (const [value, expected] of RESOLVED) {
  test(`resolves ${JSON.stringify(value)}`, () => assert.deepEqual(resolveWorkflowValue(value, lookup), expected));
}

for (const value of [
  '$.parameters.gone',
  '$.parameters.list[2]',
  'x {{ $.stepOutputs.Launch.gone }}',
  '{{ $.other.thing }}',
  '$.parameters.list.length.x',
]) {
  test(`unresolved: ${value}`, () =>
    assert.throws(() => resolveWorkflowValue(value, lookup), UnresolvedReferenceError));
}

test('the parts of a path', () => {
  assert.deepEqual(readPath('$.stepOutputs.Send.distributedImages[0].region'), {
    node: 'stepOutputs',
    step: 'Send',
    name: 'distributedImages',
    base: '$.stepOutputs.Send.distributedImages',
    rest: [0, 'region'],
  });
  assert.equal(readPath('$.stepOutputs.Send'), undefined);
});

const compare = (operator: string, baseline: WorkflowValue, value: WorkflowValue): WorkflowCondition => {
  return { kind: 'comparison', operator, baseline, value } as WorkflowCondition;
};
const TRUE = compare('booleanEquals', 'true', '$.imagebuilder.collectImageMetadata');
const FALSE = compare('stringEquals', 'linux', '$.imagebuilder.platform');

const CONDITIONS: readonly (readonly [WorkflowCondition, boolean])[] = [
  [TRUE, true],
  [FALSE, false],
  [compare('booleanEquals', 'true', 'neither'), false],
  [compare('stringEquals', '3', '$.imagebuilder.imageBuildNumber'), true],
  [compare('numberEquals', '3', '$.imagebuilder.imageBuildNumber'), true],
  [compare('numberGreaterThan', '2.5', '$.imagebuilder.imageBuildNumber'), true],
  [compare('numberGreaterThanEquals', '4', '$.imagebuilder.imageBuildNumber'), false],
  [compare('numberLessThan', '3', '$.imagebuilder.imageBuildNumber'), false],
  [compare('numberLessThanEquals', '3', '$.imagebuilder.imageBuildNumber'), true],
  [compare('numberEquals', '3', 'three'), false],
  [{ kind: 'and', conditions: [TRUE, FALSE] }, false],
  [{ kind: 'or', conditions: [FALSE, TRUE] }, true],
  [{ kind: 'not', condition: FALSE }, true],
];

for (const [condition, expected] of CONDITIONS) {
  test(`${JSON.stringify(condition)} is ${String(expected)}`, () =>
    assert.equal(evaluateCondition(condition, lookup), expected));
}

test('values of parameters: given values, otherwise defaults, converted to their types', () => {
  const text = `
schemaVersion: 1.0
parameters:
  - {name: name}
  - {name: count, type: integer, default: 2}
  - {name: flag, type: boolean}
  - {name: list, type: stringList, default: [a]}
steps: [{name: Wait, action: WaitForAction}]
`;
  const { document } = parseWorkflowDocument(text, 'BUILD');
  assert.ok(document);

  const good = workflowParameterValues(document, [
    { name: 'name', value: ['x'] },
    { name: 'flag', value: ['true'] },
  ]);
  const bad = workflowParameterValues(document, [
    { name: 'other', value: ['x'] },
    { name: 'flag', value: ['maybe'] },
  ]);

  assert.deepEqual(stated(good), { values: { name: 'x', count: 2, flag: true, list: ['a'] }, problems: [] });
  assert.match(
    bad.undeclared ?? '',
    /^The following parameters are not defined in the provided workflow: other\. It has: name, count, flag, list\.$/,
  );
  assert.deepEqual(bad.problems, [
    "The parameter 'name' has no default and needs a value.",
    "The value of the parameter 'flag' must be true or false, at most 1024 characters.",
  ]);
});

test('values of references have a total limit in characters', () => {
  const lookup = (): string => 'x'.repeat(1 << 20);

  assert.equal(String(resolveWorkflowValue('{{ $.parameters.long }}'.repeat(4), lookup)).length, 4 << 20);
  assert.throws(() => resolveWorkflowValue(['{{ $.parameters.long }}'.repeat(5)], lookup), UnresolvedReferenceError);
  assert.throws(
    () => resolveWorkflowValue({ 'a.$': Array<string>(5).fill('$.parameters.long') }, lookup),
    UnresolvedReferenceError,
  );
});
