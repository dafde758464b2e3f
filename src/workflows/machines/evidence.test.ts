import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InstanceError, type CommandRequest, type Instance } from '../../instances/instance.ts';
import type { ProgressEvent } from '../../resources/progress.ts';
import { keepEvidence } from './evidence.ts';

const signal = new AbortController().signal;

async function evidenceOf(run: (request: CommandRequest) => Promise<object>): Promise<readonly string[]> {
  const events: ProgressEvent[] = [];
  const instance = { id: 'i-1', run, consoleTail: async () => ['login:'] } as unknown as Instance;
  await keepEvidence(instance, (event) => void events.push(event), signal);
  assert.ok(events.every(({ level, stream }) => level === 'debug' && stream === 'console'));
  return events.map(({ text }) => text);
}

test('the journal and the console are kept, without control characters', async () => {
  const lines = await evidenceOf(async ({ argv, onOutput }) => {
    assert.equal(argv![0], 'journalctl');
    onOutput!('stdout', Buffer.from('one\nt\u001b[31mwo'));
    return { exitCode: 0 };
  });
  assert.deepEqual(lines, [
    'The journal of i-1, at most 1000 lines:',
    'one',
    'two',
    'The serial console of i-1, at most 1000 lines:',
    'login:',
  ]);
});

test('an instance that does not answer has its console, and the failure of the test is not hidden', async () => {
  const lines = await evidenceOf(async () => {
    throw new InstanceError('i-1 powered itself off');
  });
  assert.deepEqual(lines.slice(1), [
    'the journal could not be read: i-1 powered itself off',
    'The serial console of i-1, at most 1000 lines:',
    'login:',
  ]);
});

test('an instance that prints without end is cut off', async () => {
  const lines = await evidenceOf(async ({ onOutput }) => {
    for (let count = 0; ; count++) onOutput!('stdout', Buffer.alloc(1 << 20, `${count % 10}`));
  });
  assert.match(lines.find((line) => line.startsWith('the journal could not be read'))!, /8 MiB|8388608|8192 KiB/);
});
