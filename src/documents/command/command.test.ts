import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { bindCommand, CommandParameterError, storedParametersOf, type BoundStep } from './bind.ts';
import type { CommandDocument } from './document.ts';
import { parseCommandDocument } from './parse.ts';

const OWN = new URL('../../../managed/commands/', import.meta.url);
const own = (name: string): CommandDocument => read(readFileSync(new URL(`${name}.yaml`, OWN), 'utf8'));

function read(text: string): CommandDocument {
  const { document, faults } = parseCommandDocument(text);
  assert.ok(document, JSON.stringify(faults));
  return document;
}

const codes = (text: string): readonly string[] =>
  parseCommandDocument(text).faults.map(({ code, position: { line, column } }) => `${line}:${column} ${code}`);

const STEP = 'mainSteps:\n- {action: aws:runShellScript, name: one, inputs: {runCommand: [a]}}\n';

test("Ingot's own documents have no faults", () => {
  const names = readdirSync(OWN);
  assert.deepEqual(names, ['AWS-RunPowerShellScript.yaml', 'AWS-RunShellScript.yaml', 'AWS-UpdateSSMAgent.yaml']);
  for (const name of names) assert.deepEqual(codes(readFileSync(new URL(name, OWN), 'utf8')), []);
});

test('AWS-RunShellScript with its parameters and with its defaults', () => {
  const document = own('AWS-RunShellScript');
  const parameters = { commands: ['set -e', 'echo a'], workingDirectory: ['/srv'], executionTimeout: ['60'] };
  const expected = {
    name: 'runShellScript',
    plugin: 'aws:runShellScript',
    script: 'set -e\necho a\n',
    workingDirectory: '/srv',
    timeoutSeconds: 60,
    onFailure: undefined,
    exitsOnSuccess: false,
    isFinally: false,
  };
  assert.deepEqual(bindCommand(document, parameters).steps, [expected]);
  assert.deepEqual(bindCommand(document, { commands: 'a' }).steps, [
    { ...expected, script: 'a\n', workingDirectory: undefined, timeoutSeconds: 3600 },
  ]);
});

describe('what is wrong with a document, at its place', () => {
  const cases: readonly (readonly [what: string, text: string, expected: readonly string[]])[] = [
    ['no version', STEP, ['1:1 missing-key']],
    ['schema 1.2', `schemaVersion: '1.2'\n${STEP}`, ['1:16 unsupported-schema-version']],
    ['a runbook', `schemaVersion: '0.3'\n${STEP}`, ['1:16 unsupported-schema-version']],
    ['no steps', "schemaVersion: '2.2'\nmainSteps: []", ['2:1 out-of-range']],
    [
      'a plugin that Ingot does not have',
      "schemaVersion: '2.2'\nmainSteps:\n- {action: aws:configurePackage, name: one, inputs: {}}",
      ['3:12 unknown-action'],
    ],
    [
      'one that only Windows would run is no fault',
      "schemaVersion: '2.2'\nmainSteps:\n- {action: aws:psModule, name: one, inputs: {}}\n" +
        '- {action: aws:domainJoin, name: two, inputs: {}, precondition: {StringEquals: [Windows, platformType]}}',
      [],
    ],
    [
      'an unknown operator, and a comparison with itself',
      `schemaVersion: '2.2'\n${STEP.replace('}}', '}, precondition: {StringLike: [a, b], StringEquals: [a, a]}}')}`,
      ['3:85 unknown-operator', '3:119 invalid-value'],
    ],
    [
      'a parameter without type, one with a wrong pattern, a list as a variable',
      `schemaVersion: '2.2'\nparameters:\n  a: {default: x}\n  b: {type: String, allowedPattern: '('}\n` +
        `  c: {type: StringList, interpolationType: ENV_VAR}\n  d_e: {type: String}\n${STEP}`,
      ['3:6 missing-key', '4:37 invalid-value', '5:44 invalid-value', '6:3 invalid-value'],
    ],
    [
      'no commands, unknown inputs, an unknown onFailure',
      "schemaVersion: '2.2'\nmainSteps:\n" +
        '- {action: aws:runShellScript, name: one, inputs: {runComand: a, onFailure: stop}}',
      ['3:51 missing-input', '3:52 unknown-input', '3:77 invalid-value'],
    ],
  ];
  for (const [what, text, expected] of cases) test(what, () => assert.deepEqual(codes(text), expected));
});

const PARAMETERS = `
schemaVersion: '2.2'
parameters:
  Version: {type: String, allowedPattern: '^[0-9.]+$', maxChars: 5}
  Mode: {type: String, default: fast, allowedValues: [fast, slow]}
  Names: {type: StringList, default: [a], minItems: 1, maxItems: 2}
  Map: {type: StringMap, default: {k: v}}
  Count: {type: Integer, default: 3}
mainSteps:
- action: aws:runShellScript
  name: only
  inputs:
    runCommand:
    - 'install {{ Version }} {{Mode}} {{ Names }} {{ Map }} {{ Count }} {{ unknown }} {{ .Go }}'
    - '{{ Names }}'
`;
const scripts = (steps: readonly BoundStep[]): readonly (string | undefined)[] =>
  steps.map((step) => (step.skipped === undefined ? step.script : undefined));

