/**
 * `kill -9` of the server, of the worker and of both, in every stage of a build and at random: each image goes on to
 * its end, nothing is lost, doubled or left. INGOT_TEST_KILLS is the number of random kills (default: 500).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNothingLeft, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold } from '../harness/invariants.ts';
import { goesOnToItsEnd, killAtRandom, strike, VICTIMS, workerOf, type Victim } from '../harness/killing.ts';
import { imageLog, type TestServer } from '../harness/service.ts';
import { bashDocument, buildUntil, STAGES } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

/** What the image's log then says. */
const SAID: Readonly<Record<Victim, RegExp>> = {
  worker:
    /^The worker process ended while it worked on this image .* It goes on from .*, with no other image beside it\.$/m,
  // Its worker ends by itself, and in order.
  server: /^The server was stopped while it worked on this image\. It will go on from /m,
  both: /^The worker process ended while it worked on this image .* It goes on from /m,
};

/** How often the random test kills. */
const KILLS = Number(process.env['INGOT_TEST_KILLS'] ?? 500);

describe('kill -9 of', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  for (const victim of VICTIMS) {
    for (const stage of STAGES) {
      test(`${victim} in the ${stage}: the image goes on`, { timeout: 600_000 }, async () => {
        const arn = await buildUntil(server, stage, `${victim}-in-${stage}`.replaceAll(' ', '-'));
        server = await strike(server, victim);
        await goesOnToItsEnd(server, arn, stage);
        assert.match((await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n'), SAID[victim]);
        await workerOf(dataDirectory);
        await assertRecordsHold(dataDirectory);
        await assertNothingLeft(state, dataDirectory);
      });
    }
  }

  test(`any, ${KILLS} times at random: each image is made once, as if nothing had happened`, {
    timeout: KILLS * 60_000,
  }, async (t) => {
    const { made, server: last } = await killAtRandom(server, KILLS, 8000);
    server = last;
    t.diagnostic(`${made} images over ${KILLS} kills`);
    await workerOf(dataDirectory);
    await assertRecordsHold(dataDirectory);
    await assertNothingLeft(state, dataDirectory);
  });

  test('and the next build succeeds', { timeout: 600_000 }, async () => {
    await waitUntilAvailable(
      server,
      await createTestImage(server, { name: 'after-all', components: [bashDocument('Step', ['echo fine'])] }),
    );
    await assertRecordsHold(dataDirectory);
  });
});
