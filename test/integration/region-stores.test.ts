/**
 * Stores of Regions on real disks: a folder on the same file system, one on another, S3 (moto). Layers are there once,
 * a second host finds the image, launches and builds from its disk, and a transfer that broke off continues.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { amiOnRecord, insertAmi, type Ami } from '../../src/catalog/amis.ts';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import { layerStore, readStores } from '../../src/distribution/from-stores.ts';
import { copyToRegion, fillCopy, type CopyPlace } from '../../src/distribution/region-copies.ts';
import { storeOf } from '../../src/distribution/stores.ts';
import { withdrawAmi } from '../../src/distribution/withdraw.ts';
import { createOverlay } from '../../src/images/disks.ts';
import type { SealedLayer } from '../../src/images/layer-store.ts';
import { newAmiId } from '../../src/platform/ids.ts';
import { run } from '../../src/platform/processes.ts';
import type { ProgressEvent } from '../../src/resources/progress.ts';
import { verifyAmi } from '../../src/storage/verify.ts';
import { startMoto, WITHOUT_MOTO, type Moto } from '../harness/moto.ts';

const ACCOUNT = '123456789012';
const REGION = 'eu-west-1';
const ARN = `arn:aws:imagebuilder:us-east-1:${ACCOUNT}:image/web/1.0.0/1`;
const MiB = 1024 ** 2;
const going = new AbortController().signal;

/** A data directory with its catalogue, whose Region has a store. */
async function host(settings: string): Promise<CopyPlace> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'ingot-stores-'));
  await writeFile(join(dataDirectory, 'config.yaml'), `regions: { ${REGION}: ${settings} }\n`);
  const catalog = await openCatalog(dataDirectory);
  return { catalog, dataDirectory, layers: layerStore(catalog, dataDirectory) };
}

async function close({ catalog, dataDirectory }: CopyPlace): Promise<void> {
  await catalog.close();
  await rm(dataDirectory, { recursive: true, force: true });
}

/** A layer with some bytes written at an offset. */
async function layer({ layers }: CopyPlace, parent: SealedLayer | undefined, writes: string): Promise<SealedLayer> {
  const opened = parent === undefined ? await layers.announce(null) : await layers.open(parent);
  if (parent === undefined) await run(['qemu-img', 'create', '-q', '-f', 'qcow2', opened.path, '256M']);
  await run(['qemu-io', '-f', 'qcow2', '-c', writes, opened.path]);
  return layers.seal(opened, opened.id, {});
}

async function distribute(place: CopyPlace, top: SealedLayer, report: (e: ProgressEvent) => void = () => {}) {
  const plan = {
    region: REGION,
    home: false,
    name: `web of ${top.id}`,
    description: 'A web server',
    tags: { Team: 'web' },
    path: '',
    targetAccounts: [],
    configurations: { region: REGION },
  };
  const source = { arn: ARN, account: ACCOUNT, image: { name: 'web' } };
  const ami = { id: newAmiId(), layer: top };
  return (await copyToRegion(place, { source, ami, plan, osVersion: 'Debian 12', ahead: undefined }, report, going))
    .amiId;
}

const recordOf = async ({ catalog }: { catalog: Catalog }, id: string): Promise<Ami> =>
  (await amiOnRecord(catalog.db, id))!;

let moto: Moto | undefined;
before(async () => {
  if (WITHOUT_MOTO === false) moto = await startMoto();
});
after(() => moto?.stop());

function s3Client(): S3Client {
  return new S3Client({
    region: REGION,
    endpoint: moto!.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
}

async function newBucket(name: string): Promise<void> {
  const client = s3Client();
  await client.send(
    new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: REGION } }),
  );
  client.destroy();
}

const shm = '/dev/shm';
const places: readonly {
  readonly what: string;
  readonly skip: string | false;
  readonly make: () => Promise<{ readonly settings: string; readonly folder?: string }>;
}[] = [
  {
    what: 'a folder on the same file system',
    skip: false,
    make: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'ingot-region-'));
      return { settings: `{ path: '${folder}' }`, folder };
    },
  },
  {
    what: 'a folder on another file system',
    skip: (await statfs(shm).catch(() => undefined)) === undefined ? `${shm} is no file system` : false,
    make: async () => {
      const folder = await mkdtemp(join(shm, 'ingot-region-'));
      return { settings: `{ path: '${folder}', trusted: true }`, folder };
    },
  },
  {
    what: 'S3',
    skip: WITHOUT_MOTO,
    make: async () => {
      await newBucket('images');
      return { settings: `{ store: s3, bucket: images, prefix: web, endpoint: '${moto!.endpoint}' }` };
    },
  },
];