test('values replace references; a whole list is one line for each item', () => {
  const { steps } = bindCommand(read(PARAMETERS), { Version: ['1.2'], Names: ['x', 'y'] });
  assert.deepEqual(scripts(steps), ['install 1.2 fast ["x","y"] {"k":"v"} 3 {{ unknown }} {{ .Go }}\nx\ny\n']);
});

test('a value is not read again: no reference in it is replaced', () => {
  const text = PARAMETERS.replace("'^[0-9.]+$', maxChars: 5", "'.*'");
  const { steps } = bindCommand(read(text), { Version: ['{{ Mode }}'] });
  assert.match(scripts(steps)[0]!, /^install \{\{ Mode \}\} fast /);
});

describe('values that do not fit are named', () => {
  const cases: readonly (readonly [given: Record<string, unknown>, message: RegExp])[] = [
    [{}, /^parameters: Version: it has no default; give a value$/],
    [{ Version: ['1'], Mod: ['fast'] }, /has no parameter 'Mod'.*Mode/],
    [{ Version: ['latest'] }, /Version: 'latest' does not match the pattern/],
    [{ Version: ['1.2.3.4'] }, /Version: '1\.2\.3\.4' has 7 characters; at most 5/],
    [{ Version: ['1', '2'] }, /Version: a String takes exactly one value, and got 2/],
    [{ Version: ['1'], Mode: ['FAST'] }, /Mode: 'FAST' is not one of fast, slow/],
    [{ Version: ['1'], Names: ['a', 'b', 'c'] }, /Names: it has 3 items; at most 2/],
    [{ Version: ['1'], Map: ['x'] }, /Map: 'x' is not a map in JSON/],
    [{ Version: ['1'], Count: ['4'] }, /Count: a value of type Integer comes from the document alone \(it is 3\)/],
  ];
  for (const [given, message] of cases)
    test(String(message), () =>
      assert.throws(
        () => bindCommand(read(PARAMETERS), given),
        (error: Error) => error instanceof CommandParameterError && message.test(error.message),
      ),
    );
});

test('steps for another platform, or whose precondition is not met, are skipped with the reason', () => {
  const step = (name: string, more: string, action = 'aws:runShellScript'): string =>
    `- {action: ${action}, name: ${name}, inputs: {runCommand: [a]}, precondition: {StringEquals: ${more}}}\n`;
  const { steps } = bindCommand(
    read(
      "schemaVersion: '2.2'\nparameters: {kind: {type: String, default: web}}\nmainSteps:\n" +
        step('win', '[platformType, Windows]', 'aws:runPowerShellScript') +
        step('linux', '[Linux, platformType]') +
        step('web', "['{{ kind }}', web]") +
        step('db', "['{{ kind }}', db]"),
    ),
    {},
  );
  assert.deepEqual(
    steps.map(({ name, skipped }) => `${name} ${skipped ?? 'runs'}`),
    [
      'win its precondition is not met: platformType = Windows',
      'linux runs',
      'web runs',
      'db its precondition is not met: {{ kind }} = db',
    ],
  );
});

test('a parameter that is a variable never becomes text of a script', () => {
  const document = read(
    "schemaVersion: '2.2'\nparameters: {M: {type: String, interpolationType: ENV_VAR}}\nmainSteps:\n" +
      '- {action: aws:runShellScript, name: a, inputs: {runCommand: [\'echo "{{ M }}"\']}}\n' +
      "- {action: aws:runPowerShellScript, name: b, inputs: {runCommand: ['{{M}}'], workingDirectory: '/{{ M }}'}}\n",
  );
  const { steps, variables } = bindCommand(document, { M: ['$(id)'] });
  assert.deepEqual(scripts(steps), ['echo "${SSM_M}"\n', '${env:SSM_M}\n']);
  assert.deepEqual(variables, { SSM_M: '$(id)' });
});

test('values of Parameter Store are named, and replaced where they stand', () => {
  const document = read(
    "schemaVersion: '2.2'\nparameters: {P: {type: String, default: '{{ssm:/a/b}}'}}\nmainSteps:\n" +
      "- {action: aws:runShellScript, name: a, inputs: {runCommand: ['{{ P }} {{ ssm:other }}']}}\n",
  );
  assert.deepEqual(storedParametersOf(document, {}), ['/a/b', 'other']);
  assert.deepEqual(scripts(bindCommand(document, {}, { '/a/b': 'x', other: 'y' }).steps), ['x y\n']);
  assert.throws(() => storedParametersOf(document, { P: ['{{ssm-secure:key}}'] }), /ssm-secure:key.* is not supported/);
});

test('references that grow a script beyond its limit are refused', () => {
  const line = '{{p}}'.repeat(3000);
  const text =
    "schemaVersion: '2.2'\nparameters: {p: {type: String}}\nmainSteps:\n" +
    `- {action: aws:runShellScript, name: a, inputs: {runCommand: ['${line}']}}\n`;
  assert.throws(() => bindCommand(read(text), { p: ['x'.repeat(1000)] }), /more than 1048576 characters/);
});
