/** What the runner has to do on every kind of instance. Called by one test file for each of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseComponentDocument } from '../../src/documents/component/parse.ts';
import type { Instance } from '../../src/instances/instance.ts';
import type { ProgressEvent } from '../../src/resources/progress.ts';
import type { DocumentOutcome } from '../../src/runner/outcome.ts';
import type { DocumentRun } from '../../src/runner/run-state.ts';
import { runDocument } from '../../src/runner/run-document.ts';

/** A document's run, and all that it told. */
export interface Ran {
  readonly outcome: DocumentOutcome;
  readonly events: readonly ProgressEvent[];
  /** Lines that commands printed. */
  readonly lines: readonly string[];
}

/** Runs a document's text on an instance. */
export async function runText(instance: Instance, text: string, options: Partial<DocumentRun> = {}): Promise<Ran> {
  const { document, faults } = parseComponentDocument(text);
  assert.ok(document, JSON.stringify(faults, undefined, 1));
  const events: ProgressEvent[] = [];
  const outcome = await runDocument({
    document,
    name: 'sample',
    phases: ['build', 'validate'],
    parameters: {},
    instance,
    report: (event) => events.push(event),
    ...options,
  });
  return { outcome, events, lines: events.filter((event) => event.type === 'output').map((event) => event.text) };
}

interface StepText {
  readonly name: string;
  readonly script: string;
  readonly more?: string;
}

/** A document with one phase of ExecuteBash steps. */
export function bashDocument(steps: readonly StepText[], head = ''): string {
  const text = steps.map(({ name, script, more }) =>
    [
      `      - name: ${name}`,
      '        action: ExecuteBash',
      ...(more === undefined ? [] : [`        ${more}`]),
      '        inputs:',
      '          commands:',
      '            - |',
      ...script.split('\n').map((line) => `              ${line}`),
    ].join('\n'),
  );
  return `schemaVersion: 1.0\n${head}phases:\n  - name: build\n    steps:\n${text.join('\n')}\n`;
}

/**
 * Declares the tests.
 * @param instance the machine, asked for in each test
 * @param folder an absolute path in it that the tests may fill, made by the first
 */
