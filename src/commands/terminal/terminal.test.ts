import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProgressRecord } from '../../resources/progress.ts';
import { duration, plainLine, shellWord } from '../text.ts';
import { runOf } from './last-run.ts';
import { plainLines, plainRecord } from './plain.ts';
import { applyRecord, failedStep, newBuildState, type LastRun } from './progress-state.ts';
import { bar, fit, render, widthOf } from './render.ts';
import { rowsOf } from './view.ts';

const START = Date.parse('2026-01-01T00:00:00.000Z');

function record(seconds: number, rest: Partial<ProgressRecord>): ProgressRecord {
  return {
    v: 1,
    time: new Date(START + seconds * 1000).toISOString(),
    type: 'log',
    image: 'arn',
    level: 'info',
    text: '',
    ...rest,
  };
}

function stateOf(records: readonly ProgressRecord[]) {
  const state = newBuildState();
  for (const one of records) applyRecord(state, one);
  return state;
}

const WORKFLOW = { workflow: 'build-image' };
const IN_COMPONENT = {
  ...WORKFLOW,
  step: 'ApplyBuildComponents',
  component: 'nginx',
  phase: 'build',
  documentStep: 'Install',
  action: 'ExecuteBash',
};
const UNTIL_INSTALL = [
  record(0, { type: 'state', status: 'BUILDING', text: 'BUILDING' }),
  record(0, { ...WORKFLOW, type: 'step', step: 'LaunchBuildInstance', status: 'RUNNING' }),
  record(2, { ...WORKFLOW, type: 'step', step: 'LaunchBuildInstance', status: 'COMPLETED', seconds: 2.04 }),
  record(2, { ...WORKFLOW, type: 'step', step: 'ApplyBuildComponents', status: 'RUNNING' }),
  record(3, { ...IN_COMPONENT, type: 'step', status: 'Running' }),
  ...['one', 'two', 'three', 'four', 'five', 'six\u001b[31m!'].map((text) =>
    record(4, { ...IN_COMPONENT, type: 'output', stream: 'stdout', text }),
  ),
  record(5, { ...IN_COMPONENT, type: 'progress', done: 1, total: 2, text: 'unpacking nginx' }),
];

/** A frame without colors, with runs of spaces shortened. */
function frameOf(records: readonly ProgressRecord[], height: number, seconds: number, last?: LastRun): string[] {
  const state = stateOf(records);
  if (last !== undefined) state.last = last;
  return render(state, { width: 79, height, colour: false }, START + seconds * 1000).map((line) =>
    line.replace(/(\S) {2,}/g, '$1  '),
  );
}

/** The records of a component with a number of steps, each one second long, until a running one. */
function longComponent(total: number, running: number): ProgressRecord[] {
  const step = (number: number, status: string, at: number): ProgressRecord =>
    record(at, { ...IN_COMPONENT, documentStep: `Step${number}`, type: 'step', status, done: number, total });
  const before = Array.from({ length: running - 1 }, (_, index) => [
    step(index + 1, 'Running', index),
    step(index + 1, 'Success', index + 1),
  ]);
  return [
    record(0, { type: 'state', status: 'BUILDING', text: 'BUILDING', done: 1, total: 3 }),
    record(0, {
      ...WORKFLOW,
      type: 'step',
      step: 'ApplyBuildComponents',
      action: 'ExecuteComponents',
      status: 'RUNNING',
      done: 2,
      total: 9,
    }),
    ...before.flat(),
    step(running, 'Running', running - 1),
    record(running - 1, { ...IN_COMPONENT, documentStep: `Step${running}`, type: 'output', text: 'at work' }),
  ];
}

test('a running build: steps with durations, the progress and the last lines of the running one', () => {
  assert.deepEqual(frameOf(UNTIL_INSTALL, 24, 7), [
    '+ LaunchBuildInstance  2.0 s',
    '> ApplyBuildComponents  5.0 s',
    '  > nginx build: Install  4.0 s',
    '      [############------------]  50 % unpacking nginx',
    '      | two',
    '      | three',
    '      | four',
    '      | five',
    '      | six!',
    '  BUILDING, 7.0 s',
  ]);
});

test('a long component is one line, with the running step; stage and step numbers are shown', () => {
  assert.deepEqual(frameOf(longComponent(45, 30), 18, 30), [
    '> ApplyBuildComponents  30 s',
    '  > nginx, step 30 of 45  30 s',
    '    > build: Step30  1.0 s',
    '        | at work',
    '  BUILDING, stage 1 of 3, step 2 of 9, 30 s',
  ]);
});

test('in a long component, steps without success stay visible', () => {
  const frame = frameOf(
    [
      ...longComponent(45, 30),
      record(30, { ...IN_COMPONENT, documentStep: 'Step30', type: 'step', status: 'IgnoredFailure' }),
      record(30, { ...IN_COMPONENT, documentStep: 'Step31', type: 'step', status: 'Running', done: 31, total: 45 }),
      record(31, { ...IN_COMPONENT, documentStep: 'Step31', type: 'step', status: 'Failed', seconds: 1 }),
    ],
    18,
    31,
  );
  assert.deepEqual(frame.slice(1, 4), [
    '  x nginx, 31 steps  31 s',
    '    ! build: Step30  1.0 s',
    '    x build: Step31  1.0 s',
  ]);
});

