/** The directory store on real disks: a chain of layers becomes one file that equals it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { flatCopies, type FlatManifest, type FlatRequest } from '../../src/distribution/directory/flat.ts';
import { storeOf } from '../../src/distribution/stores.ts';
import { createOverlay, diskInfo, flatten } from '../../src/images/disks.ts';
import { tables } from '../../src/images/flat-copy.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { run } from '../../src/platform/processes.ts';

const data = join(mkdtempSync(join(tmpdir(), 'ingot-store-test-')), 'data directory');
const directory = join(data, 'regions', 'eu-west-1');
const store = flatCopies;
const top = join(data, 'top.qcow2');

before(async () => {
  const base = join(data, 'base.qcow2');
  await run(['mkdir', '-p', data]);
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', base, '64M']);
  await run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 1 0 8M', base]);
  await createOverlay(base, top, 128 * 1024 ** 2);
  await run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 2 4M 8M', top]);
});

after(async () => {
  await rm(join(data, '..'), { recursive: true, force: true });
});

function request(changes: Partial<FlatRequest> = {}): FlatRequest {
  return {
    top,
    region: 'eu-west-1',
    amiId: 'ami-0123456789abcdef0',
    name: 'web 2026',
    description: 'A web server',
    tags: { Role: 'web' },
    imageArn: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1',
    directory,
    held: memoryRecorder('store'),
    report: () => {},
    ...changes,
  };
}

for (const compress of [false, true]) {
  test(`a copy is flat and equal to its chain, with a manifest that holds its checksum (${compress ? 'compressed' : 'plain'})`, async () => {
    const progress: number[] = [];
    const held = memoryRecorder('store');

    const { file, sha256, bytes } = await store.copyImage(
      request({ compress, held, report: ({ done }) => progress.push(done ?? -1) }),
    );

    assert.equal(file, join(directory, 'ami-0123456789abcdef0.qcow2'));
    assert.equal((await diskInfo(file)).backing, undefined);
    await run(['qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'qcow2', top, file]);
    const content = readFileSync(file);
    const { created, ...manifest } = JSON.parse(
      readFileSync(join(directory, 'ami-0123456789abcdef0.json'), 'utf8'),
    ) as FlatManifest;
    assert.deepEqual(
      { sha256, bytes },
      { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length },
    );
    assert.deepEqual(manifest, {
      version: 1,
      amiId: 'ami-0123456789abcdef0',
      name: 'web 2026',
      description: 'A web server',
      tags: { Role: 'web' },
      region: 'eu-west-1',
      sourceImage: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1',
      file: 'ami-0123456789abcdef0.qcow2',
      format: 'qcow2',
      size: bytes,
      virtualSize: 128 * 1024 ** 2,
      sha256,
    });
    assert.ok(created);
    assert.equal(progress.at(-1), 100);
    assert.deepEqual(await held.list(), []);
    assert.deepEqual((await readdir(directory)).sort(), ['ami-0123456789abcdef0.json', 'ami-0123456789abcdef0.qcow2']);
  });
}

const MiB = 1024 ** 2;
/** Writes of each file of a chain, the base first, as qemu-io takes them, and the disk's size in bytes. */
const CHAINS: Readonly<Record<string, { readonly size: number; readonly files: readonly (readonly string[])[] }>> = {
  'an empty disk': { size: 64 * MiB, files: [[]] },
  'a disk of no whole cluster': { size: 64 * MiB + 512, files: [['write -P 3 64M 512']] },
  'a disk of a TiB with its first and last bytes': {
    size: 1024 ** 4,
    files: [['write -P 1 0 512', 'write -P 2 1099511562240 64k']],
  },
  'pieces of clusters in several files': {
    size: 64 * MiB,
    files: [
      ['write -P 1 0 1M', 'write -P 4 40M 16k'],
      ['write -P 2 4k 4k', 'write -P 3 1020k 8k', 'write -P 9 63M 1M'],
      ['write -P 5 68k 512', 'write -P 6 40M 4k'],
    ],
  },
  'what was taken away again': {
    size: 64 * MiB,
    files: [['write -P 1 0 8M'], ['write -z 1M 1M', 'discard 4M 1M', 'write -P 0 6M 1M'], ['write -P 7 1536k 4k']],
  },
  'a base that is compressed': {
    size: 64 * MiB,
    files: [['write -c -P 1 0 64k', 'write -c -P 2 128k 64k'], ['write -P 3 4k 4k']],
  },
  'more clusters than a table of the second level has': {
    size: 2048 * MiB,
    files: [['write -P 1 510M 8M', 'write -P 2 1023M 2M']],
  },
};