export function runnerCases(instance: () => Instance, folder: () => string): void {
  const here = (): Partial<DocumentRun> => ({ workingDirectory: folder() });

  describe('a step', () => {
    test("runs all commands as one script, and its exit code is the last one's", async () => {
      const { outcome, lines } = await runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: One
        action: ExecuteBash
        inputs:
          commands:
            - cd /
            - false
            - |
              echo "in $(pwd)"
              echo error >&2
            - X=1
            - echo "X is $X"
`,
        here(),
      );
      assert.equal(outcome.status, 'success');
      assert.deepEqual(outcome.phases[0]?.steps[0]?.outputs, { stdout: 'in /\nX is 1' });
      assert.deepEqual([...lines].sort(), ['X is 1', 'error', 'in /']);
    });

    test("begins in the working directory, with the environment of an agent's command", async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([
          { name: 'One', script: 'pwd; echo $HOME; echo $LANG; echo "$PATH"; id -u; echo "[$DEBIAN_FRONTEND]"; cat' },
        ]),
        here(),
      );
      assert.deepEqual(outcome.phases[0]?.steps[0]?.outputs['stdout']?.split('\n'), [
        folder(),
        '/root',
        'C.UTF-8',
        '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        '0',
        '[]',
      ]);
    });

    test('tells each line with its place and stream, and its start and end', async () => {
      const { events } = await runText(
        instance(),
        bashDocument([{ name: 'One', script: 'echo out; echo err >&2' }]),
        here(),
      );
      const place = { component: 'sample', phase: 'build', documentStep: 'One', action: 'ExecuteBash' };
      const told = events.map(({ seconds, ...event }) => ({ ...event, timed: seconds !== undefined }));
      assert.deepEqual(
        told.find((event) => event.stream === 'stdout'),
        { ...place, type: 'output', stream: 'stdout', text: 'out', timed: false },
      );
      assert.deepEqual(
        told.find((event) => event.stream === 'stderr'),
        { ...place, type: 'output', stream: 'stderr', text: 'err', timed: false },
      );
      assert.deepEqual(
        told.filter((event) => event.type === 'step').map((event) => [event.status, event.timed]),
        [
          ['Running', false],
          ['Success', true],
        ],
      );
    });

    test('passes arguments to a binary as they are', async () => {
      const { outcome } = await runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: One
        action: ExecuteBinary
        inputs:
          path: /usr/bin/printf
          arguments: ['%s|', '$HOME', 'a b', "it's", '*', '%n']
`,
        here(),
      );
      assert.deepEqual(outcome.phases[0]?.steps[0]?.outputs, { stdout: "$HOME|a b|it's|*|%n|" });
    });

    test('a binary that is not there is named', async () => {
      const { outcome } = await runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: One, action: ExecuteBinary, inputs: {path: /opt/not-there}}
`,
        here(),
      );
      assert.equal(outcome.failure?.message, 'exit status 127: there may be no program /opt/not-there');
      assert.equal(outcome.failure?.command, '/opt/not-there');
    });
  });

  describe('a failure', () => {
    test('names phase, step, command, exit code and the last lines', async () => {
      const { outcome, events } = await runText(
        instance(),
        bashDocument([
          { name: 'Install', script: 'for i in $(seq 30); do echo line $i; done\nls /no-such-file' },
          { name: 'Never', script: 'true' },
        ]),
        here(),
      );
      assert.equal(outcome.status, 'failed');
      const { outputTail, ...failure } = outcome.failure!;
      assert.deepEqual(failure, {
        phase: 'build',
        step: 'Install',
        action: 'ExecuteBash',
        message: 'exit status 2',
        exitCode: 2,
        command: 'ls /no-such-file (line 2 of the script)',
      });
      assert.equal(outputTail.length, 20);
      assert.ok(outputTail.some((line) => line.includes('/no-such-file')));
      assert.deepEqual(
        outcome.phases.map((phase) => [phase.status, phase.steps.map((step) => step.name)]),
        [['Failed', ['Install']]],
      );
      assert.match(
        events.filter((event) => event.type === 'step').at(-1)!.text,
        /^build: Install failed: exit status 2; command: ls \/no-such-file/,
      );
    });

    test('a missing command is named by its line', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([{ name: 'One', script: 'set -e\necho a\nno-such-command --now\necho b' }]),
        here(),
      );
      assert.equal(outcome.failure?.exitCode, 127);
      assert.equal(outcome.failure?.command, 'no-such-command --now (line 3 of the script)');
    });

    test('a signal is reported', async () => {
      const { outcome } = await runText(instance(), bashDocument([{ name: 'One', script: 'kill -SEGV $$' }]), here());
      assert.match(outcome.failure!.message, /^(ended by signal SIGSEGV|exit status 139)$/);
    });

    const outcomes: readonly [
      onFailure: string,
      status: string,
      phase: string,
      steps: readonly string[],
      counts: readonly number[],
    ][] = [
      ['Abort', 'failed', 'Failed', ['Failed'], [1, 1, 0]],
      ['Continue', 'failed', 'Failed', ['Failed', 'Success'], [1, 2, 0]],
      ['Ignore', 'success', 'SuccessWithIgnoredFailure', ['IgnoredFailure', 'Success'], [0, 2, 1]],
    ];
    for (const [onFailure, status, phase, steps, counts] of outcomes) {
      test(`onFailure ${onFailure}`, async () => {
        const { outcome } = await runText(
          instance(),
          bashDocument([
            { name: 'Bad', script: 'exit 3', more: `onFailure: ${onFailure}` },
            { name: 'Next', script: 'true' },
          ]),
          here(),
        );
        assert.equal(outcome.status, status);
        assert.equal(outcome.phases[0]?.status, phase);
        assert.deepEqual(
          outcome.phases[0]?.steps.map((step) => step.status),
          steps,
        );
        assert.deepEqual([outcome.failedStepCount, outcome.executedStepCount, outcome.ignoredFailedStepCount], counts);
      });
    }

    test('onFailure Continue goes on with the next phase', async () => {
      const { outcome } = await runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Bad, action: ExecuteBash, onFailure: Continue, inputs: {commands: ['exit 3']}}
  - name: validate
    steps:
      - {name: Good, action: ExecuteBash, inputs: {commands: ['true']}}
  - name: test
    steps:
      - {name: NotAsked, action: ExecuteBash, inputs: {commands: ['true']}}
`,
        here(),
      );
      assert.deepEqual(
        outcome.phases.map((phase) => [phase.name, phase.status]),
        [
          ['build', 'Failed'],
          ['validate', 'Success'],
        ],
      );
      assert.equal(outcome.failure?.step, 'Bad');
    });
  });

  describe('attempts', () => {
    test('end with the first that succeeds', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([
          { name: 'One', script: 'echo x >> attempts-a\n[ $(wc -l < attempts-a) -ge 3 ]', more: 'maxAttempts: 5' },
        ]),
        here(),
      );
      assert.equal(outcome.status, 'success');
      assert.equal(outcome.phases[0]?.steps[0]?.attempts, 3);
    });

    test('are maxAttempts in all', async () => {
      const { outcome, events } = await runText(
        instance(),
        bashDocument([
          { name: 'One', script: 'echo x >> attempts-b; wc -l < attempts-b; exit 4', more: 'maxAttempts: 3' },
        ]),
        here(),
      );
      assert.equal(outcome.phases[0]?.steps[0]?.attempts, 3);
      assert.deepEqual(outcome.phases[0]?.steps[0]?.outputs, { stdout: '3' });
      assert.deepEqual(outcome.failure?.outputTail, ['3'], 'only the last attempt is told');
      assert.equal(events.filter((event) => event.level === 'warn').length, 2);
    });
  });

  describe('a time limit', () => {
    test('ends the step and what it started, and says what timed out', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([
          {
            name: 'Hangs',
            script: `echo begun\n(sleep 5; touch "${folder()}/survived") &\nsleep 60`,
            more: 'timeoutSeconds: 1',
          },
        ]),
        here(),
      );
      assert.equal(outcome.status, 'timedOut');
      assert.equal(
        outcome.failure?.message,
        "step Hangs timed out: the script did not finish within the step's timeoutSeconds of 1",
      );
      assert.deepEqual(outcome.failure?.outputTail, ['begun']);
      const { outcome: later } = await runText(
        instance(),
        bashDocument([{ name: 'Look', script: 'sleep 5; [ ! -e survived ]' }]),
        here(),
      );
      assert.equal(later.status, 'success');
    });

    test('is fresh for each attempt', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([
          {
            name: 'One',
            script: '[ -e slow-once ] || { touch slow-once; sleep 60; }\nsleep 2',
            more: 'timeoutSeconds: 4\n        maxAttempts: 2',
          },
        ]),
        here(),
      );
      assert.equal(outcome.status, 'success');
      assert.equal(outcome.phases[0]?.steps[0]?.attempts, 2);
    });

    test('-1 is none', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([{ name: 'One', script: 'sleep 1', more: 'timeoutSeconds: -1' }]),
        here(),
      );
      assert.equal(outcome.status, 'success');
    });
  });

  describe('values', () => {
    const head = `parameters:
  - Who: {type: string}
  - Greeting: {type: string, default: Hello}
constants:
  - Mark: {type: string, value: '!'}
`;

    test('of parameters, defaults and constants', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([{ name: 'One', script: "echo '{{ Greeting }} {{Who}}{{ Mark }}' '{{ other.tool() }}'" }], head),
        {
          ...here(),
          parameters: { Who: 'world', Unknown: 'x' },
        },
      );
      assert.deepEqual(outcome.phases[0]?.steps[0]?.outputs, { stdout: 'Hello world! {{ other.tool() }}' });
    });

    test('a missing one is an error before anything runs', async () => {
      await assert.rejects(
        runText(instance(), bashDocument([{ name: 'One', script: 'echo {{ Who }}' }], head), here()),
        {
          name: 'ParameterError',
          message: 'component sample: parameter Who has no value and no default',
        },
      );
    });

    test('chain outputs and inputs through the document', async () => {
      const { outcome } = await runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Version, action: ExecuteBash, inputs: {commands: ['echo 1.2', 'echo']}}
      - {name: Path, action: CreateFile, inputs: [
          {path: one.txt, content: 'v{{ build.Version.outputs.stdout }}'}, {path: two.txt, content: second}]}
  - name: validate
    steps:
      - name: Show
        action: ExecuteBash
        inputs:
          commands:
            - echo '{{ build.Version.outputs[0].stdout }} {{ build.Path.inputs[1].path }}'
            - cat '{{ build.Path.inputs.path }}' '{{ build.Path.inputs[1].path }}'
`,
        here(),
      );
      assert.deepEqual(outcome.phases[1]?.steps[0]?.outputs, { stdout: '1.2 two.txt\nv1.2second' });
    });

    test('that are too large to chain fail the step that wants them', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([
          { name: 'Large', script: 'head -c 1100000 /dev/zero | tr "\\\\0" "x"' },
          { name: 'Wants', script: 'echo {{ build.Large.outputs.stdout }}', more: 'onFailure: Ignore' },
        ]),
        here(),
      );
      assert.deepEqual(
        outcome.phases[0]?.steps.map((step) => [step.status, step.failureMessage]),
        [
          ['Success', undefined],
          ['IgnoredFailure', '{{ build.Large.outputs.stdout }} has no value: the output is larger than 1 MiB'],
        ],
      );
    });
  });

  describe('Assert', () => {
    const conditions: readonly [condition: string, holds: boolean][] = [
      ['{fileExists: /etc/passwd}', true],
      ['{fileExists: /etc}', false],
      ['{folderExists: /etc}', true],
      ['{binaryExists: bash}', true],
      ['{binaryExists: --no-such-binary}', false],
      ['{not: {fileExists: "/etc/it\'s not there"}}', true],
      ['{and: [{stringEquals: a, value: A}, {numberGreaterThan: 2, value: 10}]}', true],
      ['{fileSHA256Equals: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, path: /dev/null}', false],
      [
        '{fileSHA256Equals: 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03, path: "{{ Folder ' +
          '}}/hello"}',
        true,
      ],
    ];
    for (const [condition, holds] of conditions) {
      test(`${condition} ${holds ? 'holds' : 'does not hold'}`, async () => {
        const { outcome } = await runText(
          instance(),
          `
schemaVersion: 1.0
parameters:
  - Folder: {type: string}
phases:
  - name: build
    steps:
      - {name: File, action: CreateFile, inputs: [{path: hello, content: "hello\\n"}]}
      - name: One
        action: Assert
        inputs: ${condition}
`,
          { ...here(), parameters: { Folder: folder() } },
        );
        assert.equal(outcome.status, holds ? 'success' : 'failed', outcome.failure?.message);
        if (!holds) assert.match(outcome.failure!.message, /^the assertion does not hold: /);
      });
    }
  });

  describe('a restart', () => {
    test('by exit code 194 runs the same step again, not as an attempt', async () => {
      const { outcome } = await runText(
        instance(),
        bashDocument([
          { name: 'Before', script: 'echo kept' },
          {
            name: 'Kernel',
            script:
              'echo x >> /var/tmp/ingot-boots; [ $(wc -l < /var/tmp/ingot-boots) -ge 3 ] || exit 194\nrm ' +
              '/var/tmp/ingot-boots',
          },
          { name: 'After', script: 'echo {{ build.Before.outputs.stdout }}' },
        ]),
        here(),
      );
      assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
      assert.deepEqual(
        outcome.phases[0]?.steps.map((step) => step.attempts),
        [1, 1, 1],
      );
      assert.deepEqual(outcome.phases[0]?.steps[2]?.outputs, { stdout: 'kept' });
    });

    test('by the Reboot module goes on with the next step', async () => {
      const { outcome, events } = await runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Restart, action: Reboot, inputs: {delaySeconds: 1}}
      - {name: Next, action: ExecuteBash, inputs: {commands: ['echo here']}}
`,
        here(),
      );
      assert.equal(outcome.status, 'success');
      assert.deepEqual(
        outcome.phases[0]?.steps.map((step) => step.status),
        ['Success', 'Success'],
      );
      assert.ok(events.some((event) => event.text.startsWith('restarting the machine')));
    });

    test('is not asked for without end', async () => {
      const { outcome } = await runText(instance(), bashDocument([{ name: 'Again', script: 'exit 194' }]), {
        ...here(),
        maxReboots: 1,
      });
      assert.equal(
        outcome.failure?.message,
        'the step requests a restart, but the document has already restarted the machine 1 times',
      );
    });
  });

  test('cancelling ends the command and the run', async () => {
    const cancel = new AbortController();
    const reason = new Error('cancelled by the user');
    const running = runText(
      instance(),
      bashDocument([{ name: 'Long', script: 'echo begun; sleep 60', more: 'onFailure: Ignore' }]),
      {
        ...here(),
        signal: cancel.signal,
        report: (event) => {
          if (event.text === 'begun') cancel.abort(reason);
        },
      },
    );
    await assert.rejects(running, reason);
  });
}
