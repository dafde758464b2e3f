import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shown, type Status } from './status.ts';

const GB = 1e9;
const arn = (name: string): string => `arn:aws:imagebuilder:us-east-1:123456789012:image/${name}/1.0.0/1`;
const image = (name: string, place?: number): Status['waiting'][number] => ({
  arn: arn(name),
  status: 'PENDING',
  created: '2026-11-01T00:00:00.000Z',
  pipeline: null,
  working: false,
  cancelRequested: false,
  ...(place === undefined ? {} : { place }),
});
const STATUS: Status = {
  version: '1.0.0',
  time: '2026-11-01T00:10:00.000Z',
  worker: { up: true, silentSeconds: 0 },
  running: [image('a'), image('b')],
  waiting: [image('c', 2), image('d', 1), image('e')],
  missing: 'waits for one of 2 running builds to end (builds.atOnce is 2)',
  waitingSteps: [{ image: arn('e'), step: 'step-1', since: '2026-11-01T00:05:00.000Z' }],
  failed: [],
  due: [],
  limits: { atOnce: 2, keepFreeBytes: GB, diskBytes: GB },
  disk: { totalBytes: GB, availableBytes: 4 * GB },
  receivers: [],
};
const waiting = (found: Status): readonly string[] =>
  /\nWAITING\n([^]*?)(?:\n\n|$)/
    .exec(shown(found))![1]!
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\S+ +\d+ min +/, ''));

test('a waiting build shows what it waits for, and its position', () => {
  assert.deepEqual(waiting(STATUS), [
    'waits for its turn, place 2 of 2',
    'waits for one of 2 running builds to end (builds.atOnce is 2), place 1 of 2',
    'waits for an answer to step-1',
  ]);
  assert.match(
    waiting({ ...STATUS, disk: { totalBytes: GB, availableBytes: 1 } })[0]!,
    /^waits for disk space: 3\.0 GB have to be free .*, place 2 of 2$/,
  );
  assert.match(waiting({ ...STATUS, disk: { totalBytes: GB, availableBytes: 2.5 * GB } })[0]!, /^waits for disk space/);
  assert.equal(waiting({ ...STATUS, missing: undefined })[1], 'starts soon, place 1 of 2');
});
