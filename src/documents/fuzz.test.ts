/** A small part of `npm run fuzz`. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { fuzzRound } from '../../test/harness/fuzzing.ts';

const ROUNDS = 400;
/** Set it to the printed one to see a failure again. */
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));

test(`no text makes a parser throw, and no good document fails by its own fault (seed ${SEED})`, async () => {
  let ran = 0;
  for (let round = 0; round < ROUNDS; round += 1) if (await fuzzRound(SEED, round)) ran += 1;

  assert.ok(ran > ROUNDS / 20, `${ran} documents ran`);
});
