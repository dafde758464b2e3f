/** `CopyImage`, `DeregisterImage` and `DeleteSnapshot` on real disks, with the worker's part done by the test. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import {
  CopyImageCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeSnapshotsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { amiOnRecord, insertAmi } from '../../src/catalog/amis.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { run } from '../../src/platform/processes.ts';
import { collectGarbage } from '../../src/storage/garbage.ts';
import { sweepAtStart } from '../../src/storage/sweeper.ts';
import type { Verified } from '../../src/storage/verify.ts';
import { copyPending } from '../../src/worker/image-copies.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';

const SOURCE = 'ami-0123456789abcdef0';
const ELSEWHERE = 'us-west-2';
let api: TestApi;
let here: EC2Client;
let there: EC2Client;
let other: EC2Client;
let disk: string;

before(async () => {
  api = await startApi();
  const client = (region: string, account: 'same' | 'other'): EC2Client =>
    new EC2Client({
      endpoint: api.endpoint,
      region,
      credentials: api.connectionOf(account).credentials,
      maxAttempts: 1,
    });
  [here, there, other] = [client(REGION, 'same'), client(ELSEWHERE, 'same'), client(ELSEWHERE, 'other')];
  const { catalog } = api;
  const { dataDirectory } = catalog;
  await writeFile(join(dataDirectory, 'config.yaml'), `regions: { ${ELSEWHERE}: { layout: flat } }\n`);
  const layers = new LayerStore(catalog, dataDirectory);
  const layer = await layers.announce(null);
  disk = layer.path;
  await mkdir(dirname(disk), { recursive: true });
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '1G']);
  await run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 8M', disk]);
  const sealed = await layers.seal(layer, 'a key', {});
  await insertAmi(catalog.db, {
    id: SOURCE,
    region: REGION,
    account: ACCOUNT,
    name: 'web',
    description: 'A web server',
    image_arn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/web/1.0.0/1`,
    layer_id: sealed.id,
    file: relative(dataDirectory, disk),
    state: 'available',
    tags: '{"Team":"web"}',
    platform: 'Linux',
    os_version: null,
    architecture: 'x86_64',
    created: '2026-01-01T00:00:00.000Z',
  });
});
after(() => api.close());

const imageOf = async (client: EC2Client, ImageId: string) =>
  (await client.send(new DescribeImagesCommand({ ImageIds: [ImageId] }))).Images![0]!;
const going = new AbortController().signal;

test('a copy in another Region is pending until it is written, and then the same disk', async () => {
  const woken = api.woken();
  const { ImageId } = await there.send(
    new CopyImageCommand({ SourceImageId: SOURCE, SourceRegion: REGION, Name: 'web copy', CopyImageTags: true }),
  );
  assert.equal(api.woken(), woken + 1);
  assert.equal((await imageOf(there, ImageId!)).State, 'pending');
  // A worker that ends before it is written leaves it for the next one.
  await sweepAtStart(api.catalog);
  await copyPending(api.catalog, going);
  const image = await imageOf(there, ImageId!);
  assert.deepEqual(
    [image.State, image.Name, image.Description, image.SourceImageId, image.SourceImageRegion, image.Tags],
    ['available', 'web copy', 'A web server', SOURCE, REGION, [{ Key: 'Team', Value: 'web' }]],
  );
  assert.equal(image.BlockDeviceMappings![0]!.Ebs!.VolumeSize, 1);
  const record = (await amiOnRecord(api.catalog.db, ImageId!))!;
  await run(['qemu-img', 'compare', disk, join(api.catalog.dataDirectory, record.file)]);
  const verify = async (id: string) =>
    signedJson<Verified>(api.connectionOf('same'), { method: 'GET', path: `/ingot/amis/${id}/verify` });
  const sound = await verify(ImageId!);
  assert.deepEqual([sound.checked, sound.faults], ['manifest', []]);
  assert.deepEqual(await verify(SOURCE), { amiId: SOURCE, region: REGION, checked: 'structure', faults: [] });
  const file = await open(join(api.catalog.dataDirectory, record.file), 'r+');
  await file.write(Buffer.from('x'), 0, 1, (await file.stat()).size - 1);
  await file.close();
  assert.match((await verify(ImageId!)).faults.join(), /the SHA-256 of the file is .*; its manifest says/);
  await assert.rejects(
    other.send(new CopyImageCommand({ SourceImageId: SOURCE, SourceRegion: REGION, Name: 'stolen' })),
    { name: 'InvalidAMIID.NotFound' },
  );
});

test('a copy whose source is gone fails', async () => {
  const { ImageId: first } = await here.send(
    new CopyImageCommand({ SourceImageId: SOURCE, SourceRegion: REGION, Name: 'in the same Region' }),
  );
  assert.equal((await imageOf(here, first!)).State, 'available', 'it is another AMI over the same disk');
  const { ImageId: second } = await there.send(
    new CopyImageCommand({ SourceImageId: first!, SourceRegion: REGION, Name: 'too late' }),
  );
  await here.send(new DeregisterImageCommand({ ImageId: first!, DeleteAssociatedSnapshots: true }));
  assert.equal(existsSync(disk), true, 'the first AMI needs it');
  await copyPending(api.catalog, going);
  assert.equal((await amiOnRecord(api.catalog.db, second!))!.state, 'failed');
});

test('a deregistered AMI leaves its snapshot, until that is deleted', async () => {
  const SnapshotId = SOURCE.replace('ami-', 'snap-');
  await assert.rejects(here.send(new DeleteSnapshotCommand({ SnapshotId })), { name: 'InvalidSnapshot.InUse' });
  await assert.rejects(here.send(new DeregisterImageCommand({ ImageId: SOURCE, DryRun: true })), {
    name: 'DryRunOperation',
  });
  await here.send(new DeregisterImageCommand({ ImageId: SOURCE }));
  await assert.rejects(imageOf(here, SOURCE), { name: 'InvalidAMIID.NotFound' });
  await assert.rejects(here.send(new DeregisterImageCommand({ ImageId: SOURCE })), { name: 'InvalidAMIID.NotFound' });
  const ids = async () =>
    (await here.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots!.map((each) => each.SnapshotId);
  assert.deepEqual(await ids(), [SnapshotId]);
  await sweepAtStart(api.catalog);
  await collectGarbage(api.catalog, new Date().toISOString());
  assert.equal(existsSync(disk), true, 'a sweep leaves it');
  await here.send(new DeleteSnapshotCommand({ SnapshotId }));
  assert.deepEqual(await ids(), []);
  assert.equal(existsSync(disk), false);
});
