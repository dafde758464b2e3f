/** A log has a limit, whatever a build prints. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ProgressRecord } from '../resources/progress.ts';
import { imageLogPath, openImageLog, readImageLog } from './image-log.ts';

const MOST = { output: 64 << 10, all: 96 << 10 };
let directory: string;
let count = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-log-'));
});
after(() => rm(directory, { recursive: true }));

const newArn = (): string => `arn:aws:imagebuilder:us-east-1:123456789012:image/log/1.0.0/${++count}`;

async function records(arn: string): Promise<readonly ProgressRecord[]> {
  const all: ProgressRecord[] = [];
  for await (const record of readImageLog(directory, arn)) all.push(record);
  return all;
}

describe('a build that prints without end', () => {
  test('has its first outputs in the log, one line that says so, and its result', async () => {
    const arn = newArn();
    const log = openImageLog(directory, arn, MOST);
    for (let line = 0; line < 5000; line++)
      log.report({ type: 'output', stream: 'stdout', text: `line ${line} ${'x'.repeat(100)}` });
    log.report({ type: 'log', text: 'what Ingot itself says goes on' });
    log.report({ type: 'state', status: 'AVAILABLE', text: 'AVAILABLE' });
    log.close();
    const all = await records(arn);
    const outputs = all.filter(({ type }) => type === 'output');
    assert.deepEqual(
      outputs.map(({ text }) => text.split(' ')[1]),
      outputs.map((_, index) => String(index)),
    );
    assert.ok(outputs.length > 100 && outputs.length < 1000);
    assert.deepEqual(
      all.slice(outputs.length).map(({ text }) => text),
      [
        'This log has reached 64 KiB. It keeps no more output of commands. Let components write large outputs to ' +
          'files.',
        'what Ingot itself says goes on',
        'AVAILABLE',
      ],
    );
  });

  test('stays at its limit when its log is opened again', async () => {
    const arn = newArn();
    for (let again = 0; again < 20; again++) {
      const log = openImageLog(directory, arn, MOST);
      for (let line = 0; line < 200; line++) log.report({ type: 'output', stream: 'stdout', text: 'x'.repeat(1000) });
      log.close();
    }
    assert.ok((await stat(imageLogPath(directory, arn))).size < MOST.all);
  });

  test("cannot fill the disk with Ingot's own messages either", async () => {
    const arn = newArn();
    const log = openImageLog(directory, arn, MOST);
    for (let line = 0; line < 10_000; line++) log.report({ type: 'log', text: `loop, iteration ${line}` });
    log.report({ type: 'step', status: 'COMPLETED', text: 'a step' });
    log.report({ type: 'state', status: 'FAILED', text: 'FAILED: why' });
    log.close();
    assert.ok((await stat(imageLogPath(directory, arn))).size < MOST.all + 4096);
    const last = (await records(arn)).slice(-3).map(({ text }) => text);
    assert.match(last[0]!, /From here on it has only the status of the image/);
    assert.deepEqual(last.slice(1), ['a step', 'FAILED: why']);
  });
});

test('a text without end is cut, with a note', async () => {
  const arn = newArn();
  const log = openImageLog(directory, arn);
  log.report({ type: 'state', status: 'FAILED', text: 'x'.repeat(10 << 20) });
  log.close();
  const [record] = await records(arn);
  assert.ok(record!.text.length < 70_000);
  assert.match(record!.text, / … \[cut: it has 10485760 characters\]$/);
});
