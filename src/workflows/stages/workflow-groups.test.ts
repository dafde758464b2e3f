import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsOf } from '../planning/select-workflows.ts';
import { AT_ONCE, GroupAborted, runGroup } from './workflow-groups.ts';

interface Fake {
  readonly name: string;
  readonly parallelGroup?: string;
  readonly onFailure?: 'CONTINUE' | 'ABORT';
}

test('groups run in the order of their first workflows, and a workflow without a group is its own group', () => {
  const workflows: Fake[] = [
    { name: 'a', parallelGroup: 'x' },
    { name: 'b' },
    { name: 'c', parallelGroup: 'y' },
    { name: 'd', parallelGroup: 'x' },
    { name: 'e' },
  ];
  assert.deepEqual(
    groupsOf(workflows).map((group) => group.map(({ name }) => name)),
    [['a', 'd'], ['b'], ['c'], ['e']],
  );
});

/** Runs a group whose workflows wait for a signal to end. */
function started(group: readonly Fake[], isFinal = false) {
  const running = new Map<string, { end(): void; fail(): void }>();
  const log: string[] = [];
  const cancel = new AbortController();
  const ended = runGroup(group, {
    signal: cancel.signal,
    async run({ name }, signal) {
      log.push(`${name} begins`);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      running.set(name, { end: () => resolve(), fail: () => reject(new Error(`${name} failed`)) });
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      await promise.then(
        () => log.push(`${name} ends`),
        (error: Error) => {
          log.push(`${name}: ${error.name === 'GroupAborted' ? 'aborted' : error.message}`);
          throw error;
        },
      );
    },
    isFinal: () => isFinal,
    passedOver: ({ name }) => log.push(`${name} is passed over`),
  });
  const act = async (name: string, how: 'end' | 'fail'): Promise<void> => {
    running.get(name)![how]();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ended, log, act, cancel };
}

test(`no more than ${AT_ONCE} run at once, others start as these end`, async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  const { ended, log, act } = started(names.map((name) => ({ name })));
  assert.deepEqual(
    log,
    names.slice(0, AT_ONCE).map((name) => `${name} begins`),
  );
  await act('c', 'end');
  assert.deepEqual(log.slice(AT_ONCE), ['c ends', 'f begins']);
  for (const name of ['a', 'b', 'd', 'e', 'f', 'g']) await act(name, 'end');
  await ended;
  assert.equal(log.at(-1), 'g ends');
});

test('CONTINUE ignores a failure', async () => {
  const { ended, log, act } = started([{ name: 'a', onFailure: 'CONTINUE' }, { name: 'b' }]);
  await act('a', 'fail');
  await act('b', 'end');
  await ended;
  assert.deepEqual(log, ['a begins', 'b begins', 'a: a failed', 'a is passed over', 'b ends']);
});

test('CONTINUE does not ignore what ends the whole stage', async () => {
  const { ended, act } = started([{ name: 'a', onFailure: 'CONTINUE' }], true);
  const failed = assert.rejects(ended, /a failed/);
  await act('a', 'fail');
  await failed;
});

test("ABORT aborts the others; the first failure is the group's", async () => {
  const { ended, log, act } = started([
    { name: 'a', onFailure: 'ABORT' },
    { name: 'b', onFailure: 'CONTINUE' },
    ...['c', 'd', 'e', 'f'].map((name) => ({ name })),
  ]);
  const failed = assert.rejects(ended, /^Error: a failed$/);
  await act('a', 'fail');
  await failed;
  assert.deepEqual(log.slice(AT_ONCE), ['a: a failed', 'b: aborted', 'c: aborted', 'd: aborted', 'e: aborted']);
});

test('without onFailure, running workflows finish and no other starts', async () => {
  const { ended, log, act } = started(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ name })));
  const failed = assert.rejects(ended, /^Error: a failed$/);
  await act('a', 'fail');
  for (const name of ['b', 'c', 'd']) await act(name, 'end');
  await act('e', 'fail');
  await failed;
  assert.deepEqual(log.slice(AT_ONCE), ['a: a failed', 'b ends', 'c ends', 'd ends', 'e: e failed']);
});

test('a cancellation reaches all of them', async () => {
  const { ended, log, cancel } = started([{ name: 'a', onFailure: 'CONTINUE' }, { name: 'b' }]);
  const failed = assert.rejects(ended, /cancelled/);
  cancel.abort(new Error('cancelled'));
  await failed;
  assert.deepEqual(log.slice(2), ['a: cancelled', 'b: cancelled']);
  assert.ok(new GroupAborted('x') instanceof Error);
});
