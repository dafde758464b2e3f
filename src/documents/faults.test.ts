import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseComponentDocument } from './component/parse.ts';
import { FAULT_KINDS, FaultCollector, formatFault } from './faults.ts';
import type { FaultCode } from './faults.ts';
import { parseWorkflowDocument } from './workflow/parse.ts';
import { LOGIC_CASES } from '../../test/harness/fault-cases-logic.ts';
import { TEXT_CASES } from '../../test/harness/fault-cases-text.ts';
import { WORKFLOW_CASES } from '../../test/harness/fault-cases-workflow.ts';
import { PLACE, component, bash } from '../../test/harness/fault-texts.ts';

const CASES = [...TEXT_CASES, ...LOGIC_CASES, ...WORKFLOW_CASES];

for (const example of CASES) {
  test(`${example.code}: ${example.says.source}`, () => {
    const before = example.text.split(PLACE)[0]?.split('\n') ?? [];
    const text = example.text.replace(PLACE, '');

    const { document, faults } =
      example.workflow === undefined
        ? parseComponentDocument(text, example.platform === undefined ? {} : { platform: example.platform })
        : parseWorkflowDocument(text, example.workflow);

    const listed = faults.map((fault) => formatFault(fault)).join('\n');
    const found = faults.find((fault) => fault.code === example.code && example.says.test(fault.message));
    assert.ok(found, `no such fault in\n${listed}`);
    assert.deepEqual(found.position, { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }, listed);
    assert.equal(found.severity, FAULT_KINDS[example.code].severity);
    if (example.path !== undefined) assert.equal(found.path, example.path);
    assert.equal(
      document === undefined,
      faults.some((fault) => fault.severity === 'error'),
      listed,
    );
  });
}

test('each fault is reported once, and valid values are not reported', () => {
  const listed = (text: string) =>
    parseComponentDocument(text).faults.map(({ code, message }) => `${code}: ${message.slice(0, 40)}`);

  assert.equal(listed(component('action: ExecuteBash\nif: {fileExist: /x}\ninputs: {commands: [x]}\n')).length, 1);
  assert.equal(listed(component('action: Assert\ninputs: {frobnicate: x}\n')).length, 1);
  assert.equal(listed(bash('*.log')).length, 1);
  assert.equal(listed(bash('[ -f /x ] || { y; }\n    - [ -f /y ] && z\n    - x')).length, 2);
  const names = Array.from({ length: 32 }, (_, index) => `  - Name${index}: {type: string, value: x}\n`).join('');
  assert.deepEqual(listed(bash('x', `constants:\n${names}`)).length, 1);

  assert.deepEqual(listed(bash('|\n      cat >x <<E\n      db.password=\n      db.host=localhost\n      E')), []);
  assert.deepEqual(listed(bash('apt-get update\n      apt dist-upgrade')), []);
  assert.deepEqual(listed(bash('-echo')), []);
  assert.deepEqual(listed(bash("'! grep x /y'")), []);
  assert.deepEqual(listed(bash('&x echo\n    - *x')), []);
  assert.deepEqual(listed(bash("'{{ .Values.a.b }} {{ build.x }}'")), []);
});

/** Codes about a recipe's components together: `component/recipe-habits.test.ts`. */
const OF_RECIPES: readonly FaultCode[] = ['several-updates', 'other-package-manager'];

test('every fault code has a case', () => {
  const covered = new Set([...CASES.map((example) => example.code), ...OF_RECIPES]);
  assert.deepEqual(
    Object.keys(FAULT_KINDS).filter((code) => !covered.has(code as FaultCode)),
    [],
  );
});

test('the README has every fault code', () => {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  const rows = Object.entries(FAULT_KINDS).map(
    ([code, { severity, description }]) => `| \`${code}\` | ${severity} | ${description} |`,
  );

  assert.deepEqual(
    rows.filter((row) => !readme.includes(row)),
    [],
  );
});

test('faults are sorted by position, one line each', () => {
  const faults = new FaultCollector();
  faults.add('missing-key', { line: 3, column: 1 }, 'b', 'Second.');
  faults.add('unknown-action', { line: 2, column: 7 }, 'a', 'First.');

  const lines = faults.sorted().map((fault) => formatFault(fault, 'web.yaml'));

  assert.deepEqual(lines, ['web.yaml:2:7: error unknown-action: First.', 'web.yaml:3:1: error missing-key: Second.']);
  assert.match(formatFault(faults.sorted()[0]!), /^2:7: error/);
});
