import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFault } from '../faults.ts';
import type { Loop, StepCondition } from './document.ts';
import { needsMachine } from './machine-rule.ts';
import { parseComponentDocument } from './parse.ts';
import { stated } from '../../../test/harness/stated.ts';

const NGINX = `
name: InstallWeb
description: Installs NGINX
schemaVersion: 1.0
parameters:
  - Package:
      type: string
      default: nginx
      description: What to install
      allowedValues: [nginx, nginx-light]
constants:
  - Version:
      type: string
      value: 1.10
phases:
  - name: build
    steps:
      - name: Update
        action: UpdateOS
      - name: Install
        action: ExecuteBash
        timeoutSeconds: -1
        maxAttempts: 3
        onFailure: Continue
        inputs:
          commands:
            - apt-get install -y {{ Package }}
            - |
              echo {{Version}}
      - name: Page
        action: CreateFile
        inputs:
          - path: /var/www/html/index.html
            content: "{{ build.Install.outputs.stdout }}"
            permissions: 0644
            overwrite: yes
  - name: test
    steps:
      - name: Answers
        action: Assert
        inputs:
          and:
            - fileExists: /var/www/html/index.html
            - not:
                - stringEquals: 1.0
                  value: '{{ Version }}'
`;

/** The faults of a document, one per line. */
function faultsOf(text: string): readonly string[] {
  return parseComponentDocument(text, { platform: 'Linux' }).faults.map((fault) => formatFault(fault));
}

test('a valid document is returned with its defaults', () => {
  const { document, faults } = parseComponentDocument(NGINX, { platform: 'Linux' });

  assert.deepEqual(faults, []);
  assert.deepEqual(stated(document), {
    name: 'InstallWeb',
    description: 'Installs NGINX',
    schemaVersion: '1.0',
    parameters: [
      {
        name: 'Package',
        type: 'string',
        defaultValue: 'nginx',
        description: 'What to install',
        allowedValues: ['nginx', 'nginx-light'],
      },
    ],
    constants: [{ name: 'Version', value: '1.10' }],
    phases: [
      {
        name: 'build',
        steps: [
          {
            name: 'Update',
            action: 'UpdateOS',
            timeoutSeconds: 7200,
            onFailure: 'Abort',
            maxAttempts: 1,
            inputs: {},
            position: { line: 18, column: 9 },
          },
          {
            name: 'Install',
            action: 'ExecuteBash',
            timeoutSeconds: -1,
            onFailure: 'Continue',
            maxAttempts: 3,
            inputs: { commands: ['apt-get install -y {{ Package }}', 'echo {{Version}}\n'] },
            position: { line: 20, column: 9 },
          },
          {
            name: 'Page',
            action: 'CreateFile',
            timeoutSeconds: 7200,
            onFailure: 'Abort',
            maxAttempts: 1,
            inputs: [
              {
                path: '/var/www/html/index.html',
                content: '{{ build.Install.outputs.stdout }}',
                permissions: '0644',
                overwrite: true,
              },
            ],
            position: { line: 30, column: 9 },
          },
        ],
      },
      {
        name: 'test',
        steps: [
          {
            name: 'Answers',
            action: 'Assert',
            timeoutSeconds: 7200,
            onFailure: 'Abort',
            maxAttempts: 1,
            inputs: {
              and: [
                { fileExists: '/var/www/html/index.html' },
                { not: { stringEquals: '1.0', value: '{{ Version }}' } },
              ],
            },
            position: { line: 39, column: 9 },
          },
        ],
      },
    ],
  });
});

const CONDITIONS: readonly (readonly [text: string, read: StepCondition])[] = [
  ['{fileExists: /x}', { condition: { fileExists: '/x' }, then: 'Execute', else: 'Skip' }],
  [
    '[{fileExists: /x, then: Abort, else: Execute}]',
    { condition: { fileExists: '/x' }, then: 'Abort', else: 'Execute' },
  ],
  ['{not: {fileExists: /x}, then: Skip}', { condition: { not: { fileExists: '/x' } }, then: 'Skip', else: 'Skip' }],
  [
    '{not: [{fileExists: /x, then: Skip, else: Abort}]}',
    { condition: { not: { fileExists: '/x' } }, then: 'Skip', else: 'Abort' },
  ],
  [
    '{and: [{numberEquals: 1.0, value: 0x1}, {or: [{stringIsEmpty: ""}]}]}',
    {
      condition: { and: [{ numberEquals: '1.0', value: '0x1' }, { or: [{ stringIsEmpty: '' }] }] },
      then: 'Execute',
      else: 'Skip',
    },
  ],
];

