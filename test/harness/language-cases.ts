/** What the runner makes of `if` and `loop`, on every kind of instance. Called by one test file for each of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import type { DocumentOutcome } from '../../src/runner/outcome.ts';
import { runText } from './runner-cases.ts';

/** What a document's steps came to, a word each: status, or what the step printed when that is asked for. */
interface Expected {
  readonly statuses: readonly string[];
  /** `stdout` of the last step. */
  readonly stdout?: string;
  /** The message of the first failure. */
  readonly message?: RegExp;
  readonly attempts?: readonly number[];
}

const HEAD = `schemaVersion: 1.0
parameters:
  - Folder: {type: string}
  - List: {type: string, default: 'x,y'}
constants:
  - Two: {type: string, value: 2}
phases:
  - name: build
    steps:
`;

function say(name: string, text: string, more = ''): string {
  return `      - {name: ${name}, action: ExecuteBash, ${more}inputs: {commands: ['echo ${text}']}}\n`;
}

const LOOKS = "      - {name: Look, action: ExecuteBash, inputs: {commands: ['cat log; rm -f log']}}\n";
const LOG = '{{ loop.index }}={{ loop.value }}';

function logs(loop: string, more = '', command = `echo "${LOG}" >> log`): string {
  return `      - {name: Loop, action: ExecuteBash, ${more}loop: ${loop}, inputs: {commands: ['${command}']}}\n`;
}

function prints(name: string, bytes: number): string {
  const command = `head -c ${bytes} /dev/zero | tr '\\\\0' y`;
  return `      - {name: ${name}, action: ExecuteBash, inputs: {commands: ["${command}"]}}\n`;
}

function runsDocument(more: string, inputs = ''): string {
  const arn = 'arn:aws:imagebuilder:us-east-1:123456789012:component/a/1.0.0/1';
  return `      - {name: One, action: ExecuteDocument, ${more}, inputs: {document: "${arn}"${inputs}}}\n`;
}

