/** A small part of `npm run fuzz`. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { fuzzRound } from '../../test/harness/fuzzing.ts';

const ROUNDS = 400;
/** Set it to a printed seed to reproduce a failure. */
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));

test(`no text makes a parser throw, and no valid document is rejected because of Ingot (seed ${SEED})`, async () => {
  let ran = 0;
  for (let round = 0; round < ROUNDS; round += 1) if (await fuzzRound(SEED, round)) ran += 1;

  assert.ok(ran > ROUNDS / 20, `${ran} documents ran`);
});
