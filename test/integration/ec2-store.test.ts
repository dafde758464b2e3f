/**
 * Images on EC2 by the EBS direct APIs: against moto, whose blocks are read back and compared with the disk, and
 * against a small EBS of our own that knows parents and checks each request by the SDK's documentation.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EBSClient, GetSnapshotBlockCommand, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import { DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { amiOnRecord, insertAmi } from '../../src/catalog/amis.ts';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { checkStores } from '../../src/distribution/check.ts';
import { layerStore } from '../../src/distribution/from-stores.ts';
import { copyToRegion, type CopyPlace } from '../../src/distribution/region-copies.ts';
import { storeOf } from '../../src/distribution/stores.ts';
import { withdrawAmi } from '../../src/distribution/withdraw.ts';
import type { SealedLayer } from '../../src/images/layer-store.ts';
import { readConfig } from '../../src/platform/config/config.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { newAmiId } from '../../src/platform/ids.ts';
import { run } from '../../src/platform/processes.ts';
import type { ProgressEvent } from '../../src/resources/progress.ts';
import { copyPending } from '../../src/worker/image-copies.ts';
import { ACCOUNT, REGION as API_REGION, startApi } from '../api/server.ts';
import { startMoto, WITHOUT_MOTO, type Moto } from '../harness/moto.ts';

const REGION = 'eu-west-1';
const BLOCK = 512 * 1024;
const MiB = 1024 ** 2;
const going = new AbortController().signal;

async function host(settings: string): Promise<CopyPlace> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'ingot-ec2-'));
  await writeFile(join(dataDirectory, 'config.yaml'), `regions: { ${REGION}: ${settings} }\n`);
  const catalog = await openCatalog(dataDirectory);
  return { catalog, dataDirectory, layers: layerStore(catalog, dataDirectory) };
}

async function close({ catalog, dataDirectory }: CopyPlace): Promise<void> {
  await catalog.close();
  await rm(dataDirectory, { recursive: true, force: true });
}

async function layer(
  { layers }: CopyPlace,
  parent: SealedLayer | undefined,
  writes: readonly string[],
): Promise<SealedLayer> {
  const opened = parent === undefined ? await layers.announce(null) : await layers.open(parent);
  if (parent === undefined) await run(['qemu-img', 'create', '-q', '-f', 'qcow2', opened.path, '200M']);
  await run(['qemu-io', '-f', 'qcow2', '-d', 'unmap', ...writes.flatMap((each) => ['-c', each]), opened.path]);
  return layers.seal(opened, opened.id, {});
}

async function distribute(
  place: CopyPlace,
  version: string,
  top: SealedLayer,
  report: (event: ProgressEvent) => void = () => {},
): Promise<string> {
  const arn = `arn:aws:imagebuilder:us-east-1:123456789012:image/web/${version}/1`;
  const plan = {
    region: REGION,
    home: false,
    name: `web ${version}`,
    description: 'A web server',
    tags: { Team: 'web', CreatedBy: 'EC2 Image Builder' },
    path: '',
    targetAccounts: [],
    configurations: { region: REGION },
  };
  const source = { arn, account: '123456789012', image: { name: 'web' } };
  const ami = { id: newAmiId(), layer: top };
  return (await copyToRegion(place, { source, ami, plan, osVersion: undefined, ahead: undefined }, report, going))
    .amiId;
}

/** The disk as its bytes, filled up to whole blocks. */
async function rawOf(place: CopyPlace, { path }: SealedLayer): Promise<Buffer> {
  const raw = join(place.dataDirectory, 'disk.raw');
  await run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path, raw]);
  const file = await open(raw, 'r');
  const { size } = await file.stat();
  const disk = Buffer.alloc(Math.ceil(size / BLOCK) * BLOCK);
  await file.read(disk, 0, size, 0);
  await file.close();
  return disk;
}

function assertDisk(blocks: ReadonlyMap<number, Buffer>, disk: Buffer): void {
  for (let index = 0; index * BLOCK < disk.length; index++) {
    const expected = disk.subarray(index * BLOCK, (index + 1) * BLOCK);
    assert.ok((blocks.get(index) ?? Buffer.alloc(BLOCK)).equals(expected), `block ${index}`);
  }
}