const CASES: readonly (readonly [title: string, steps: string, expected: Expected])[] = [
  [
    'if that holds: the step runs',
    say('One', 'here', 'if: {folderExists: /etc}, '),
    { statuses: ['Success'], stdout: 'here' },
  ],
  [
    'if that does not: the step is skipped, and the phase succeeds',
    say('One', 'here', 'if: {fileExists: /etc}, ') + say('Two', 'next'),
    { statuses: ['Skipped', 'Success'], stdout: 'next' },
  ],
  [
    'then: Skip',
    say('One', 'here', 'if: {folderExists: /etc, then: Skip}, ') + say('Two', 'next'),
    { statuses: ['Skipped', 'Success'] },
  ],
  [
    'else: Execute',
    say('One', 'here', 'if: {fileExists: /etc, then: Skip, else: Execute}, '),
    { statuses: ['Success'], stdout: 'here' },
  ],
  [
    'then: Abort',
    say('One', 'here', 'if: {folderExists: /etc, then: Abort}, maxAttempts: 3, ') + say('Two', 'next'),
    {
      statuses: ['Failed'],
      message: /^the step's if says Abort: folderExists '\/etc' is true$/,
      attempts: [0],
    },
  ],
  [
    'else: Abort, ignored',
    say('One', 'here', 'if: {fileExists: /etc, else: Abort}, onFailure: Ignore, ') + say('Two', 'next'),
    { statuses: ['IgnoredFailure', 'Success'] },
  ],
  [
    'if of what an earlier step printed, of constants and parameters',
    say('One', '10') +
      say(
        'Two',
        'here',
        'if: {and: [{numberGreaterThan: "{{ Two }}", value: "{{ build.One.outputs.stdout }}"}, {stringEquals: ' +
          '"X,Y", value: "{{ List }}"}]}, ',
      ),
    { statuses: ['Success', 'Success'], stdout: 'here' },
  ],
  [
    'not, with then beside what it turns round',
    say('One', 'here', 'if: {not: {fileExists: /etc, then: Skip, else: Execute}}, '),
    { statuses: ['Skipped'] },
  ],
  [
    'or stops at the first that holds',
    say('One', 'here', 'if: {or: [{folderExists: /etc}, {patternMatches: "{{ List }}", value: a}]}, '),
    { statuses: ['Success'] },
  ],
  [
    'a pattern of a parameter that is none',
    say('One', 'here', 'if: {patternMatches: "({{ List }}", value: a}, maxAttempts: 2, '),
    {
      statuses: ['Failed'],
      message: /^the step's if could not be evaluated: The pattern '\(x,y' cannot be read/,
      attempts: [0],
    },
  ],
  [
    'an output of a skipped step',
    say('One', 'here', 'if: {fileExists: /etc}, ') + say('Two', '{{ build.One.outputs.stdout }}'),
    { statuses: ['Skipped', 'Success'], stdout: '' },
  ],
  [
    'an output of a skipped step in a condition and as the list of a loop',
    say('One', 'here', 'if: {fileExists: /etc}, ') +
      say('Two', 'empty', 'if: {stringIsEmpty: "{{ build.One.outputs.stdout }}"}, ') +
      logs('{forEach: {list: "{{ build.One.outputs.stdout }}"}}') +
      say('Three', 'end'),
    { statuses: ['Skipped', 'Success', 'Success', 'Success'], stdout: 'end' },
  ],
  [
    'a time limit of a month',
    say('One', 'here', 'timeoutSeconds: 2592000, '),
    { statuses: ['Success'], stdout: 'here' },
  ],
  [
    'a time limit of years',
    say('One', 'here', 'timeoutSeconds: 900000000, '),
    { statuses: ['Success'], stdout: 'here' },
  ],
  [
    'the working directory in the environment',
    say('One', '[ "$WORKING_DIRECTORY" = "$PWD" ] \\&\\& echo same', '').replace('echo [', '[').replaceAll('\\', ''),
    { statuses: ['Success'], stdout: 'same' },
  ],
  ...(
    [
      [
        'an argument that is too long',
        '{path: echo, arguments: ["{{ build.Long.outputs.stdout }}"]}',
        /^arguments\[0\] has 200000 bytes; Linux takes 131071 in one argument/,
      ],
      [
        'a program whose name is too long',
        '{path: "{{ build.Long.outputs.stdout }}"}',
        /^path has 200000 bytes; Linux takes/,
      ],
      [
        'a NUL character in an argument',
        '{path: echo, arguments: [x, "a\\0b"]}',
        /^arguments\[1\] has a NUL character/,
      ],
      [
        'arguments that are too long together',
        `{path: echo, arguments: [${Array(30).fill('"{{ build.Part.outputs.stdout }}"').join(', ')}]}`,
        /arguments are too long together/,
      ],
      ['a program that is a folder', '{path: /etc}', /^exit status 126: \/etc may not be executable/],
    ] as const
  ).map(([title, inputs, message]): (typeof CASES)[number] => [
    `${title} fails the step and nothing else`,
    prints('Long', 200_000) +
      prints('Part', 100_000) +
      `      - {name: Bad, action: ExecuteBinary, onFailure: Ignore, inputs: ${inputs}}\n` +
      say('Next', 'next'),
    { statuses: ['Success', 'Success', 'IgnoredFailure', 'Success'], stdout: 'next', message },
  ]),
  [
    'a path that is too long fails the step and nothing else',
    prints('Long', 200_000) +
      '      - {name: Bad, action: CreateFile, onFailure: Ignore, inputs: ' +
      '[{path: "{{ build.Long.outputs.stdout }}", content: x}]}\n' +
      say('Asks', 'x', 'onFailure: Ignore, if: {fileExists: "{{ build.Long.outputs.stdout }}"}, ') +
      say('Next', 'next'),
    {
      statuses: ['Success', 'IgnoredFailure', 'IgnoredFailure', 'Success'],
      stdout: 'next',
      message: /a value has 2000\d\d bytes; Linux takes/,
    },
  ],
  [
    'if is asked once, not after a restart',
    "      - {name: One, action: ExecuteBash, if: {not: {fileExists: '{{ Folder }}/restarted'}}, inputs: " +
      "{commands: ['[ -e restarted ] && rm restarted && exit 0', 'touch restarted', 'exit 194']}}\n",
    { statuses: ['Success'], attempts: [1] },
  ],

  [
    'for',
    logs('{for: {start: 1, end: 3, updateBy: 1}}') + LOOKS,
    { statuses: ['Success', 'Success'], stdout: '0=1\n1=2\n2=3' },
  ],
  [
    'for, downwards, to a constant',
    logs("{for: {start: 6, end: '{{ Two }}', updateBy: -2}}") + LOOKS,
    { statuses: ['Success', 'Success'], stdout: '0=6\n1=4\n2=2' },
  ],
  [
    'for that a parameter makes endless',
    logs("{for: {start: 1, end: '{{ List }}', updateBy: 1}}"),
    { statuses: ['Failed'], message: /^'end' of the loop must be an integer, not 'x,y'$/ },
  ],
  [
    'forEach of a list',
    logs("{forEach: [a, 'b c', '{{ Two }}']}") + LOOKS,
    { statuses: ['Success', 'Success'], stdout: '0=a\n1=b c\n2=2' },
  ],
  [
    'forEach of a delimited list',
    logs("{forEach: {list: 'a b-c', delimiter: '-'}}") + LOOKS,
    { statuses: ['Success', 'Success'], stdout: '0=a b\n1=c' },
  ],
  [
    'forEach of what an earlier step printed',
    say('One', 'p,q') + logs("{forEach: {list: '{{ build.One.outputs.stdout }}'}}") + LOOKS,
    {
      statuses: ['Success', 'Success', 'Success'],
      stdout: '0=p\n1=q',
    },
  ],
  [
    'forEach of nothing does nothing',
    say('One', '') + logs("{forEach: {list: '{{ build.One.outputs.stdout }}'}}") + say('Two', 'next'),
    {
      statuses: ['Success', 'Success', 'Success'],
      stdout: 'next',
    },
  ],
  [
    'the values of a named loop, and others as text',
    logs('{name: turns, forEach: [a]}', '', 'echo "{{ turns.index }}{{ turns.value }}{{ others.value }}" >> log') +
      LOOKS,
    {
      statuses: ['Success', 'Success'],
      stdout: '0a{{ others.value }}',
    },
  ],
  [
    'outputs of the turns, a line each',
    logs('{forEach: [a, b]}', '', `echo "${LOG}"`) + say('Two', '"{{ build.Loop.outputs.stdout }}"'),
    {
      statuses: ['Success', 'Success'],
      stdout: '0=a\n1=b',
    },
  ],
  [
    'inputs of the last turn',
    "      - {name: Loop, action: CreateFile, loop: {forEach: [a, b]}, inputs: [{path: 'looped-{{ loop.value }}', " +
      'content: x}]}\n' +
      say('Two', '"{{ build.Loop.inputs.path }}" && ls looped-a looped-b'),
    { statuses: ['Success', 'Success'], stdout: 'looped-b\nlooped-a\nlooped-b' },
  ],
  [
    'a turn that fails ends the loop',
    logs('{forEach: [a, b, c]}', 'onFailure: Continue, ', `echo "${LOG}" >> log; [ {{ loop.value }} != b ]`) + LOOKS,
    {
      statuses: ['Failed', 'Success'],
      stdout: '0=a\n1=b',
      message: /^iteration 1 of the loop \(value 'b'\) failed: exit status 1$/,
    },
  ],
  [
    'outputs of turns before the one that fails stay',
    logs('{forEach: [a, b]}', 'onFailure: Ignore, ', `echo "${LOG}"; [ {{ loop.value }} != b ]`) +
      say('Two', '"{{ build.Loop.outputs.stdout }}"'),
    {
      statuses: ['IgnoredFailure', 'Success'],
      stdout: '0=a',
    },
  ],
  [
    'an attempt begins the loop anew',
    logs(
      '{forEach: [a, b]}',
      'maxAttempts: 3, ',
      `echo "${LOG}" >> log; [ {{ loop.index }} = 0 ] || [ $(wc -l < log) -ge 4 ]`,
    ) + LOOKS,
    {
      statuses: ['Success', 'Success'],
      attempts: [2, 1],
      stdout: '0=a\n1=b\n0=a\n1=b',
    },
  ],
  [
    'timeoutSeconds is for all turns together',
    logs('{for: {start: 1, end: 9, updateBy: 1}}', 'timeoutSeconds: 2, ', 'sleep 0.7'),
    {
      statuses: ['Failed'],
      message:
        /^the loop timed out in iteration \d \(value '\d'\): step Loop timed out: the script did not finish within the step's timeoutSeconds of 2$/,
    },
  ],
  [
    'a restart runs the same turn again',
    logs(
      '{forEach: [a, b]}',
      '',
      '[ -e {{ loop.value }}-seen ] && rm {{ loop.value }}-seen && echo {{ loop.value }} >> log && exit 0; touch ' +
        '{{ loop.value }}-seen; exit 194',
    ) + LOOKS,
    {
      statuses: ['Success', 'Success'],
      attempts: [1, 1],
      stdout: 'a\nb',
    },
  ],
  [
    'if is asked once for a whole loop',
    logs('{forEach: [a, b]}', "if: {not: {fileExists: '{{ Folder }}/log'}}, ") + LOOKS,
    { statuses: ['Success', 'Success'], stdout: '0=a\n1=b' },
  ],
  [
    'Assert in a loop',
    "      - {name: Loop, action: Assert, loop: {forEach: [/etc, /nowhere]}, inputs: {folderExists: '{{ loop.value " +
      "}}'}}\n",
    {
      statuses: ['Failed'],
      message: /^iteration 1 of the loop \(value '\/nowhere'\) failed: the assertion does not hold/,
    },
  ],
  [
    'a value that does not fit an input',
    "      - {name: Loop, action: CreateFile, loop: {forEach: ['0600', nine]}, maxAttempts: 5, inputs: [{path: " +
      "moded, permissions: '{{ loop.value }}'}]}\n",
    {
      statuses: ['Failed'],
      message: /^iteration 1 of the loop \(value 'nine'\) failed: Input 'permissions' of item 0 must be an octal mode/,
      attempts: [1],
    },
  ],
];

/**
 * Declares the tests.
 * @param instance the machine, asked for in each test
 * @param folder an absolute path in it that the tests may fill, made by the first
 */
export function languageCases(instance: () => Instance, folder: () => string): void {
  describe('the language', () => {
    for (const [title, steps, expected] of CASES) {
      test(title, async () => {
        const { outcome } = await runText(instance(), HEAD + steps, {
          workingDirectory: folder(),
          parameters: { Folder: folder() },
        });

        check(outcome, expected);
      });
    }

    test('an output of a skipped step is empty, with a warning', async () => {
      const { events } = await runText(
        instance(),
        HEAD + say('One', 'here', 'if: {fileExists: /etc}, ') + say('Two', '{{ build.One.outputs.stdout }}'),
        { workingDirectory: folder(), parameters: { Folder: folder() } },
      );

      assert.deepEqual(
        events.filter(({ level }) => level === 'warn').map(({ text }) => text),
        ['{{ build.One.outputs.stdout }} is empty: its step was skipped'],
      );
    });

    test('a document that the server does not return fails the step and nothing else', async () => {
      const { outcome } = await runText(instance(), HEAD + runsDocument('onFailure: Ignore') + say('Two', 'next'), {
        workingDirectory: folder(),
        parameters: { Folder: folder() },
        componentText: async () => {
          throw new RangeError('no such component');
        },
      });

      check(outcome, {
        statuses: ['IgnoredFailure', 'Success'],
        stdout: 'next',
        message: /^document: arn:aws:imagebuilder:.* cannot be read: no such component$/,
      });
    });

    test('a failure names the command that ended the script, and leaves nothing', async () => {
      const { outcome, lines } = await runText(
        instance(),
        HEAD +
          '      - {name: One, action: ExecuteBash, onFailure: Continue, inputs: ' +
          "{commands: ['echo a', 'exit 7', 'echo b']}}\n" +
          '      - {name: Two, action: ExecuteBash, onFailure: Ignore, inputs: ' +
          "{commands: ['echo a | grep -q b', ':', '(exit 3)']}}\n" +
          "      - {name: Three, action: ExecuteBash, inputs: {commands: ['ls /run | grep ingot-end || true']}}\n",
        { workingDirectory: folder(), parameters: { Folder: folder() } },
      );

      assert.equal(outcome.failure?.command, 'exit 7 (line 2 of the script)');
      assert.equal(outcome.ignored[0]?.command, undefined);
      assert.equal(outcome.phases[0]?.steps[2]?.outputs['stdout'], '');
      assert.deepEqual(lines, ['a']);
    });

    test('a looped step keeps how each of its documents went', async () => {
      const nested = `${HEAD}${say('Inner', 'x')}`;
      const { outcome } = await runText(
        instance(),
        HEAD + runsDocument('loop: {forEach: [a, b]}', ', parameters: [{name: Folder, value: "{{ loop.value }}"}]'),
        { workingDirectory: folder(), parameters: { Folder: folder() }, componentText: async () => nested },
      );

      assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
      const records = outcome.phases[0]?.steps[0]?.detailedOutput as readonly { readonly status: string }[];
      assert.deepEqual(
        records.map(({ status }) => status),
        ['success', 'success'],
      );
    });

    test('a long loop of small outputs keeps what fits', async () => {
      const { outcome, lines } = await runText(
        instance(),
        `${HEAD}${logs(
          '{for: {start: 1, end: 3, updateBy: 1}}',
          '',
          'head -c 400000 /dev/zero | tr "\\0" x; echo',
        )}${say('Two', '{{ build.Loop.outputs.stdout }}')}`,
        { workingDirectory: folder(), parameters: { Folder: folder() } },
      );

      assert.equal(lines.length, 3);
      assert.match(outcome.failure!.message, /has no value: the output is larger than 1 MiB/);
    });
  });
}

function check(outcome: DocumentOutcome, { statuses, stdout, message, attempts }: Expected): void {
  const steps = outcome.phases[0]?.steps ?? [];
  assert.deepEqual(
    steps.map((step) => step.status),
    statuses,
    JSON.stringify(outcome.failure),
  );
  if (stdout !== undefined) assert.equal(steps.at(-1)?.outputs['stdout'], stdout);
  if (attempts !== undefined)
    assert.deepEqual(
      steps.map((step) => step.attempts),
      attempts,
    );
  const failed = steps.find((step) => step.failureMessage !== undefined);
  if (message !== undefined) assert.match(failed?.failureMessage ?? '', message);
  else assert.ok(failed === undefined || statuses.includes('IgnoredFailure'), failed?.failureMessage);
  assert.equal(outcome.skippedStepCount, statuses.filter((status) => status === 'Skipped').length);
}
