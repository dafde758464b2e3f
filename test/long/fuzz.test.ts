/**
 * A million requests made from the model (FUZZ_COUNT for another number, FUZZ_SECONDS for as many as fit into a time).
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { CreateComponentCommand } from '@aws-sdk/client-imagebuilder';
import { documentOf, startApi } from '../api/server.ts';
import { fuzz } from '../harness/fuzz.ts';

const ROUND = 10_000;

test('a million requests made from the model', async (t) => {
  const count = Number(process.env['FUZZ_COUNT'] ?? 1_000_000);
  const first = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
  const until = Date.now() + Number(process.env['FUZZ_SECONDS'] ?? Infinity) * 1000;
  for (let sent = 0; sent < count && Date.now() < until; sent += ROUND) {
    // A server of its own for each round: what requests made, later ones find, up to a limit.
    const api = await startApi({ rates: { reads: null, writes: null, unsigned: null } });
    try {
      const seed = (first + sent) % 2 ** 31;
      const { componentBuildVersionArn } = await api.client.send(
        new CreateComponentCommand({
          name: 'fuzzed',
          semanticVersion: '1.0.0',
          platform: 'Linux',
          data: documentOf('true'),
        }),
      );
      const tally = await fuzz(api.connectionOf('same'), api.catalog.dataDirectory, [componentBuildVersionArn!], {
        count: Math.min(ROUND, count - sent),
        seed,
      });
      t.diagnostic(`FUZZ_SEED=${seed}: ${JSON.stringify(tally)}`);
      assert.ok(tally[200]! > 0);
    } finally {
      await api.close();
    }
  }
});
