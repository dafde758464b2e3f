import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, afterEach, describe, test } from 'node:test';
import { insertAmi } from '../catalog/amis.ts';
import { openCatalog, type Catalog } from '../catalog/catalog.ts';
import { getInstance, insertInstance } from '../catalog/instances.ts';
import { createImage, transitionImage } from '../catalog/images.ts';
import { recordBaseImage, useLayer } from '../catalog/layers.ts';
import { LayerStore, type SealedLayer, type Sealing } from '../images/layer-store.ts';
import { sealedParent } from '../images/parents.ts';
import { endLaunched } from '../worker/launches.ts';
import { newAmiId, newInstanceId } from '../platform/ids.ts';
import { storageService, type StorageService } from './storage.ts';

const ME = { account: '123456789012' };
const IMAGE = 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1';
const OTHER = 'arn:aws:imagebuilder:us-east-1:123456789012:image/other/1.0.0/1';

describe('storage', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot storage '));
  let count = 0;
  let catalog: Catalog;
  let layers: LayerStore;
  let storage: StorageService;
  let base: SealedLayer;

  beforeEach(async () => {
    const dataDirectory = join(folder, String(count++));
    catalog = await openCatalog(dataDirectory);
    layers = new LayerStore(catalog, dataDirectory);
    storage = storageService(catalog);
    base = await layer(null, {
      refer: (trx, layerId) =>
        recordBaseImage(trx, { name: 'debian-12-x86', version: '2026.1.1', layerId, osVersion: 'Debian 12' }),
    });
  });
  afterEach(() => catalog.close());
  after(() => rm(folder, { recursive: true }));

  /** A layer with some content; a component's if it has a label. */
  async function layer(parent: SealedLayer | null, sealing: Sealing = {}): Promise<SealedLayer> {
    const open = await layers.announce(parent?.id ?? null);
    await writeFile(open.path, Buffer.alloc(100_000, 1));
    return layers.seal(open, open.id, {}, sealing);
  }

  async function ami(top: SealedLayer, region = 'us-east-1', image = IMAGE): Promise<string> {
    const id = newAmiId();
    await insertAmi(catalog.db, {
      id,
      region,
      account: ME.account,
      name: id,
      description: null,
      image_arn: image,
      layer_id: top.id,
      file: top.path.slice(catalog.dataDirectory.length + 1),
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      created: new Date().toISOString(),
    });
    return id;
  }

  /** A flat copy with its manifest, as an AMI of another Region. */
  async function copy(): Promise<{ readonly id: string; readonly layer: SealedLayer; readonly manifest: string }> {
    const id = newAmiId();
    const file = join(catalog.dataDirectory, 'regions', 'eu-west-1', `${id}.qcow2`);
    const manifest = file.replace(/qcow2$/, 'json');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, Buffer.alloc(100_000, 1));
    await writeFile(manifest, '{}');
    await insertAmi(catalog.db, {
      id,
      region: 'eu-west-1',
      account: ME.account,
      name: id,
      description: null,
      image_arn: IMAGE,
      layer_id: null,
      file: `regions/eu-west-1/${id}.qcow2`,
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      created: new Date().toISOString(),
    });
    const adopted = await layers.adopt(
      file,
      {},
      {
        origin: 'made',
        refer: async (trx, layerId) =>
          void (await trx.updateTable('amis').set({ layer_id: layerId }).where('id', '=', id).execute()),
      },
    );
    return { id, layer: adopted, manifest };
  }

  const disks = async (): Promise<readonly string[]> => (await readdir(join(catalog.dataDirectory, 'layers'))).sort();
  const filesOf = (...some: readonly SealedLayer[]): readonly string[] =>
    some.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).sort();

  test('deregistering frees what only the AMI uses, as much as usage said', async () => {
    const shared = await layer(base, { label: 'shared' });
    const own = await layer(shared, { label: 'own' });
    const one = await ami(await layer(own));
    const top = await layer(shared);
    const two = await ami(top);
    const said = (await storage.usage(ME)).amis.find(({ id }) => id === one)!;

    const done = await storage.deregister(ME, one);

    assert.deepEqual([done.layers, done.bytes, done.keptBy], [2, said.freedBytes, []]);
    assert.deepEqual(await disks(), filesOf(base, shared, top));
    assert.deepEqual(
      (await storage.usage(ME)).amis.map(({ id }) => id),
      [two],
    );
    await assert.rejects(storage.deregister(ME, one), { code: 'ResourceNotFoundException' });
  });

  test('the parent of another image stays complete', async () => {
    const parent = await layer(base);
    const one = await ami(parent);
    const child = await ami(await layer(parent));
    assert.deepEqual((await storage.deregister(ME, one)).keptBy, [child]);
    assert.equal((await storage.collect({ olderThanSeconds: 0, hostCache: false })).layers, 0);
    assert.equal((await storage.deregister(ME, child)).layers, 2);
    assert.deepEqual(await disks(), filesOf(base));
  });

  test('a copy is deleted with its manifest; one that others are based on stays without it', async () => {
    const alone = await copy();
    await storage.deregister(ME, alone.id);
    assert.deepEqual([existsSync(alone.layer.path), existsSync(alone.manifest)], [false, false]);

    const parent = await copy();
    const child = await ami(await layer(parent.layer), 'eu-west-1');
    assert.deepEqual((await storage.deregister(ME, parent.id)).keptBy, [child]);
    assert.deepEqual([existsSync(parent.layer.path), existsSync(parent.manifest)], [true, false]);
    await storage.collect({ olderThanSeconds: 0, hostCache: false });
    assert.ok(existsSync(parent.layer.path));
    await storage.deregister(ME, child);
    assert.ok(!existsSync(parent.layer.path));
  });

  test('the disk of a launched instance stays until the instance ends', async () => {
    const top = await layer(base);
    const one = await ami(top);
    const id = newInstanceId();
    await insertInstance(catalog.db, {
      id,
      purpose: 'launch',
      account: ME.account,
      region: 'us-east-1',
      image_arn: IMAGE,
      ami_id: one,
      driver: 'qemu',
      instance_type: 't3.small',
      state: 'shutting-down',
      reason: null,
      handle: null,
      request: '{}',
      created: new Date().toISOString(),
      kept_until: null,
    });
    await layers.takeAmi(one, 'us-east-1', id);
    assert.deepEqual((await storage.deregister(ME, one)).keptBy, [id]);
    await storage.collect({ olderThanSeconds: 0, hostCache: false });
    assert.deepEqual(await disks(), filesOf(base, top));
    await endLaunched(catalog, (await getInstance(catalog.db, id))!);
    assert.deepEqual(await disks(), filesOf(base));
  });

  test('an AMI whose image is being built cannot be deregistered', async () => {
    const { arn } = await createImage(catalog.db, {
      place: { account: ME.account, region: 'us-east-1' },
      slug: 'web',
      version: { major: 1, minor: 0, patch: 0 },
      image: { name: 'web', platform: 'Linux' },
    });
    await catalog.transaction((trx) => transitionImage(trx, arn, 'CREATING'));
    const one = await ami(await layer(base), 'us-east-1', arn);
    await assert.rejects(storage.deregister(ME, one), {
      code: 'ResourceInUseException',
      message: /still being created \(CREATING\)/,
    });
    assert.equal((await storage.usage(ME)).amis.length, 1);
  });

  for (const [what, owner, region] of [
    ['another account', { account: '210987654321' }, undefined],
    ['another Region', ME, 'eu-west-1'],
  ] as const) {
    test(`${what} is not an AMI`, async () => {
      const one = await ami(await layer(base));
      await assert.rejects(storage.deregister(owner, one, region), { code: 'ResourceNotFoundException' });
    });
  }

  test('gc frees what later builds might reuse, except recent layers, and nothing that is needed', async () => {
    const kept = await layer(base, { label: 'of an image' });
    const top = await layer(kept);
    await ami(top);
    const tried = await layer(kept, { label: 'of a failed build' });
    await layer(tried, { label: 'its second component' });
    const running = await layer(base, { label: 'of a running build', owner: OTHER });
    const { kinds } = await storage.usage(ME);

    assert.deepEqual(await storage.collect({ olderThanSeconds: 3600, hostCache: false }), {
      layers: 0,
      files: 0,
      bytes: 0,
    });
    const freed = await storage.collect({ olderThanSeconds: 0, hostCache: false });

    assert.deepEqual([freed.layers, freed.bytes], [2, kinds.unreferenced]);
    assert.deepEqual(await disks(), filesOf(base, kept, top, running));
    await layers.release(OTHER);
    assert.equal((await storage.collect({ olderThanSeconds: 0, hostCache: false })).layers, 1);
    assert.equal((await storage.usage(ME)).kinds.unreferenced, 0);
  });

  test('container images are counted, those in the registry separately', async () => {
    const before = (await storage.usage(ME)).kinds;
    for (const [path, bytes] of [
      [`containers/sha256/${'a'.repeat(64)}`, 100_000],
      ['registry/files/docker/blob', 200_000],
    ] as const) {
      const file = join(catalog.dataDirectory, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, Buffer.alloc(bytes, 1));
    }
    const { containers, registry } = (await storage.usage(ME)).kinds;
    assert.deepEqual([before.containers, before.registry], [0, 0]);
    assert.ok(containers >= 100_000 && containers < 200_000, String(containers));
    assert.ok(registry >= 200_000 && registry < 300_000, String(registry));
  });

  test('gc deletes nothing that is being written, and nothing below it', async () => {
    const below = await layer(base, { label: 'below' });
    const open = await layers.announce(below.id);
    await writeFile(open.path, 'x');
    assert.equal((await storage.collect({ olderThanSeconds: 0, hostCache: false })).layers, 0);
    assert.equal((await storage.usage(ME)).kinds.unreferenced, 0);
  });

  test('gc frees files that no record names, as much as usage said', async () => {
    const stray = join(catalog.dataDirectory, 'layers', 'lay-00000000000000000.qcow2');
    const own = join(catalog.dataDirectory, 'layers', 'notes.txt');
    for (const path of [stray, own]) await writeFile(path, Buffer.alloc(50_000, 1));
    const { kinds } = await storage.usage(ME);
    assert.deepEqual(await storage.collect({ olderThanSeconds: 0, hostCache: false }), {
      layers: 0,
      files: 1,
      bytes: kinds.unreferenced,
    });
    assert.deepEqual([existsSync(stray), existsSync(own)], [false, true]);
  });

  test('gc keeps what the host caches for other data directories, unless requested', {
    skip: process.geteuid!() !== 0 && 'only root has a cache of base images',
  }, async () => {
    const cache = join(catalog.dataDirectory, 'cache');
    const before = process.env['INGOT_BASE_CACHE'];
    process.env['INGOT_BASE_CACHE'] = cache;
    try {
      await mkdir(cache, { mode: 0o700 });
      const disk = join(cache, `${'0'.repeat(64)}.qcow2`);
      await writeFile(disk, Buffer.alloc(50_000, 1));
      await storage.collect({ olderThanSeconds: 0, hostCache: false });
      assert.equal(existsSync(disk), true);
      assert.equal((await storage.collect({ olderThanSeconds: 0, hostCache: true })).cachedBaseImages, 1);
      assert.equal(existsSync(disk), false);
    } finally {
      if (before === undefined) delete process.env['INGOT_BASE_CACHE'];
      else process.env['INGOT_BASE_CACHE'] = before;
    }
  });

  test('another owner of a disk is reported as another account, without a name', async () => {
    const top = await layer(base);
    const one = await ami(top);
    await useLayer(catalog.db, top.id, OTHER.replace(ME.account, '210987654321'));
    await useLayer(catalog.db, top.id, OTHER);
    assert.deepEqual(new Set((await storage.deregister(ME, one)).keptBy), new Set([OTHER, 'another account']));
  });

  test('a parent that was deregistered before its build began is reported; one that a build uses stays', async () => {
    const top = await layer(base);
    const one = await ami(top);
    const request = {
      reference: one,
      arn: OTHER,
      region: 'us-east-1',
      account: ME.account,
      catalog,
      layers,
      dataDirectory: catalog.dataDirectory,
      report: () => {},
      signal: new AbortController().signal,
    };
    await sealedParent(request);
    assert.deepEqual((await storage.deregister(ME, one)).keptBy, [OTHER]);
    assert.ok(existsSync(top.path));
    await assert.rejects(sealedParent(request), new RegExp(`parent image ${one}: the AMI ${one} was deregistered`));
  });

  test('usage adds up, and counts each file once', async () => {
    const shared = await layer(base, { label: 'shared' });
    for (const top of [await layer(shared), await layer(shared)]) await ami(top);
    await copy();
    const content = Buffer.alloc(10_000);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const part = { account: ME.account, sha256, size: content.length, offset: 0, bytes: content };
    await storage.receive({ maxBytes: 1e6, accountBytes: 1e6 }, part);
    const { totalBytes, kinds, regions, amis, availableBytes } = await storage.usage(ME);
    assert.equal(
      Object.values(kinds).reduce((sum, bytes) => sum + bytes),
      totalBytes,
    );
    assert.equal(kinds.images, 3 * kinds.baseImages);
    assert.deepEqual(regions, [{ region: 'eu-west-1', bytes: kinds.copies }]);
    assert.deepEqual(amis.map(({ bytes }) => bytes / kinds.baseImages).sort(), [1, 3, 3]);
    assert.ok(kinds.files >= 10_000);
    assert.ok(availableBytes > 0);
  });
});
