/**
 * `kill -9` of the server, of the worker and of both, in every stage of a build and at random: each image goes on to
 * its end, nothing is lost, doubled or left. INGOT_TEST_KILLS is the number of random kills (default: 500).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sleep, until } from '../../src/platform/clock.ts';
import { assertNothingLeft, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, query } from '../harness/invariants.ts';
import { goesOnToItsEnd, pointOf, strike, VICTIMS, workerOf, type Victim } from '../harness/killing.ts';
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
    const made: string[] = [];
    let arns: string[] = [];
    const strikes = new Map<string, { readonly point: string; readonly times: number }>();
    const begin = (name: string): Promise<string> =>
      createTestImage(server, {
        name,
        components: ['one', 'two', 'three'].map((word, index) =>
          bashDocument('Mark', [`echo ${word} >> /etc/marks`, `test "$(wc -l < /etc/marks)" = ${index + 1}`]),
        ),
      });
    for (let kills = 0; kills < KILLS; kills++) {
      while (arns.length < 2) arns.push(await begin(`random-${kills}-${arns.length}`));
      await sleep(500 + Math.random() * 8000);
      // An image whose worker ends at one point again and again fails, so none is killed there more than twice.
      for (const arn of arns) {
        const struck = strikes.get(arn);
        if (struck !== undefined && struck.times >= 2)
          await until(`${arn} to get further than ${struck.point}`, 300_000, () =>
            pointOf(dataDirectory, arn) === struck.point ? undefined : true,
          );
        const point = pointOf(dataDirectory, arn);
        const now = strikes.get(arn);
        strikes.set(arn, { point, times: now?.point === point ? now.times + 1 : 1 });
      }
      server = await strike(server, VICTIMS[Math.floor(Math.random() * VICTIMS.length)]!);
      for (const arn of arns) {
        const status = pointOf(dataDirectory, arn);
        assert.notEqual(status, 'FAILED', (await imageLog(dataDirectory, arn)).map(({ text }) => text).join('\n'));
        if (status === 'AVAILABLE') made.push(arn);
      }
      arns = arns.filter((arn) => !made.includes(arn));
    }
    for (const arn of arns) await waitUntilAvailable(server, arn);
    made.push(...arns);
    t.diagnostic(`${made.length} images over ${KILLS} kills`);
    const amis = query(
      dataDirectory,
      `SELECT image_arn, count(*) AS amis FROM amis WHERE state = 'available' GROUP BY image_arn`,
    );
    for (const arn of made) assert.equal(amis.find(({ image_arn }) => image_arn === arn)?.['amis'], 1, arn);
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
