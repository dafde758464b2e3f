/** The disk of the data directory is full, in every stage of a build, by somebody else: the image fails with that, nothing is left, and the next build works once there is room. */
import assert from 'node:assert/strict';
import { rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run } from '../../src/platform/processes.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { createTestImage, waitForStatus, waitUntilAvailable } from '../harness/images.ts';
import { assertRecordsHold, filesIn } from '../harness/invariants.ts';
import { placeBase, startServer, type TestServer } from '../harness/service.ts';
import { smallDisks, type SmallDisks } from '../harness/small-disk.ts';
import { bashDocument, buildUntil, STAGES } from '../harness/stages.ts';

describe('the disk fills up', () => {
  let state: HostState;
  let disks: SmallDisks;
  let dataDirectory: string;
  let filler: string;
  let server: TestServer;

  before(async () => {
    state = await hostState();
    disks = await smallDisks();
    dataDirectory = await disks.make('stages', 1400);
    filler = join(dirname(dataDirectory), 'filler');
    await placeBase(dataDirectory);
    server = await startServer(dataDirectory);
  });

  after(async () => {
    await server.stop();
    await disks.end();
    await assertNothingLeft(state, dataDirectory);
  });

  /** Takes all space but some mebibytes. */
  async function fill(leave: number): Promise<void> {
    const { bavail, bsize } = await statfs(dataDirectory);
    const bytes = bavail * bsize - leave * 1024 ** 2;
    if (bytes > 0) await run(['fallocate', '--length', String(bytes), filler], { okCodes: 'any' });
  }

  for (const stage of STAGES) {
    for (const leave of [64, 1]) {
      test(`in the ${stage}, to ${leave} MiB`, { timeout: 600_000 }, async () => {
        const arn = await buildUntil(server, stage, `${stage}-${leave}`.replaceAll(' ', '-'));
        await fill(leave);
        const image = await waitForStatus(server, arn);
        assert.equal(image.state?.status, 'FAILED');
        for (const part of [/no space left on device/, /the disk of this host is full/, /Make room there/]) assert.match(image.state!.reason!, part);
        assert.deepEqual(filesIn(dataDirectory, 'regions/eu-west-1'), []);

        const refused = await waitForStatus(server, await createTestImage(server, { name: `refused-${stage}-${leave}`.replaceAll(' ', '-'), components: [bashDocument('Step', ['true'])] }));
        assert.equal(refused.state?.status, 'FAILED');
        assert.match(refused.state!.reason!, /no space left on device.*Make room there/);
        await rm(filler, { force: true });
        await assertRecordsHold(dataDirectory);
        await waitUntilAvailable(server, await createTestImage(server, { name: `after-${stage}-${leave}`.replaceAll(' ', '-'), components: [bashDocument('Step', [`echo ${stage} ${leave}`])] }));
      });
    }
  }
});