describe('moto', { skip: WITHOUT_MOTO }, () => {
  let moto: Moto;
  let place: CopyPlace;
  before(async () => {
    moto = await startMoto();
    place = await host(`{ store: ec2, endpoint: '${moto.endpoint}' }`);
  });
  after(async () => {
    await close(place);
    await moto.stop();
  });
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };

  test('an image is registered over a snapshot that equals the disk; only blocks with data went up', async () => {
    const checked = await checkStores(await readConfig(place.dataDirectory), place.dataDirectory, [REGION], going);
    assert.deepEqual(checked, [{ region: REGION, place: `EC2 in ${REGION}`, fault: undefined }]);
    const base = await layer(place, undefined, ['write -P 1 0 20M', 'write -P 2 100M 4k', 'write -P 3 199M 1M']);
    const top = await layer(place, base, ['write -P 4 10M 64k', 'write -P 0 12M 2M']);
    const id = await distribute(place, '1.0.0', top);
    const record = (await amiOnRecord(place.catalog.db, id))!;
    assert.deepEqual([record.state, record.region, record.name], ['available', REGION, 'web 1.0.0']);
    const ec2 = new EC2Client({ region: REGION, endpoint: moto.endpoint, credentials });
    const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [id] }));
    assert.deepEqual([image!.Name, image!.Description], ['web 1.0.0', 'A web server']);
    assert.equal(image!.Tags!.find(({ Key }) => Key === 'Team')?.Value, 'web');

    const snapshot = await place.catalog.db.selectFrom('aws_snapshots').selectAll().executeTakeFirstOrThrow();
    const ebs = new EBSClient({ region: REGION, endpoint: moto.endpoint, credentials });
    const { Blocks: listed = [] } = await ebs.send(
      new ListSnapshotBlocksCommand({ SnapshotId: snapshot.snapshot_id! }),
    );
    const blocks = new Map<number, Buffer>();
    for (const { BlockIndex: index, BlockToken: token } of listed) {
      const { BlockData: data } = await ebs.send(
        new GetSnapshotBlockCommand({ SnapshotId: snapshot.snapshot_id!, BlockIndex: index, BlockToken: token }),
      );
      blocks.set(Number(index), Buffer.from(await data!.transformToByteArray()));
    }
    const disk = await rawOf(place, top);
    assertDisk(blocks, disk);
    // 20 MiB without the 2 MiB of zeros, a block for 4 KiB, and the last MiB.
    assert.equal(blocks.size, 36 + 1 + 2);

    ec2.destroy();
    ebs.destroy();
  });

  test('a deregistered AMI is deregistered there', async () => {
    const top = await layer(place, undefined, ['write -P 5 0 1M']);
    const id = await distribute(place, '2.0.0', top);
    await withdrawAmi(place.catalog, place.layers, (await amiOnRecord(place.catalog.db, id))!, { keepReusable: false });
    const ec2 = new EC2Client({ region: REGION, endpoint: moto.endpoint, credentials });
    const { Images: left = [] } = await ec2
      .send(new DescribeImagesCommand({ ImageIds: [id] }))
      .catch((error: Error) => (error.name.startsWith('InvalidAMIID') ? { Images: [] } : Promise.reject(error)));
    assert.deepEqual(
      left.filter(({ State }) => State === 'available'),
      [],
    );
    ec2.destroy();
  });
});

/** EBS and what EC2 answers about its snapshots. It checks requests as the API reference has them. */
class SmallEbs {
  readonly snapshots = new Map<
    string,
    { readonly gib: number; readonly parent?: string; readonly blocks: Map<number, Buffer>; state: string }
  >();
  readonly faults: string[] = [];
  readonly requests: string[] = [];
  readonly registered: URLSearchParams[] = [];
  /** Answers before the request is looked at. */
  interfere: ((path: string) => number | undefined) | undefined;
  mostAtOnce = 0;
  /** The first blocks are answered when so many of them are there, or all that come. */
  gateAt: { readonly waiting: number; readonly total: number } | undefined;
  #now = 0;
  #came = 0;
  #waiting: (() => void)[] = [];
  #server: Server | undefined;
  readonly #tokens = new Map<string, string>();