for (const { what, skip, make } of places)
  describe(what, { skip }, () => {
    let here: CopyPlace;
    let there: CopyPlace;
    let made: { readonly settings: string; readonly folder?: string };
    let base: SealedLayer;
    let first: string;
    let second: string;
    before(async () => {
      made = await make();
      here = await host(made.settings);
      there = await host(made.settings);
      base = await layer(here, undefined, 'write -P 1 0 40M');
    });
    after(async () => {
      await close(here);
      await close(there);
      if (made.folder !== undefined) await rm(made.folder, { recursive: true, force: true });
    });
    const names = async () => {
      const { store } = await storeOf(here.dataDirectory, REGION);
      return (await store.images(going)).map(({ amiId }) => amiId).sort();
    };

    test('can be used', async () => {
      await (await storeOf(here.dataDirectory, REGION)).store.check(going);
    });

    test('gets each layer once, and says how many bytes it has', async () => {
      const progress: ProgressEvent[] = [];
      const report = (event: ProgressEvent): void => void (event.type === 'progress' && progress.push(event));
      first = await distribute(here, await layer(here, base, 'write -P 2 4M 4M'), report);
      const { done, total } = progress.at(-1)!;
      assert.equal(done, total);
      assert.ok(total! > 44 * MiB, `${total} bytes`);
      const sent: ProgressEvent[] = [];
      const top = await layer(here, base, 'write -P 3 8M 4M');
      second = await distribute(here, top, (event) => void (event.type === 'progress' && sent.push(event)));
      assert.deepEqual(await names(), [first, second].sort());
      if (made.folder !== undefined) {
        const files = await readdir(join(made.folder, 'layers'));
        assert.equal(files.length, 3);
        const stats = await stat(join(made.folder, 'layers', `${base.id}.qcow2`));
        assert.equal(stats.nlink, what.includes('same') ? 2 : 1);
        // The chain there stands by itself.
        await run(['qemu-img', 'compare', '-q', top.path, join(made.folder, 'layers', `${top.id}.qcow2`)]);
      }
      const verified = await verifyAmi(here.dataDirectory, await recordOf(here, first));
      assert.deepEqual([verified.checked, verified.faults], ['manifest', []]);
    });

    test('a second host finds the image, and builds on its disk', async () => {
      await readStores(there.catalog, going);
      const known = await recordOf(there, second);
      assert.deepEqual(
        [known.state, known.name, known.account, known.layer_id, JSON.parse(known.tags), known.os_version],
        ['available', (await recordOf(here, second)).name, ACCOUNT, null, { Team: 'web' }, 'Debian 12'],
      );
      const taken = (await there.layers.takeAmi(second, REGION, 'a build'))!;
      assert.equal(taken.layer.origin, what.includes('another') ? 'made' : 'untrusted');
      const original = await here.layers.takeAmi(second, REGION, 'a test');
      await run(['qemu-img', 'compare', '-q', original!.layer.path, taken.layer.path]);
      await here.layers.release('a test');
      // The first one shares its base with it.
      await Promise.all([
        there.layers.takeAmi(first, REGION, 'a build'),
        there.layers.takeAmi(first, REGION, 'another build'),
      ]);
      assert.equal((await readdir(join(there.dataDirectory, 'layers'))).length, 3);
      const overlay = join(there.dataDirectory, 'overlay.qcow2');
      await createOverlay(taken.layer.path, overlay);
      await run(['qemu-io', '-f', 'qcow2', '-c', 'read -P 3 8M 4M', '-c', 'read -P 1 0 4M', overlay]);
      await there.layers.release('a build');
      await there.layers.release('another build');
    });

    test('a layer that names another file is rejected', async () => {
      const { store } = await storeOf(here.dataDirectory, REGION);
      const manifest = (await store.image(second))!;
      const top = manifest.layers.at(-1)!;
      const other = await host(made.settings);
      try {
        const fetch = (file: { readonly name: string }, target: string): Promise<void> =>
          file.name === top.name
            ? createOverlay('/etc/passwd', target, 256 * MiB).catch(() => writeFile(target, ''))
            : store.fetchLayer({ ...top, ...file } as typeof top, target, {
                held: { owner: 'x' } as never,
                report: () => {},
                signal: going,
              });
        const chain = manifest.layers.slice(-1);
        await assert.rejects(other.layers.receive(chain, { origin: 'untrusted' }, fetch, 'me'), /is rejected: it/);
        assert.deepEqual(await readdir(join(other.dataDirectory, 'layers')), []);
      } finally {
        await close(other);
      }
    });

    test('an image that is removed leaves the layers of the other', async () => {
      await withdrawAmi(here.catalog, here.layers, await recordOf(here, first), { keepReusable: false });
      assert.deepEqual(await names(), [second]);
      const { store } = await storeOf(here.dataDirectory, REGION);
      assert.deepEqual(await store.faultsOf((await store.image(second))!), []);
      await withdrawAmi(here.catalog, here.layers, await recordOf(here, second), { keepReusable: false });
      assert.deepEqual(await names(), []);
      if (made.folder !== undefined) assert.deepEqual(await readdir(join(made.folder, 'layers')), []);
      await readStores(there.catalog, going);
      assert.equal((await recordOf(there, second)).state, 'available', 'its layers are on the second host');
    });

    test('two servers that put and remove images with shared layers leave each image whole', async () => {
      const shared = await layer(here, undefined, 'write -P 7 0 1M');
      const one = await layer(here, shared, 'write -P 8 1M 64k');
      const lanes = Array.from({ length: 4 }, async (_, lane) => {
        for (let round = 0; round < 4; round++) {
          const id = await distribute(here, one);
          const { store } = await storeOf(here.dataDirectory, REGION);
          assert.deepEqual(await store.faultsOf((await store.image(id))!), [], `lane ${lane}, round ${round}`);
          await store.removeImage(id);
        }
      });
      await Promise.all(lanes);
    });
  });

