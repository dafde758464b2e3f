/**
 * `kill -9` of the server, of the worker and of both, in every stage of a build: the image fails with the reason,
 * nothing is left, the next build succeeds.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import { processStartTime, signalProcess, waitForExit } from '../../src/platform/processes.ts';
import { assertNothingLeft, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, filesIn } from '../harness/invariants.ts';
import { imageLog, startServer, type TestServer } from '../harness/service.ts';
import { bashDocument, buildUntil, processesWith, STAGES } from '../harness/stages.ts';
import { beginOnServer, endOnServer } from '../harness/suite.ts';

async function kill(pid: number): Promise<void> {
  const startTime = processStartTime(pid)!;
  signalProcess(pid, startTime, 'SIGKILL');
  assert.ok(await waitForExit(pid, startTime, 10_000));
}

const workerOf = (dataDirectory: string): Promise<number> =>
  until('a worker', 60_000, () => processesWith(['worker-main', dataDirectory])[0]);

/** Who is killed, and what the image's reason then says. */
const VICTIMS: readonly {
  readonly who: string;
  readonly kill: (server: TestServer) => Promise<void>;
  readonly restart: boolean;
  readonly reason: RegExp;
}[] = [
  {
    who: 'the worker',
    restart: false,
    reason: /^The worker process ended while it worked on this image/,
    kill: async ({ dataDirectory }) => kill(await workerOf(dataDirectory)),
  },
  // Its worker ends by itself, and in order.
  {
    who: 'the server',
    restart: true,
    reason: /The server was stopped while it worked on this image; start the build again/,
    kill: ({ pid }) => kill(pid),
  },
  {
    who: 'both',
    restart: true,
    reason: /^The worker process ended while it worked on this image/,
    kill: (server) => server.kill(),
  },
];

describe('kill -9 of', () => {
  let state: HostState;
  let dataDirectory: string;
  let server: TestServer;

  before(async () => void ({ state, dataDirectory, server } = await beginOnServer()));

  after(() => endOnServer({ state, dataDirectory, server }));

  for (const { who, kill: strike, restart, reason } of VICTIMS) {
    for (const stage of STAGES) {
      test(`${who} in the ${stage}`, { timeout: 600_000 }, async () => {
        const arn = await buildUntil(server, stage, `${who}-in-${stage}`.replaceAll(' ', '-'));
        await strike(server);
        if (restart) server = await startServer(dataDirectory);

        const image = await waitForStatus(server, arn);
        assert.equal(image.state?.status, 'FAILED');
        assert.match(image.state!.reason!, reason);
        const last = (await imageLog(dataDirectory, arn)).at(-1)!;
        assert.deepEqual([last.status, last.text], ['FAILED', `FAILED: ${image.state!.reason}`]);
        await workerOf(dataDirectory);
        await assertRecordsHold(dataDirectory);
        await assertNothingLeft(state, dataDirectory);
        assert.deepEqual(filesIn(dataDirectory, 'regions/eu-west-1'), []);
      });
    }

    test(`${who}: the next build succeeds`, { timeout: 600_000 }, async () => {
      const parts = who.replaceAll(' ', '-');
      await waitUntilAvailable(
        server,
        await createTestImage(server, {
          name: `after-${parts}`,
          components: [bashDocument('Step', [`echo ${parts}`])],
        }),
      );
      await assertRecordsHold(dataDirectory);
    });
  }
});
