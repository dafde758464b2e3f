import assert from 'node:assert/strict';
import { globSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { componentSchema } from './component/json-schema.ts';
import type { Platform } from './component/modules.ts';
import { parseComponentDocument } from './component/parse.ts';
import type { JsonSchema } from './json-schema.ts';
import { schemaText } from './json-schema.ts';
import type { WorkflowType } from './workflow/document.ts';
import { workflowSchema } from './workflow/json-schema.ts';
import { parseWorkflowDocument } from './workflow/parse.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCHEMAS: Readonly<Record<'component' | 'workflow', JsonSchema>> = {
  component: componentSchema(),
  workflow: workflowSchema(),
};
const compile = (schema: JsonSchema) =>
  new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true }).compile(schema);
const CHECKS = { component: compile(SCHEMAS.component), workflow: compile(SCHEMAS.workflow) };

/** The faults of a document by a schema, one per line. */
function objections(kind: 'component' | 'workflow', text: string): readonly string[] {
  const check = CHECKS[kind];
  return check(parse(text, { version: '1.2', schema: 'core' }))
    ? []
    : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

for (const [kind, schema] of Object.entries(SCHEMAS)) {
  test(`schemas/${kind}.schema.json matches the registers; npm run schemas writes it`, () => {
    assert.equal(readFileSync(join(ROOT, 'schemas', `${kind}.schema.json`), 'utf8'), schemaText(schema));
  });
}

const STEP = '{name: One, action: ExecuteBash, inputs: {commands: [x]}';
const withStep = (step: string, top = ''): string =>
  `schemaVersion: 1.0\n${top}phases: [{name: build, steps: [${step}]}]`;

const GOOD: readonly string[] = [
  withStep(`${STEP}, timeoutSeconds: -1, maxAttempts: 3, onFailure: Ignore}`),
  withStep('{name: One, action: UpdateOS}'),
  withStep(
    '{name: One, action: CreateFile, ' +
      'inputs: [{path: /x, permissions: 0644, overwrite: "{{ Flag }}", encoding: Utf-16}]}',
    'parameters: [{Flag: {type: string, default: true}}]\n',
  ),
  withStep('{name: One, action: Assert, inputs: {and: [{numberEquals: 1, value: 2}, {not: [{fileExists: /x}]}]}}'),
  withStep(
    `${STEP}, if: {stringEquals: a, value: b, then: Skip, else: Abort}, ` +
      'loop: {name: turns, for: {start: 1, end: "{{ Last }}", updateBy: -1}}}',
    'constants: [{Last: {type: string, value: 0}}]\n',
  ),
  withStep(`${STEP}, loop: {forEach: {list: "a;b", delimiter: ";"}}}`),
  withStep('{name: One, action: SetRegistry, inputs: [{path: "HKLM:x", name: y, value: [1, a], type: MULTI_SZ}]}'),
];

for (const text of GOOD)
  test(`accepts ${text.replaceAll('\n', ' | ')}`, () => assert.deepEqual(objections('component', text), []));

const BAD: readonly string[] = [
  'phases: []',
  'schemaVersion: 1.1\nphases: [{name: build, steps: []}]',
  `schemaVersion: 1.0\nphases: [{name: bild, steps: [${STEP}}]}]`,
  withStep(`${STEP}, timeoutSeconds: 0}`),
  withStep(`${STEP}, onFailure: continue}`),
  withStep(`${STEP}, maxAttempt: 1}`),
  withStep('{name: One, action: ExecuteBsh, inputs: {commands: [x]}}'),
  withStep('{name: One, action: ExecuteBash}'),
  withStep('{name: One, action: ExecuteBash, inputs: {commands: x}}'),
  withStep('{name: One, action: CreateFile, inputs: {path: /x}}'),
  withStep('{name: One, action: CreateFile, inputs: [{path: /x, permission: 1}]}'),
  withStep('{name: One, action: WebDownload, inputs: [{source: x, destination: y, checksum: z}]}'),
  withStep('{name: One, action: ExecutePowerShell, inputs: {commands: [x], file: y}}'),
  withStep('{name: One, action: Assert, inputs: {stringEquals: a}}'),
  withStep('{name: One, action: Assert, inputs: {fileExists: a, folderExists: b}}'),
  withStep(`${STEP}, loop: {for: {start: 1, end: 2, updateBy: 0}}}`),
  withStep(`${STEP}, loop: {for: {start: 1, end: 2, updateBy: 1}, forEach: [a]}}`),
  withStep(`${STEP}, if: {fileExist: /x}}`),
  withStep(`${STEP}}`, 'parameters: [{name: Flat, type: string}]\n'),
  withStep(`${STEP}}`, 'parameters: [{Name: {type: String}}]\n'),
];

for (const text of BAD) {
  test(`rejects ${text.replaceAll('\n', ' | ')}`, () => {
    assert.notDeepEqual(objections('component', text), []);
    assert.notDeepEqual(parseComponentDocument(text).faults, [], 'the validator has nothing against it');
  });
}

const WORKFLOW_STEP = '{name: Launch, action: LaunchInstance, inputs: {waitFor: ssmAgent}}';
const BAD_WORKFLOWS: readonly string[] = [
  'schemaVersion: 1.0\nsteps: []',
  'schemaVersion: 1.0\nsteps: [{name: Launch, action: LaunchInstance, inputs: {waitFor: agent}}]',
  `schemaVersion: 1.0\nsteps: [${WORKFLOW_STEP}, {name: End, action: TerminateInstance, inputs: {}}]`,
  `schemaVersion: 1.0\nsteps: [${WORKFLOW_STEP}, {name: 1st, action: WaitForAction}]`,
  `schemaVersion: 1.0\nsteps: [${WORKFLOW_STEP}, ` +
    '{name: Wait, action: WaitForAction, if: {patternMatches: a, value: b}}]',
  'schemaVersion: 1.0\n' +
    'steps: [{name: Launch, action: LaunchInstance, timeoutSeconds: 43201, inputs: {waitFor: ssmAgent}}]',
];

for (const text of BAD_WORKFLOWS) {
  test(`rejects ${text.replaceAll('\n', ' | ')}`, () => {
    assert.notDeepEqual(objections('workflow', text), []);
    assert.notDeepEqual(parseWorkflowDocument(text, 'BUILD').faults, [], 'the validator has nothing against it');
  });
}

for (const file of globSync('managed/{components,workflows/*}/*.yaml', { cwd: ROOT, exclude: ['**/index.yaml'] })) {
  const kind = file.includes('workflows') ? 'workflow' : 'component';
  test(`accepts ${file}`, () => assert.deepEqual(objections(kind, readFileSync(join(ROOT, file), 'utf8')), []));
}

const CORPUS = process.env['INGOT_CORPUS'] ?? join(ROOT, '../shared/corpus');

/** Warnings about what the schema forbids. */
const STRICTER: readonly string[] = ['unknown-key', 'unknown-input', 'quoted-scalar', 'null-value', 'empty-steps'];

test('accepts every valid document of the corpus', {
  skip: existsSync(CORPUS) ? false : `no corpus in ${CORPUS}: set INGOT_CORPUS to its folder`,
}, () => {
  const verdicts = JSON.parse(readFileSync(join(ROOT, 'test/data/corpus.json'), 'utf8')) as readonly {
    readonly file: string;
    readonly as: Platform | WorkflowType;
    readonly verdict: string;
    readonly faults: readonly string[];
  }[];
  const good = verdicts.filter(
    ({ verdict, faults }) =>
      verdict === 'valid' && !faults.some((fault) => STRICTER.some((code) => fault.includes(` ${code}: `))),
  );
  const found = good.flatMap(({ file }) =>
    objections(file.startsWith('workflows/') ? 'workflow' : 'component', readFileSync(join(CORPUS, file), 'utf8')).map(
      (line) => `${file}: ${line}`,
    ),
  );

  assert.deepEqual(found, []);
  assert.ok(good.length > 40, `${good.length} documents`);
});
