/**
 * The disk of the data directory is full, in every stage of a build, by somebody else: the image fails with that,
 * nothing is left, and the next build works once there is room.
 */
import assert from 'node:assert/strict';
import { rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sleep } from '../../src/platform/clock.ts';
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

  const failed = async (arn: string): Promise<string> => {
    const { state: end } = await waitForStatus(server, arn);
    assert.equal(end?.status, 'FAILED');
    return end!.reason!;
  };
  const small = (name: string): Promise<string> =>
    createTestImage(server, { name: name.replaceAll(' ', '-'), components: [bashDocument('Step', [`echo ${name}`])] });

  for (const stage of STAGES) {
    test(`in the ${stage}`, { timeout: 600_000 }, async () => {
      const arn = await buildUntil(server, stage, stage.replaceAll(' ', '-'));
      await fill(64);
      const reason = await failed(arn);
      for (const part of [/no space left on device/, /the disk of this host is full/, /Make room there/])
        assert.match(reason, part);
      assert.deepEqual(filesIn(dataDirectory, 'regions/eu-west-1'), []);
      assert.match(await failed(await small(`refused ${stage}`)), /no space left on device.*Make room there/);
      await rm(filler, { force: true });
      await assertRecordsHold(dataDirectory);
      await waitUntilAvailable(server, await small(`after ${stage}`));
    });
  }

  test('to its last byte: the build ends once there is room for a record', { timeout: 600_000 }, async () => {
    const arn = await buildUntil(server, 'launch', 'last-byte');
    await fill(0);
    await run(['dd', 'if=/dev/zero', `of=${filler}-2`, 'bs=4k'], { okCodes: 'any' });
    await sleep(5000);
    await rm(`${filler}-2`, { force: true });
    await rm(filler, { force: true });
    const reason = await failed(arn);
    for (const part of [/no space left on device/, /the disk of this host is full/, /Make room there/])
      assert.match(reason, part);
    // What could not be put on record meanwhile is put right by the next start.
    await server.stop();
    server = await startServer(dataDirectory);
    await waitUntilAvailable(server, await small('after all'));
    await assertRecordsHold(dataDirectory);
  });
});
