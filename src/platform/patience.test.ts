import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patienceFor } from './patience.ts';

for (const [what, asked, processorMs, expected] of [
  ['an ordinary machine', undefined, 2.6, 1],
  ['an old one', undefined, 9, 1],
  ['an emulated one', undefined, 130, 13],
  ['the slowest has its bounds', undefined, 900, 30],
  ['what was asked for counts', '4', 130, 4],
  ['also when it is much', '100', 1, 100],
  ['nothing', '', 50, 5],
  ['no number', 'long', 50, 5],
  ['less than ordinary', '0.1', 50, 5],
] as const) {
  test(`the factor of this host's deadlines: ${what}`, () => {
    assert.equal(
      patienceFor(asked, () => processorMs),
      expected,
    );
  });
}
