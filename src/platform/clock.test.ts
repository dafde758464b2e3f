import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { after, sleep, until, withDeadline } from './clock.ts';
import { run } from './processes.ts';

/** Longer than Node's timers support: they would fire at once. */
const TIMES: readonly (readonly [string, number])[] = [
  ['a month', 2_592_000_000],
  ['a hundred years', 3.2e12],
  ['never', Infinity],
];

describe('long times', () => {
  for (const [name, ms] of TIMES) {
    test(`${name}: nothing fires early`, async () => {
      const fired: string[] = [];
      const timer = after(ms, () => fired.push('after'));
      const abort = new AbortController();
      const sleeping = sleep(ms, abort.signal).then(
        () => fired.push('sleep'),
        () => {},
      );
      const deadline = withDeadline(abort.signal, ms);
      assert.equal((await run(['sh', '-c', 'sleep 0.1; echo done'], { timeoutMs: ms })).stdout, 'done\n');
      let asked = 0;
      assert.equal(await until('a third answer', ms, () => (++asked < 3 ? undefined : asked)), 3);
      assert.deepEqual(fired, []);
      assert.equal(deadline.expired(), false);
      timer.end();
      deadline.end();
      abort.abort();
      await sleeping;
      assert.deepEqual(fired, []);
    });
  }

  test('a wait that needs several timers ends after all of them', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const fired: number[] = [];
    after(2 ** 32, () => fired.push(1));
    for (const part of [2 ** 31 - 1, 2 ** 31 - 1, 1]) {
      t.mock.timers.tick(part);
      assert.deepEqual(fired, []);
    }
    t.mock.timers.tick(1);
    assert.deepEqual(fired, [1]);
  });
});