describe('S3 that fails', { skip: WITHOUT_MOTO }, () => {
  let proxy: Server;
  let endpoint: string;
  /** What becomes of a request: it is passed on when absent. */
  let fault: ((request: IncomingMessage) => 'drop' | 'refuse' | undefined) | undefined;
  let parts = 0;
  before(async () => {
    await newBucket('faults');
    proxy = createServer((request, response) => {
      if (request.method === 'PUT' && /partNumber=/.test(request.url!)) parts++;
      const what = fault?.(request);
      if (what === 'drop') return void request.socket.destroy();
      if (what === 'refuse') {
        response.writeHead(403, { 'Content-Type': 'application/xml' });
        return void response.end('<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
      }
      const on = httpRequest(
        `${moto!.endpoint}${request.url}`,
        { method: request.method, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(response);
        },
      );
      on.on('error', () => response.destroy());
      request.pipe(on);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });

  test('an upload whose connection drops continues with the parts that are missing', { timeout: 120_000 }, async () => {
    const place = await host(`{ store: s3, bucket: faults, endpoint: '${endpoint}' }`);
    try {
      const top = await layer(place, undefined, 'write -P 5 0 96M');
      const all = Math.ceil((await stat(top.path)).size / (16 * MiB));
      fault = (request) => (/partNumber=5&|partNumber=5$/.test(request.url!) ? 'drop' : undefined);
      await assert.rejects(distribute(place, top), /s3:\/\/faults\//);
      const { store } = await storeOf(place.dataDirectory, REGION);
      assert.deepEqual(await store.images(going), [], 'no half copy is visible');
      fault = undefined;
      parts = 0;
      const id = await distribute(place, top);
      assert.ok(parts >= 1 && parts < all, `${parts} of ${all} parts were sent again`);
      assert.deepEqual(await store.faultsOf((await store.image(id))!), []);
    } finally {
      fault = undefined;
      await close(place);
    }
  });

  test('one that refuses is named, with what it said', async () => {
    const place = await host(`{ store: s3, bucket: faults, prefix: no, endpoint: '${endpoint}' }`);
    try {
      fault = () => 'refuse';
      const { store } = await storeOf(place.dataDirectory, REGION);
      await assert.rejects(store.check(going), /s3:\/\/faults\/no\/: AccessDenied: Access Denied/);
    } finally {
      fault = undefined;
      await close(place);
    }
  });

  test('a layer that was changed there is not taken', async () => {
    const place = await host(`{ store: s3, bucket: faults, prefix: changed, endpoint: '${endpoint}' }`);
    const other = await host(`{ store: s3, bucket: faults, prefix: changed, endpoint: '${endpoint}' }`);
    try {
      const top = await layer(place, undefined, 'write -P 5 0 1M');
      const id = await distribute(place, top);
      await readStores(other.catalog, going);
      const changed = await readFile(top.path);
      changed[changed.length - 1]! ^= 1;
      const client = s3Client();
      await client.send(
        new PutObjectCommand({ Bucket: 'faults', Key: `changed/layers/${top.id}.qcow2`, Body: changed }),
      );
      client.destroy();
      await assert.rejects(other.layers.takeAmi(id, REGION, 'a build'), /is damaged: its SHA-256 is/);
      assert.deepEqual(await readdir(join(other.dataDirectory, 'layers')), []);
    } finally {
      await close(place);
      await close(other);
    }
  });
});

describe('disk space', () => {
  test('ten versions in two Regions cost what changed', async () => {
    const place = await host('{}');
    try {
      const base = await layer(place, undefined, 'write -P 1 0 64M');
      const bytes = async () => Number((await run(['du', '-s', '-B1', place.dataDirectory])).stdout.split('\t')[0]);
      const before = await bytes();
      for (let version = 0; version < 10; version++)
        await distribute(place, await layer(place, base, `write -P ${version + 2} ${version}M 2M`));
      const grown = (await bytes()) - before;
      assert.ok(grown < 10 * 3.5 * MiB, `${Math.round(grown / MiB)} MiB for 20 MiB of changes`);
    } finally {
      await close(place);
    }
  });

  test('a chain that lies over a flat copy elsewhere goes as one file', async () => {
    const place = await host('{}');
    try {
      const flat = join(place.dataDirectory, 'regions', 'us-west-1', 'ami-0123456789abcdef0.qcow2');
      await mkdir(dirname(flat), { recursive: true });
      await run(['qemu-img', 'create', '-q', '-f', 'qcow2', flat, '64M']);
      await run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 1M', flat]);
      const below = await place.layers.adopt(flat, {}, { origin: 'made' });
      const top = await layer(place, below, 'write -P 4 2M 1M');
      const id = await distribute(place, top);
      const folder = join(place.dataDirectory, 'regions', REGION, 'layers');
      assert.deepEqual(await readdir(folder), [`${top.id}-flat.qcow2`]);
      await run(['qemu-img', 'compare', '-q', top.path, join(folder, `${top.id}-flat.qcow2`)]);
      assert.deepEqual(await readdir(join(place.dataDirectory, 'work', 'copies')), []);
      assert.deepEqual((await verifyAmi(place.dataDirectory, await recordOf(place, id))).faults, []);
      const file = await open(join(folder, `${top.id}-flat.qcow2`), 'r+');
      await file.write(Buffer.from('x'), 0, 1, (await file.stat()).size - 1);
      await file.close();
      const { faults } = await verifyAmi(place.dataDirectory, await recordOf(place, id));
      assert.match(faults.join(), /the SHA-256 of the file .* is .*; its manifest says/);
    } finally {
      await close(place);
    }
  });

  test('what CopyImage asked for is put there in the same way', async () => {
    const place = await host('{}');
    try {
      const top = await layer(place, undefined, 'write -P 1 0 1M');
      const record = {
        id: newAmiId(),
        region: REGION,
        account: ACCOUNT,
        name: 'asked for',
        description: null,
        image_arn: ARN,
        layer_id: null,
        file: `regions/${REGION}/x.qcow2`,
        state: 'pending' as const,
        tags: '{}',
        platform: 'Linux',
        os_version: null,
        architecture: 'x86_64',
        created: new Date().toISOString(),
      };
      await insertAmi(place.catalog.db, record);
      await fillCopy(place, record, top, { owner: record.id, report: () => {}, signal: going });
      const filled = await recordOf(place, record.id);
      assert.deepEqual(
        [filled.state, filled.layer_id, filled.file],
        ['available', top.id, relative(place.dataDirectory, top.path)],
      );
      assert.ok(existsSync(join(place.dataDirectory, 'regions', REGION, 'layers', `${top.id}.qcow2`)));
    } finally {
      await close(place);
    }
  });
});