for (const [text, read] of CONDITIONS) {
  test(`if: ${text}`, () => {
    const { document, faults } = parseComponentDocument(withStep(`if: ${text}`));

    assert.deepEqual(faults, []);
    assert.deepEqual(document?.phases[0]?.steps[0]?.if, read);
  });
}

const LOOPS: readonly (readonly [text: string, read: Loop])[] = [
  ['{for: {start: 1, end: 0x10, updateBy: 010}}', { kind: 'for', start: 1, end: 16, updateBy: 8 }],
  [
    '{name: turns, for: {start: 3, end: "{{ Name }}", updateBy: -1}}',
    { kind: 'for', name: 'turns', start: 3, end: '{{ Name }}', updateBy: -1 },
  ],
  ['{name: "", forEach: [a, 1.0, true]}', { kind: 'forEach', items: ['a', '1.0', 'true'] }],
  ['{forEach: {list: "{{ Name }}"}}', { kind: 'list', list: '{{ Name }}', delimiter: ',' }],
  ['{forEach: {list: a, delimiter: "\\t"}}', { kind: 'list', list: 'a', delimiter: '\t' }],
];

for (const [text, read] of LOOPS) {
  test(`loop: ${text}`, () => {
    const { document, faults } = parseComponentDocument(withStep(`loop: ${text}`));

    assert.deepEqual(faults, []);
    assert.deepEqual(document?.phases[0]?.steps[0]?.loop, read);
  });
}

function withStep(line: string): string {
  return `schemaVersion: 1.0
parameters: [{Name: {type: string}}]
phases:
  - name: build
    steps:
      - name: One
        action: ExecuteBash
        ${line}
        inputs: {commands: ['echo {{ Name }}']}
`;
}

test('JSON is parsed like YAML', () => {
  const text = JSON.stringify({
    schemaVersion: '1.0',
    phases: [{ name: 'test', steps: [{ name: 'A', action: 'Reboot', inputs: { delaySeconds: 5 } }] }],
  });

  const { document, faults } = parseComponentDocument(text);

  assert.deepEqual(faults, []);
  assert.deepEqual(document?.phases[0]?.steps[0]?.inputs, { delaySeconds: 5 });
});

for (const version of ['1.0', '1', '"1.0"', "'1'"]) {
  test(`schemaVersion ${version} is 1.0`, () => {
    const { document } = parseComponentDocument(
      `schemaVersion: ${version}\nphases: [{name: test, steps: [{name: A, action: UpdateOS}]}]`,
    );

    assert.equal(document?.schemaVersion, '1.0');
  });
}

/** `inputs` of a step as written, and as parsed. */
const INPUTS: readonly (readonly [string, string, unknown])[] = [
  ['ExecuteBash', '{commands: [1.0, 0777, true, ~]}', { commands: ['1.0', '0777', 'true', ''] }],
  ['CreateFile', '[{path: /x, permissions: 0755}]', [{ path: '/x', permissions: '0755' }]],
  ['CreateFile', '[{path: /x, permissions: 755}]', [{ path: '/x', permissions: '0755' }]],
  ['CreateFile', '[{path: /x, permissions: "0o644"}]', [{ path: '/x', permissions: '0644' }]],
  [
    'CreateFile',
    '[{path: /x, permissions: 01777, overwrite: off}]',
    [{ path: '/x', permissions: '1777', overwrite: false }],
  ],
  [
    'CreateFile',
    '[{path: /x, encoding: UTF-8, overwrite: "{{ Overwrite }}"}]',
    [{ path: '/x', encoding: 'utf-8', overwrite: '{{ Overwrite }}' }],
  ],
  ['Reboot', '{delaySeconds: 0010}', { delaySeconds: 8 }],
  ['UpdateOS', '{include: [nginx], exclude: ["linux*"]}', { include: ['nginx'], exclude: ['linux*'] }],
  ['Assert', '{numberGreaterThan: 1.50, value: "{{ Size }}"}', { numberGreaterThan: '1.50', value: '{{ Size }}' }],
];

