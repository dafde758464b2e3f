/**
 * The disk of the data directory is full, in every stage of a build, by somebody else: the image fails with that,
 * nothing is left, and the next build works once there is room.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
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

/** Files that take the space, one after another, while a build takes some of it. */
const PARTS = 20;

describe('the disk fills up', () => {
  let state: HostState;
  let disks: SmallDisks;
  let dataDirectory: string;
  let fillers: string;
  let server: TestServer;

  before(async () => {
    state = await hostState();
    disks = await smallDisks();
    dataDirectory = await disks.make('stages', 1400);
    fillers = join(dirname(dataDirectory), 'fillers');
    await mkdir(fillers);
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
    // Others write meanwhile: a file for all that was free a moment ago may be refused.
    for (let part = 0; part < PARTS; part++) {
      const { bavail, bsize } = await statfs(dataDirectory);
      const bytes = bavail * bsize - leave * 1024 ** 2;
      if (bytes <= 0) return;
      await run(['fallocate', '--length', String(bytes), join(fillers, `part-${part}`)], { okCodes: 'any' });
    }
  }

  /** Gives back what was taken. */
  async function empty(): Promise<void> {
    for (const name of await readdir(fillers)) await rm(join(fillers, name));
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
      // What the failed image had is free again.
      await fill(64);
      assert.match(await failed(await small(`refused ${stage}`)), /no space left on device.*Make room there/);
      await empty();
      await assertRecordsHold(dataDirectory);
      await waitUntilAvailable(server, await small(`after ${stage}`));
    });
  }

  test('to its last byte: the build ends once there is room for a record', { timeout: 600_000 }, async () => {
    const arn = await buildUntil(server, 'launch', 'last-byte');
    await fill(0);
    await run(['dd', 'if=/dev/zero', `of=${join(fillers, 'last')}`, 'bs=4k'], { okCodes: 'any' });
    await sleep(5000);
    await empty();
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
