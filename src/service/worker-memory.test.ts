/** A worker that needs too much memory exits, and the next one knows why. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../platform/processes.ts';
import { causeOfEnd, OUT_OF_MEMORY_CODE, watchMemory, WORKER_FLAGS } from './worker-memory.ts';

const FILLS = 'const kept = []; for (;;) kept.push({ a: [1, 2, 3] });';

test('a worker has a heap limit of its own, and its exit shows that it was reached', { timeout: 120_000 }, async () => {
  assert.match(WORKER_FLAGS.join(' '), /--max-old-space-size=\d+/);
  const ended = await run([process.execPath, ...WORKER_FLAGS, '--max-old-space-size=64', '-e', FILLS], {
    okCodes: 'any',
  }).catch((error: { code: number | null; signal: string | null }) => ({ code: error.code, signal: error.signal }));
  assert.match(causeOfEnd(ended) ?? '', /ran out of memory/);
});

test('other exits are not attributed to memory', () => {
  assert.equal(causeOfEnd({ code: 0, signal: null }), undefined);
  assert.equal(causeOfEnd({ code: 1, signal: null }), undefined);
  assert.equal(causeOfEnd({ code: null, signal: 'SIGKILL' }), undefined);
  assert.match(causeOfEnd({ code: OUT_OF_MEMORY_CODE, signal: null }) ?? '', /ran out of memory/);
});

test('memory above the limit for a moment is garbage; if it stays, the process exits, once', {
  timeout: 60_000,
}, async () => {
  const readings = [3, 3, 1, 3, 3, 3, 3, 3, 3];
  let at = 0;
  const ended: number[] = [];
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 1000);
    watchMemory(
      (bytes) => {
        ended.push(bytes, at);
        clearInterval(alive);
        resolve();
      },
      { most: 2, everyMs: 1, bytes: () => readings[at++] ?? 3 },
    );
  });
  assert.deepEqual(ended, [3, 6]);
});