test('beside each duration, the one of the last build', async () => {
  async function* lastBuild(): AsyncGenerator<ProgressRecord> {
    yield* [
      ...UNTIL_INSTALL,
      record(9, { ...IN_COMPONENT, type: 'step', status: 'Success', seconds: 6 }),
      record(10, { type: 'state', status: 'AVAILABLE', text: 'AVAILABLE' }),
    ];
  }
  const frame = frameOf(UNTIL_INSTALL, 24, 7, await runOf(lastBuild()));
  assert.equal(frame[0], '+ LaunchBuildInstance  2.0 s (last 2.0 s)');
  assert.equal(frame[1], '> ApplyBuildComponents  5.0 s');
  assert.equal(frame[2], '  > nginx build: Install  4.0 s (last 6.0 s)');
  assert.equal(frame.at(-1), '  BUILDING, 7.0 s (last build 10 s)');
});

test('a component from a layer is shown where it would have run', () => {
  const { step: _, ...launch } = { ...WORKFLOW, step: 'LaunchBuildInstance' };
  const frame = frameOf(
    [
      record(0, { ...launch, step: 'LaunchBuildInstance', type: 'step', status: 'RUNNING' }),
      record(1, {
        ...launch,
        step: 'LaunchBuildInstance',
        component: 'base',
        status: 'CACHED',
        text: 'layer of base: hit',
      }),
      record(1, { ...launch, step: 'LaunchBuildInstance', component: 'nginx', text: 'layer of nginx: miss' }),
      record(2, { ...launch, step: 'LaunchBuildInstance', type: 'step', status: 'COMPLETED', seconds: 2 }),
      ...longComponent(2, 1).slice(1),
    ],
    24,
    3,
  );
  assert.deepEqual(frame.slice(0, 4), [
    '+ LaunchBuildInstance  2.0 s',
    '> ApplyBuildComponents  3.0 s',
    '  = base, from a layer  cached',
    '  > nginx build: Step1  3.0 s',
  ]);
});

test('after a cancellation nothing is shown as running, whatever records are missing', () => {
  const cancelled = [
    ...UNTIL_INSTALL,
    record(8, { ...WORKFLOW, type: 'step', step: 'ApplyBuildComponents', status: 'CANCELLED', seconds: 6 }),
    record(9, { type: 'state', status: 'CANCELLED', text: 'CANCELLED: x' }),
  ];
  assert.deepEqual(frameOf(cancelled, 24, 60), [
    '+ LaunchBuildInstance  2.0 s',
    '~ ApplyBuildComponents  6.0 s',
    '  ~ nginx build: Install  5.0 s',
    '  CANCELLED, 9.0 s',
  ]);
  // The running step has no record of its end.
  const [, second] = frameOf([...UNTIL_INSTALL, cancelled.at(-1)!], 24, 60);
  assert.equal(second, '~ ApplyBuildComponents  7.0 s');
});

test('a frame fits its terminal, and the newest lines are kept', () => {
  const state = stateOf([
    ...UNTIL_INSTALL,
    record(6, { ...IN_COMPONENT, type: 'output', text: `${'wide 漢字 '.repeat(20)}` }),
  ]);
  state.last = { steps: new Map(state.steps.map(({ key }) => [key, 3700])), seconds: 9000 };
  for (const width of [10, 20, 41, 60, 79, 200])
    for (const height of [1, 2, 4, 6]) {
      const frame = render(state, { width, height, colour: false }, START + 7000);
      assert.equal(frame.length, height);
      for (const line of frame) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
      assert.match(frame.at(-1)!, /BUILDI/);
    }
});

test('steps end as reported, and the innermost failure is found with its lines', () => {
  const state = stateOf([
    ...UNTIL_INSTALL,
    record(8, { ...IN_COMPONENT, type: 'step', status: 'Failed', seconds: 5, level: 'error' }),
    record(9, { ...WORKFLOW, type: 'step', step: 'ApplyBuildComponents', status: 'FAILED' }),
    record(9, { ...WORKFLOW, type: 'step', step: 'Sanitize', status: 'SKIPPED' }),
    record(9, { type: 'state', status: 'FAILED', text: 'FAILED: x' }),
  ]);
  assert.deepEqual(
    state.steps.map((step) => [step.status, step.seconds]),
    [
      ['done', 2.04],
      ['failed', 7],
      ['failed', 5],
      ['skipped', undefined],
    ],
  );
  assert.equal(failedStep(state)?.label, 'nginx build: Install');
  assert.equal(failedStep(state)?.lines.at(-1), 'six!');
  assert.equal(state.status, 'FAILED');
});

