import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isInRange, parseRange } from './addresses.ts';

for (const text of ['010.0.0.1', '10.0.0.01', '00.0.0.0', '256.0.0.1', '10.1', '10.0.0.0/33', '10.0.0.0/', '1::2::3']) {
  test(`${text} is not a range, because programs interpret it differently`, () =>
    assert.equal(parseRange(text), undefined));
}

test('an address in another notation is in no range', () => {
  const range = parseRange('10.0.0.0/8')!;

  assert.equal(isInRange('10.0.0.1', range), true);
  assert.equal(isInRange('::ffff:10.0.0.1', range), true);
  assert.equal(isInRange('010.0.0.1', range), false);
});