  async start(): Promise<string> {
    this.#server = createServer((request, response) => {
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#now);
      void bodyOf(request).then(async (body) => {
        if (request.method === 'PUT') await this.#gate();
        const url = new URL(request.url!, 'http://ebs');
        const status = this.interfere?.(url.pathname);
        this.requests.push(`${request.method} ${url.pathname}`);
        const [code, text, type] =
          status === undefined
            ? url.pathname === '/'
              ? [200, this.#ec2(new URLSearchParams(body.toString())), 'text/xml']
              : this.#ebs(request, url, body)
            : [status, '{"message":"as the test wants it"}', 'application/json'];
        this.#now--;
        response.writeHead(code, { 'Content-Type': type });
        response.end(text);
      });
    });
    await new Promise<void>((resolve) => this.#server!.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #gate(): Promise<void> {
    if (this.gateAt === undefined) return;
    this.#came++;
    const open = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#waiting.length >= this.gateAt.waiting || this.#came >= this.gateAt.total)
      for (const each of this.#waiting.splice(0)) each();
    await open;
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  /** The blocks of a snapshot with those of its parents. */
  effective(id: string): ReadonlyMap<number, Buffer> {
    const { parent, blocks } = this.snapshots.get(id)!;
    return new Map([...(parent === undefined ? [] : this.effective(parent)), ...blocks]);
  }

  #ebs(request: IncomingMessage, url: URL, body: Buffer): readonly [number, string, string] {
    const json = 'application/json';
    const fault = (text: string): readonly [number, string, string] => {
      this.faults.push(text);
      return [400, JSON.stringify({ __type: 'ValidationException', message: text }), json];
    };
    const header = (name: string): string => String(request.headers[name] ?? '');
    const base64 = (data: Buffer): string => createHash('sha256').update(data).digest('base64');
    if (!header('authorization').includes('/ebs/aws4_request')) return fault('not signed for ebs');
    if (request.method === 'POST' && url.pathname === '/snapshots') {
      const input = JSON.parse(body.toString()) as Record<string, unknown>;
      const { VolumeSize: gib, ParentSnapshotId: parent, ClientToken: token } = input;
      if (!Number.isInteger(gib) || (gib as number) < 1) return fault('VolumeSize');
      if (parent !== undefined && input['Encrypted'] !== undefined) return fault('ParentSnapshotId and Encrypted');
      if (parent !== undefined && this.snapshots.get(parent as string)?.state !== 'completed')
        return fault('the parent is not complete');
      if (parent !== undefined && this.snapshots.get(parent as string)!.gib > (gib as number))
        return fault('smaller than the parent');
      if (typeof token !== 'string' || token.length > 255) return fault('ClientToken');
      const known = this.#tokens.get(token);
      const id = known ?? `snap-${String(this.snapshots.size + 1).padStart(17, '0')}`;
      this.#tokens.set(token, id);
      if (known === undefined)
        this.snapshots.set(id, {
          gib: gib as number,
          parent: parent as string | undefined,
          blocks: new Map(),
          state: 'pending',
        });
      return [201, JSON.stringify({ SnapshotId: id, Status: 'pending', BlockSize: BLOCK, VolumeSize: gib }), json];
    }
    const put = /^\/snapshots\/(snap-\d{17})\/blocks\/(\d+)$/.exec(url.pathname);
    if (request.method === 'PUT' && put !== null) {
      const snapshot = this.snapshots.get(put[1]!);
      if (snapshot?.state !== 'pending') return fault('not pending');
      if (body.length !== BLOCK || header('x-amz-data-length') !== String(BLOCK)) return fault('DataLength');
      if (header('x-amz-checksum-algorithm') !== 'SHA256' || header('x-amz-checksum') !== base64(body))
        return fault('Checksum');
      if (Number(put[2]) * BLOCK >= snapshot.gib * 1024 ** 3) return fault('BlockIndex');
      snapshot.blocks.set(Number(put[2]), body);
      return [201, '{}', json];
    }
    const complete = /^\/snapshots\/completion\/(snap-\d{17})$/.exec(url.pathname);
    if (request.method === 'POST' && complete !== null) {
      const snapshot = this.snapshots.get(complete[1]!)!;
      const all = createHash('sha256');
      for (const [, data] of [...snapshot.blocks].sort(([a], [b]) => a - b))
        all.update(createHash('sha256').update(data).digest());
      if (header('x-amz-changedblockscount') !== String(snapshot.blocks.size)) return fault('ChangedBlocksCount');
      if (header('x-amz-checksum-aggregation-method') !== 'LINEAR') return fault('ChecksumAggregationMethod');
      if (header('x-amz-checksum') !== all.digest('base64')) return fault('the checksum of all blocks');
      snapshot.state = 'completed';
      return [202, '{"Status":"completed"}', json];
    }
    return fault(`no such operation: ${request.method} ${url.pathname}`);
  }

  #ec2(form: URLSearchParams): string {
    const answer = (text: string): string => `<${form.get('Action')}Response>${text}</${form.get('Action')}Response>`;
    switch (form.get('Action')) {
      case 'DescribeSnapshots': {
        const id = form.get('SnapshotId.1')!;
        return answer(
          `<snapshotSet><item><snapshotId>${id}</snapshotId><status>${this.snapshots.get(id)?.state ?? 'error'}` +
            '</status></item></snapshotSet>',
        );
      }
      case 'DescribeImages':
        return answer(
          `<imagesSet>${this.registered
            .map((each, index) =>
              each.get('Name') === form.get('Filter.1.Value.1')
                ? `<item><imageId>${imageId(index + 1)}</imageId><blockDeviceMapping><item><ebs><snapshotId>` +
                  `${each.get('BlockDeviceMapping.1.Ebs.SnapshotId')}</snapshotId></ebs></item>` +
                  '</blockDeviceMapping></item>'
                : '',
            )
            .join('')}</imagesSet>`,
        );
      case 'RegisterImage':
        this.registered.push(form);
        return answer(`<imageId>${imageId(this.registered.length)}</imageId>`);
      default:
        return answer('<return>true</return>');
    }
  }
}

