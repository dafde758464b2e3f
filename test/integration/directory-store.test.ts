/** The directory store on real disks: a chain of layers becomes one file that equals it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CopyRequest, ImageManifest } from '../../src/distribution/store.ts';
import { storeOf, stores } from '../../src/distribution/stores.ts';
import { createOverlay, diskInfo } from '../../src/images/disks.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { run } from '../../src/platform/processes.ts';

const data = join(mkdtempSync(join(tmpdir(), 'ingot-store-test-')), 'data directory');
const { store, directory } = storeOf(data, 'eu-west-1');
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

function request(changes: Partial<CopyRequest> = {}): CopyRequest {
  return {
    top, region: 'eu-west-1', amiId: 'ami-0123456789abcdef0', name: 'web 2026', description: 'A web server', tags: { Role: 'web' },
    imageArn: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1', directory, held: memoryRecorder('store'), report: () => {}, ...changes,
  };
}

for (const compress of [false, true]) {
  test(`a copy is flat and equal to its chain, with a manifest that holds its checksum (${compress ? 'compressed' : 'plain'})`, async () => {
    const progress: number[] = [];
    const held = memoryRecorder('store');

    const { file, sha256, bytes } = await store.copyImage(request({ compress, held, report: ({ done }) => progress.push(done ?? -1) }));

    assert.equal(file, join(directory, 'ami-0123456789abcdef0.qcow2'));
    assert.equal((await diskInfo(file)).backing, undefined);
    await run(['qemu-img', 'compare', '-q', '-f', 'qcow2', '-F', 'qcow2', top, file]);
    const content = readFileSync(file);
    const { created, ...manifest } = JSON.parse(readFileSync(join(directory, 'ami-0123456789abcdef0.json'), 'utf8')) as ImageManifest;
    assert.deepEqual({ sha256, bytes }, { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length });
    assert.deepEqual(manifest, {
      version: 1, amiId: 'ami-0123456789abcdef0', name: 'web 2026', description: 'A web server', tags: { Role: 'web' }, region: 'eu-west-1',
      sourceImage: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1', file: 'ami-0123456789abcdef0.qcow2', format: 'qcow2',
      size: bytes, virtualSize: 128 * 1024 ** 2, sha256,
    });
    assert.ok(created);
    assert.equal(progress.at(-1), 100);
    assert.deepEqual(await held.list(), []);
    assert.deepEqual((await readdir(directory)).sort(), ['ami-0123456789abcdef0.json', 'ami-0123456789abcdef0.qcow2']);
  });
}

test('a copy that is removed leaves nothing; removing again is no error', async () => {
  await store.copyImage(request());
  await store.removeImage({ directory, amiId: 'ami-0123456789abcdef0' });
  await store.removeImage({ directory, amiId: 'ami-0123456789abcdef0' });
  assert.deepEqual(await readdir(directory), []);
});

test('a copy that fails or is given up leaves nothing', async () => {
  const held = memoryRecorder('store');
  await assert.rejects(store.copyImage(request({ top: join(data, 'absent.qcow2'), held })), /absent\.qcow2/);
  await assert.rejects(store.copyImage(request({ signal: AbortSignal.abort(new Error('given up')), held })), /given up/);
  assert.deepEqual(await readdir(directory), []);
  assert.deepEqual(await held.list(), []);
});

test('every Region has a folder of its own; what is no Region\'s name has none', () => {
  assert.equal(directory, join(data, 'regions', 'eu-west-1'));
  assert.notEqual(storeOf(data, 'us-gov-west-1').directory, directory);
  assert.throws(() => storeOf(data, '../../etc'), /not the name of a Region/);
  assert.deepEqual(Object.entries(stores).map(([name, each]) => name === each.name), [true]);
});