for (const [what, { size, files }] of Object.entries(CHAINS)) {
  test(`a flat copy of ${what} equals it`, async () => {
    const paths = files.map((_, index) => join(data, `chain-${index}.qcow2`));
    for (const [index, commands] of files.entries()) {
      if (index === 0) await run(['qemu-img', 'create', '-q', '-f', 'qcow2', paths[0]!, String(size)]);
      else await createOverlay(paths[index - 1]!, paths[index]!);
      for (const command of commands)
        await run(['qemu-io', '-f', 'qcow2', '-d', 'unmap', '-c', command, paths[index]!]);
    }
    const [flat, again] = [join(data, 'flat.qcow2'), join(data, 'again.qcow2')];
    const percents: number[] = [];
    const sha256 = await flatten(paths.at(-1)!, flat, { onProgress: (percent) => percents.push(percent) });
    await run(['qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'qcow2', paths.at(-1)!, flat]);
    await run(['qemu-img', 'check', '-q', '-f', 'qcow2', flat]);
    assert.equal((await diskInfo(flat)).virtualSize, size);
    assert.equal(sha256, createHash('sha256').update(readFileSync(flat)).digest('hex'));
    if (!what.includes('compressed')) assert.equal(await flatten(paths.at(-1)!, again), sha256);
    assert.ok(percents.every((percent, index) => percent <= 100 && percent >= (percents[index - 1] ?? 0)));
    // It can be written to, as a user's copy is.
    await run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 8 32M 64k', '-c', 'read -P 8 32M 64k', flat]);
    await run(['qemu-img', 'check', '-q', '-f', 'qcow2', flat]);
    for (const path of [...paths, flat, again]) await rm(path, { force: true });
  });
}

test('the tables of a disk whose clusters are counted in several blocks are right', async () => {
  const path = join(data, 'tables.qcow2');
  const file = await open(path, 'w');
  // 70,000 clusters are 4.3 GiB, which stay a hole.
  const runs = [
    { first: 3, count: 69_000 },
    { first: 100_000, count: 1000 },
  ];
  for (const table of tables(8192 * MiB, runs)) await file.write(table);
  const { size } = await stat(path);
  await file.truncate(size + 70_000 * 64 * 1024);
  await file.close();
  await run(['qemu-img', 'check', '-q', '-f', 'qcow2', path]);
  await rm(path);
});

test('a copy that is removed leaves nothing; removing it again succeeds', async () => {
  await store.copyImage(request());
  await store.removeImage({ directory, amiId: 'ami-0123456789abcdef0' });
  await store.removeImage({ directory, amiId: 'ami-0123456789abcdef0' });
  assert.deepEqual(await readdir(directory), []);
});

test('a copy that fails or is given up leaves nothing', async () => {
  const held = memoryRecorder('store');
  await assert.rejects(store.copyImage(request({ top: join(data, 'absent.qcow2'), held })), /absent\.qcow2/);
  await assert.rejects(
    store.copyImage(request({ signal: AbortSignal.abort(new Error('given up')), held })),
    /given up/,
  );
  assert.deepEqual(await readdir(directory), []);
  assert.deepEqual(await held.list(), []);
});

test('every Region has its own folder; an invalid Region name has none', async () => {
  assert.equal((await storeOf(data, 'eu-west-1')).directory, directory);
  assert.notEqual((await storeOf(data, 'us-gov-west-1')).directory, directory);
  await assert.rejects(storeOf(data, '../../etc'), /invalid Region name/);
});
