import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimiter, createUnsignedLimiter } from './rates.ts';

test('a burst, then a rate per second, separately for each account and kind', () => {
  const take = createLimiter({ reads: { perSecond: 2, burst: 3 }, writes: null, unsigned: null });
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

test('without a signature: by address, and by /64 of IPv6', () => {
  const take = createUnsignedLimiter({ perSecond: 1, burst: 2 });
  const refused = { code: 'TooManyRequestsException' };
  for (const [same, other] of [
    [['192.0.2.1', '192.0.2.1', '192.0.2.1'], '192.0.2.2'],
    [['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff::'], '2001:db8:1:3::1'],
    [['::1', '::2', '0:0:0:0:1::'], '::ffff:192.0.2.9'],
  ] as const) {
    take(same[0], 0);
    take(same[1], 0);
    assert.throws(() => take(same[2], 0), refused);
    take(other, 0);
    assert.throws(() => take(same[0], 999), refused);
    take(same[0], 1000);
  }
  createUnsignedLimiter(null)('192.0.2.1', 0);
  // Many addresses cost no memory without end, and push out the oldest only.
  for (let each = 0; each < 20_000; each++) take(`198.51.${each >> 8}.${each & 255}`, 2000);
});