for (const [action, written, expected] of INPUTS) {
  test(`inputs of ${action}: ${written}`, () => {
    const step = `{name: A, action: ${action}, inputs: ${written}}`;
    const text = `schemaVersion: 1.0\nphases: [{name: test, steps: [${step}]}]`;

    const { document, faults } = parseComponentDocument(text);

    assert.deepEqual(document?.phases[0]?.steps[0]?.inputs, expected, JSON.stringify(faults));
  });
}

test('anchors and merge keys are resolved', () => {
  const text = `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - &step
        name: One
        action: ExecuteBash
        maxAttempts: 2
        inputs: &inputs {commands: [id]}
      - <<: *step
        name: Two
      - {name: Three, action: ExecuteBash, inputs: *inputs}
`;

  const { document, faults } = parseComponentDocument(text);

  assert.deepEqual(faults, []);
  assert.deepEqual(
    document?.phases[0]?.steps.map((step) => [step.name, step.maxAttempts, step.inputs]),
    [
      ['One', 2, { commands: ['id'] }],
      ['Two', 2, { commands: ['id'] }],
      ['Three', 1, { commands: ['id'] }],
    ],
  );
});

test('all faults are reported at once, in the order of the text', () => {
  const text = `
schemaVersion: 1.1
phases:
  - name: build
    steps:
      - name: One
        action: ExecuteBsh
      - name: One
        action: WebDownload
        onFailure: Stop
        inputs: [{source: x}]
`;

  assert.deepEqual(faultsOf(text), [
    "2:16: error unsupported-schema-version: The schemaVersion must be 1.0, not '1.1'.",
    "7:17: error unknown-action: Unknown action module 'ExecuteBsh'. Did you mean 'ExecuteBash'?",
    "8:15: error duplicate-name: The step 'One' is a duplicate of the one in line 6.",
    "10:20: error invalid-value: 'onFailure' must be one of Abort, Continue, Ignore, not 'Stop'.",
    "11:18: error missing-input: WebDownload needs the input 'destination'.",
  ]);
});

/** Common constructs in real documents that must cause no warning. */
const QUIET = [
  'echo "{{ item.value }}" {{ .Names }} {{json .}} {{ aws:ssm:resolve(x) }} {{ foo | bar }}',
  'echo ${HOME} ${!FILE} $(id)',
  'echo {{ Servers.value }}',
  'echo {{ imagebuilder:buildDate }}',
];

for (const command of QUIET) {
  test(`no warning: ${command}`, () => {
    const step = { name: 'A', action: 'ExecuteBash', inputs: { commands: [command] } };

    const { document, faults } = parseComponentDocument(
      JSON.stringify({ schemaVersion: 1, phases: [{ name: 'build', steps: [step] }] }),
    );

    assert.deepEqual(faults, []);
    assert.ok(document);
  });
}

test('steps may refer to inputs and outputs of earlier steps, in earlier phases too', () => {
  const text = `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Files
        action: CreateFile
        inputs: [{path: /a}, {path: /b}]
      - name: Show
        action: ExecuteBinary
        inputs: {path: /bin/cat, arguments: ["{{ build.Files.inputs[1].path }}"]}
  - name: validate
    steps:
      - name: Same
        action: Assert
        inputs: {stringEquals: "{{ build.Show.outputs[0].stdout }}", value: "{{build.Files.inputs.path}}"}
`;

  assert.deepEqual(faultsOf(text), []);
});

test('aliases may repeat a long text up to a limit', () => {
  const document = (aliases: number): string => `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: A
        action: ExecuteBash
        inputs:
          commands: [&a "${'x'.repeat(16_000)}"${', *a'.repeat(aliases)}]
`;
  assert.deepEqual(parseComponentDocument(document(16)).faults, []);
  assert.deepEqual(
    parseComponentDocument(document(1000)).faults.map(({ code }) => code),
    ['document-too-large'],
  );
});

test('scripts in files that run each other are read up to a limit', () => {
  const step = (name: string, action: string, inputs: unknown): object => ({ name, action, inputs });
  const script = '/f\n'.repeat(5000);
  const { document } = parseComponentDocument(
    JSON.stringify({
      schemaVersion: '1.0',
      phases: [
        {
          name: 'build',
          steps: [
            step('F', 'CreateFile', [{ path: '/f', content: script }]),
            step('B', 'ExecuteBash', { commands: [script] }),
          ],
        },
      ],
    }),
  );

  assert.equal(needsMachine(document!, ['build']), undefined);
});
