import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter } from './rates.ts';

test('a burst, then a rate per second, separately for each account and kind', () => {
  const take = createLimiter({ reads: { perSecond: 2, burst: 3 }, writes: null });
  const refused = { code: 'TooManyRequestsException', status: 429 };
  for (let count = 0; count < 3; count++) take('a', 'reads', 1000);
  assert.throws(() => take('a', 'reads', 1000), refused);
  take('b', 'reads', 1000);
  for (let count = 0; count < 100; count++) take('a', 'writes', 1000);
  assert.throws(() => take('a', 'reads', 1499), refused);
  take('a', 'reads', 1500);
  assert.throws(() => take('a', 'reads', 1600), refused);
  // The bucket fills up to the burst only; a clock that is set back adds nothing.
  for (let count = 0; count < 3; count++) take('a', 'reads', 100_000);
  assert.throws(() => take('a', 'reads', 100_000), refused);
  assert.throws(() => take('a', 'reads', 0), refused);
});
