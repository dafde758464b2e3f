/**
 * Random texts for every reader of untrusted text (FUZZ_TEXTS for each reader): none takes time or memory that grows
 * faster than the text.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { growthOf } from '../harness/growth/growth.ts';
import { READERS } from '../harness/growth/readers.ts';

const COUNT = Number(process.env['FUZZ_TEXTS'] ?? 3000);

for (const reader of Object.keys(READERS)) {
  test(`${COUNT} texts: ${reader}`, async (t) => {
    const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
    t.diagnostic(`FUZZ_SEED=${seed}`);
    const { problems } = await growthOf(reader, seed, COUNT);
    assert.deepEqual(problems, []);
  });
}