const imageId = (number: number): string => `ami-${String(number).padStart(17, '0')}`;

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('over the snapshot of an earlier version', () => {
  let ebs: SmallEbs;
  let settings: string;
  let place: CopyPlace;
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
  before(async () => {
    Object.assign(process.env, keys);
    ebs = new SmallEbs();
    settings = `{ store: ec2, endpoint: '${await ebs.start()}', encrypted: true }`;
    place = await host(settings);
  });
  after(async () => {
    ebs.stop();
    await close(place);
    for (const key of Object.keys(keys)) delete process.env[key];
  });
  const puts = (): number => ebs.requests.filter((each) => each.startsWith('PUT')).length;

  test('only blocks that changed go up, and those that have no data any more become zeros', async () => {
    const base = await layer(place, undefined, ['write -P 1 0 60M', 'write -P 2 100M 1M']);
    ebs.gateAt = { waiting: 64, total: 122 };
    const id = await distribute(place, '1.0.0', base);
    ebs.gateAt = undefined;
    assert.equal(puts(), 120 + 2);
    assert.equal(ebs.mostAtOnce, 64);
    const form = ebs.registered[0]!;
    const deviceMapping = [...form].filter(([name]) => name.startsWith('BlockDeviceMapping.1.'));
    assert.deepEqual(
      [form.get('EnaSupport'), form.get('ImdsSupport'), form.get('BootMode'), form.get('VirtualizationType')],
      ['true', 'v2.0', 'uefi-preferred', 'hvm'],
    );
    assert.ok(deviceMapping.some(([, value]) => value === 'snap-00000000000000001'));

    assert.equal(ebs.registered.length, 1);
    // As after a crash before the image was on record: the image is found, and nothing is sent.
    await place.catalog.db.deleteFrom('amis').where('id', '=', id).execute();
    const log: string[] = [];
    assert.equal(await distribute(place, '1.0.0', base, (event) => log.push(event.text)), id);
    assert.match(log.join('\n'), /: 0 blocks of 512 KiB were sent/);
    assert.equal(ebs.registered.length, 1);

    ebs.requests.length = 0;
    const top = await layer(place, base, ['write -P 9 10M 4k', 'write -P 8 150M 1M', 'discard 100M 1M']);
    await distribute(place, '1.0.1', top);
    // One block for 4 KiB, two for the new MiB, two that became zeros.
    assert.equal(puts(), 1 + 2 + 2);
    const snapshot = ebs.snapshots.get('snap-00000000000000002')!;
    assert.equal(snapshot.parent, 'snap-00000000000000001');
    assertDisk(ebs.effective('snap-00000000000000002'), await rawOf(place, top));
    assert.deepEqual(ebs.faults, []);
  });

  test('a transfer that breaks off continues with what was not sent', { timeout: 60_000 }, async () => {
    ebs.requests.length = 0;
    const other = await layer(place, undefined, ['write -P 7 0 100M']);
    let sent = 0;
    // EBS refuses what is not to be tried again.
    ebs.interfere = (path) => (path.includes('/blocks/') && ++sent > 80 ? 403 : undefined);
    await assert.rejects(distribute(place, '3.0.0', other), /as the test wants it/);
    ebs.interfere = undefined;
    const before = ebs.snapshots.size;
    ebs.requests.length = 0;
    await distribute(place, '3.0.0', other);
    assert.equal(ebs.snapshots.size, before, 'it is the same snapshot');
    assert.ok(puts() <= 200 - 80 + 64 && puts() >= 1, `${puts()} blocks were sent again`);
    const id = [...ebs.snapshots.keys()].at(-1)!;
    assertDisk(ebs.effective(id), await rawOf(place, other));
    assert.deepEqual(ebs.faults, []);
  });

  test('throttled requests are tried again', { timeout: 60_000 }, async () => {
    const other = await layer(place, undefined, [`write -P 6 0 ${4 * MiB}`]);
    let first = true;
    ebs.interfere = (path) => {
      if (!path.includes('/blocks/') || !first) return undefined;
      first = false;
      return 503;
    };
    await distribute(place, '4.0.0', other);
    ebs.interfere = undefined;
    assert.equal(first, false);
    assert.deepEqual(ebs.faults, []);
  });

  test('ingot publish: an AMI becomes one of EC2, and a failure has its reason', { timeout: 60_000 }, async () => {
    const api = await startApi();
    const { catalog } = api;
    const { dataDirectory } = catalog;
    try {
      const layers = layerStore(catalog, dataDirectory);
      const here = { catalog, dataDirectory, layers };
      const top = await layer(here, undefined, ['write -P 3 0 2M']);
      const ami = newAmiId();
      await insertAmi(catalog.db, {
        id: ami,
        region: API_REGION,
        account: ACCOUNT,
        name: 'to publish',
        description: null,
        image_arn: `arn:aws:imagebuilder:${API_REGION}:${ACCOUNT}:image/web/1.0.0/1`,
        layer_id: top.id,
        file: relative(dataDirectory, top.path),
        state: 'available',
        tags: '{"Team":"web"}',
        platform: 'Linux',
        os_version: null,
        architecture: 'x86_64',
        created: '2026-01-01T00:00:00.000Z',
      });
      const connection = api.connectionOf('same');
      const publish = () =>
        signedJson<{ amiId: string }>(connection, {
          method: 'POST',
          path: `/ingot/amis/${ami}/publish`,
          body: { region: REGION },
        });
      const copyOf = (id: string) =>
        signedJson<{ amiId: string; state: string; reason?: string }>(connection, {
          method: 'GET',
          path: `/ingot/amis/${id}/copy`,
        });
      await assert.rejects(publish(), /config\.yaml does not make eu-west-1 a Region of AWS/);
      await writeFile(join(dataDirectory, 'config.yaml'), `regions: { ${REGION}: ${settings} }\n`);
      const { stores } = await signedJson<{ stores: readonly { fault?: string }[] }>(connection, {
        method: 'GET',
        path: '/ingot/stores',
      });
      assert.equal(stores.length, 1);
      const first = await publish();
      assert.equal((await copyOf(first.amiId)).state, 'pending');
      ebs.interfere = (path) => (path.includes('/blocks/') ? 403 : undefined);
      await copyPending(catalog, going);
      ebs.interfere = undefined;
      const failed = await copyOf(first.amiId);
      assert.deepEqual([failed.state, /as the test wants it/.test(failed.reason!)], ['failed', true]);
      const second = await publish();
      await copyPending(catalog, going);
      const done = await copyOf(second.amiId);
      assert.deepEqual([done.state, done.amiId], ['available', imageId(ebs.registered.length)]);
      assert.equal(ebs.registered.at(-1)!.get('Name'), 'to publish');
      assert.deepEqual(ebs.faults, []);
    } finally {
      ebs.interfere = undefined;
      await api.close();
    }
  });

  test('a store that refuses is named before the build', async () => {
    const elsewhere = await host("{ store: ec2, endpoint: 'http://127.0.0.1:1' }");
    const { store } = await storeOf(elsewhere.dataDirectory, REGION);
    await assert.rejects(store.check(going), /EC2 in eu-west-1: .*ECONNREFUSED/);
    await close(elsewhere);
  });
});
