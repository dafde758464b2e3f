/**
 * Readers of untrusted text take time and memory in proportion to its length, whatever it contains: known hard texts,
 * and some random ones. More of them: `npm run test:long -- fuzz-readers`.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { growthOf } from '../harness/growth/growth.ts';
import { READERS } from '../harness/growth/readers.ts';

const COUNT = 10;

for (const reader of Object.keys(READERS)) {
  test(`the work of reading grows as the text does: ${reader}`, async (t) => {
    const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
    t.diagnostic(`FUZZ_SEED=${seed}`);
    const { texts, problems } = await growthOf(reader, seed, COUNT);
    assert.deepEqual(problems, []);
    assert.ok(texts >= COUNT);
  });
}
