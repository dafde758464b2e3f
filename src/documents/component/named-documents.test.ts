import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ComponentDocument } from './document.ts';
import { namedDocuments, readNamedDocuments } from './named-documents.ts';
import { parseComponentDocument } from './parse.ts';

const ARN = 'arn:aws:imagebuilder:eu-west-1:123456789012:component';

function read(step: string, head = ''): ComponentDocument {
  const first = '{name: First, action: ExecuteBash, inputs: {commands: [echo]}}';
  const steps = `    steps:\n      - ${first}\n      - {name: Run, action: ExecuteDocument, ${step}}\n`;
  const text = `schemaVersion: 1.0\n${head}phases:\n  - name: build\n${steps}`;
  const { document, faults } = parseComponentDocument(text);
  assert.ok(document !== undefined, JSON.stringify(faults));
  return document;
}

for (const [step, given, expected, head] of [
  [`inputs: {document: '${ARN}/a/1.0.0/1'}`, {}, [`${ARN}/a/1.0.0/1`]],
  ['inputs: {document: /tmp/a.yaml}', {}, []],
  ['inputs: {document: s3://bucket/a.yaml}', {}, []],
  [
    `inputs: {document: '${ARN}/{{ Name }}/x.x.x'}`,
    { Name: 'given' },
    [`${ARN}/given/x.x.x`],
    'parameters:\n  - Name: {type: string, default: usual}\n',
  ],
  [
    `inputs: {document: '${ARN}/{{ Name }}/x.x.x'}`,
    {},
    [`${ARN}/usual/x.x.x`],
    'parameters:\n  - Name: {type: string, default: usual}\n',
  ],
  [
    `inputs: {document: '${ARN}/{{ Name }}/x.x.x'}`,
    { Name: 'given' },
    [`${ARN}/fixed/x.x.x`],
    'constants:\n  - Name: {type: string, value: fixed}\n',
  ],
  [
    `loop: {name: each, forEach: [a, b]}, inputs: {document: '${ARN}/{{ each.value }}/1.0.{{ loop.index }}/1'}`,
    {},
    [`${ARN}/a/1.0.0/1`, `${ARN}/b/1.0.1/1`],
  ],
  [
    `loop: {forEach: {list: '{{ Names }}', delimiter: ','}}, inputs: {document: '${ARN}/{{ loop.value }}/x.x.x'}`,
    { Names: 'a,b' },
    [`${ARN}/a/x.x.x`, `${ARN}/b/x.x.x`],
    'parameters:\n  - Names: {type: string}\n',
  ],
  [
    `loop: {for: {start: 1, end: 3, updateBy: 1}}, inputs: {document: '${ARN}/c/1.0.0/{{ loop.value }}'}`,
    {},
    [1, 2, 3].map((build) => `${ARN}/c/1.0.0/${build}`),
  ],
  [`inputs: {document: '${ARN}/{{ build.First.outputs.stdout }}/1.0.0/1'}`, {}, []],
] as const) {
  test(`${step} with ${JSON.stringify(given)}`, () =>
    assert.deepEqual(
      namedDocuments(read(step, head), given).map(({ arn }) => arn),
      expected,
    ));
}

test('a step sets parameters of the document that it runs', () => {
  const values = "[{name: From, value: '{{ Name }}'}, {name: Computed, value: '{{ build.First.outputs.stdout }}'}]";
  const step = `inputs: {document: '${ARN}/a/1.0.0/1', parameters: ${values}}`;
  assert.deepEqual(
    namedDocuments(read(step, 'constants:\n  - Name: {type: string, value: fixed}\n'), {})[0]!.parameters,
    { From: 'fixed' },
  );
});

test('a very long loop is not iterated to its end', () => {
  const loop = '{for: {start: 1, end: 2000000000, updateBy: 1}}';
  const step = `loop: ${loop}, inputs: {document: '${ARN}/c/1.0.0/{{ loop.value }}'}`;
  assert.equal(namedDocuments(read(step), {}).length, 1000);
});

test('documents are read to the maximum depth, each once per set of values, also with cycles', async () => {
  const all: Readonly<Record<string, ComponentDocument>> = Object.fromEntries(
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
      ['d', 'e'],
      ['round', 'round'],
    ].map(([name, next]) => [`${ARN}/${name}/1.0.0/1`, read(`inputs: {document: '${ARN}/${next}/1.0.0/1'}`)]),
  );
  const seen = async (name: string): Promise<readonly string[]> => {
    const asked: string[] = [];
    await readNamedDocuments([{ document: all[`${ARN}/${name}/1.0.0/1`]!, parameters: {} }], async (arn) => {
      asked.push(arn.split('/')[1]!);
      return all[arn];
    });
    return asked;
  };
  assert.deepEqual(await seen('a'), ['b', 'c', 'd']);
  assert.deepEqual(await seen('round'), ['round']);
});
