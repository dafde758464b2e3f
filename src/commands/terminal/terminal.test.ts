import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProgressRecord } from '../../resources/progress.ts';
import { duration, plainLine, shellWord } from '../text.ts';
import { plainRecord } from './plain.ts';
import { applyRecord, failedStep, newBuildState } from './progress-state.ts';
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

test('a build at work: steps with their times, the progress and the last lines of the one that runs', () => {
  const frame = render(stateOf(UNTIL_INSTALL), { width: 60, colour: false }, START + 7000);
  assert.deepEqual(
    frame.map((line) => line.replace(/ {2,}/g, '  ')),
    [
      '+ LaunchBuildInstance  2.0 s',
      '> ApplyBuildComponents  5.0 s',
      '  > nginx build: Install  4.0 s',
      '  [############------------]  50 % unpacking nginx',
      '  | two',
      '  | three',
      '  | four',
      '  | five',
      '  | six!',
      '  BUILDING, 7.0 s',
    ],
  );
});

test('a frame is no wider than its terminal and no higher, the newest is kept', () => {
  const state = stateOf([
    ...UNTIL_INSTALL,
    record(6, { ...IN_COMPONENT, type: 'output', text: `${'wide 漢字 '.repeat(20)}` }),
  ]);
  for (const width of [10, 20, 41, 200]) {
    const frame = render(state, { width, height: 4, colour: false }, START + 7000);
    assert.equal(frame.length, 4);
    for (const line of frame) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
    assert.match(frame.at(-1)!, /BUILDI/);
  }
});

test('steps end as they are told to, and the innermost failure is found with its lines', () => {
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

test('a step of the same name that runs again is a step of its own', () => {
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
      '00:00:00 CreateImage -- CreateImage: done (1 min 01 s)',
    ],
    [{ type: 'log', level: 'warn', text: 'careful' }, '00:00:00 warn: careful'],
    [{ type: 'progress', text: 'x', done: 1, total: 2 }, undefined],
  ];
  for (const [rest, expected] of rows)
    test(String(expected), () => assert.equal(plainRecord(record(0, rest)), expected));
});

test('what a build prints cannot command the terminal', () => {
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

test('rows that a frame takes on a terminal that was made narrower', () => {
  const lines = ['\u001b[32m+ done\u001b[0m', 'x'.repeat(79), '', '漢'.repeat(30)];
  assert.deepEqual(
    [80, 40, 20].map((columns) => rowsOf(lines, columns)),
    [4, 6, 9],
  );
});

test('small forms', () => {
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