test('a step that runs again under the same name is a separate step', () => {
  const run = (status: string, at: number) => record(at, { ...IN_COMPONENT, type: 'step', status });
  assert.equal(stateOf([run('Running', 0), run('Success', 1), run('Running', 2), run('Success', 3)]).steps.length, 2);
});

describe('a record as a plain line', () => {
  const rows: readonly (readonly [Partial<ProgressRecord>, string | undefined])[] = [
    [{ ...IN_COMPONENT, type: 'output', stream: 'stdout', text: 'hello' }, '00:00:00 nginx/build/Install | hello'],
    [{ ...IN_COMPONENT, type: 'output', stream: 'stderr', text: 'oh\u0007' }, '00:00:00 nginx/build/Install ! oh'],
    [{ type: 'state', status: 'TESTING', text: 'TESTING' }, '00:00:00 == TESTING'],
    [
      { step: 'CreateImage', type: 'step', text: 'CreateImage: done', seconds: 61 },
      '00:00:00 -- CreateImage: done (1 min 01 s)',
    ],
    [{ step: 'CreateImage', type: 'log', text: 'copied' }, '00:00:00 CreateImage copied'],
    [{ type: 'log', level: 'warn', text: 'careful' }, '00:00:00 warn: careful'],
    [{ type: 'progress', text: 'x', done: 1, total: 2 }, undefined],
  ];
  for (const [rest, expected] of rows)
    test(String(expected), () => assert.equal(plainRecord(record(0, rest)), expected));
});

describe('the records of a log as lines', () => {
  const boot = ['Linux version', 'Kernel panic'].map((text) =>
    record(1, { step: 'LaunchTestInstance', type: 'output', stream: 'console', level: 'debug', text }),
  );
  const launched = (status: string, at: number): ProgressRecord =>
    record(at, { step: 'LaunchTestInstance', type: 'step', action: 'LaunchInstance', status, text: status });
  const shown = (records: readonly ProgressRecord[], debug = false): string[] =>
    records.flatMap(plainLines(debug)).map((line) => line.slice(9));

  test('neither debug records nor the serial console', () =>
    assert.deepEqual(
      shown([launched('RUNNING', 0), ...boot, record(1, { level: 'debug', text: 'x' }), launched('COMPLETED', 2)]),
      ['LaunchTestInstance -- RUNNING', 'LaunchTestInstance -- COMPLETED'],
    ));

  test('all of them with --debug', () =>
    assert.deepEqual(shown([...boot, record(1, { level: 'debug', text: 'x' })], true), [
      'LaunchTestInstance | Linux version',
      'LaunchTestInstance | Kernel panic',
      'debug: x',
    ]));

  test('the end of the console if the machine did not start', () => {
    const many = Array.from({ length: 300 }, () => boot[0]!);
    const lines = shown([launched('RUNNING', 0), ...many, boot[1]!, launched('FAILED', 2)]);
    assert.equal(lines.length, 22);
    assert.deepEqual(lines.slice(-2), ['LaunchTestInstance | Kernel panic', 'LaunchTestInstance -- FAILED']);
  });

  test('only once if the log has it as a warning', () => {
    const warning = { ...boot[1]!, level: 'warn' as const };
    assert.equal(shown([launched('RUNNING', 0), ...boot, warning, launched('FAILED', 2)]).length, 3);
  });
});

test('output of a build cannot control the terminal', () => {
  for (const [text, expected] of [
    ['\u001b[2J\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['10%\r50%\r100%', '100%'],
    ['done\r', 'done'],
    ['a\tb\u0000c\u009bd', 'a    bcd'],
    ['\u202Eevil', 'evil'],
    ['\u001bPq#0\u001b\\x', 'x'],
  ] as const)
    assert.equal(plainLine(text), expected);
});

test('rows of a frame on a terminal that was made narrower', () => {
  const lines = ['\u001b[32m+ done\u001b[0m', 'x'.repeat(79), '', '漢'.repeat(30)];
  assert.deepEqual(
    [80, 40, 20].map((columns) => rowsOf(lines, columns)),
    [4, 6, 9],
  );
});

test('short forms', () => {
  assert.deepEqual([0.04, 9.94, 9.96, 59.4, 60, 185, 3600, 7322].map(duration), [
    '0.0 s',
    '9.9 s',
    '10 s',
    '59 s',
    '1 min 00 s',
    '3 min 05 s',
    '1 h 00 min',
    '2 h 02 min',
  ]);
  assert.deepEqual(['a-b/c', 'a b', "it's", '', '$x'].map(shellWord), ['a-b/c', "'a b'", "'it'\\''s'", "''", "'$x'"]);
  assert.equal(bar(0, 0), `[${'-'.repeat(24)}]   0 %`);
  assert.equal(bar(5, 4), `[${'#'.repeat(24)}] 100 %`);
  assert.equal(fit('漢字漢字', 5), '漢字…');
  assert.equal(fit('short', 5), 'short');
});
