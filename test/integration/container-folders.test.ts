/** Container images in folders of the host, read back by skopeo. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeToFolder, type FolderTarget } from '../../src/distribution/registry/folders.ts';
import { takeLayout, type StoredManifest } from '../../src/images/container-blobs.ts';
import { run } from '../../src/platform/processes.ts';
import { writeLayout } from '../harness/oci-layout.ts';

describe('container images in folders', () => {
  const root = mkdtempSync(join(tmpdir(), 'ingot folders '));
  const dataDirectory = join(root, 'data');
  const path = join(root, 'images');
  const images: StoredManifest[] = [];

  before(async () => {
    mkdirSync(dataDirectory, { mode: 0o700 });
    mkdirSync(path);
    for (const name of ['one', 'two']) {
      writeLayout(join(root, name), () => {}, { Labels: { name } });
      images.push(await takeLayout(dataDirectory, join(root, name)));
    }
  });
  after(() => rmSync(root, { recursive: true }));

  const write = (image: StoredManifest, tag: string, more: Partial<FolderTarget> = {}): Promise<string> =>
    writeToFolder(
      dataDirectory,
      image,
      { folder: { path, format: 'oci' }, repository: 'layouts/team/web', tag, ...more },
      { report: () => {}, signal: new AbortController().signal },
    );

  const read = async (reference: string): Promise<{ Digest: string; Labels: { name: string } }> =>
    JSON.parse((await run(['skopeo', 'inspect', reference], { cwd: path })).stdout) as never;

  test('an OCI layout has all tags of a repository, each with its image under its digest', async () => {
    const [one, two] = images as [StoredManifest, StoredManifest];
    const written = await Promise.all([write(one, '1'), write(one, 'latest'), write(two, '2'), write(two, 'latest')]);
    assert.deepEqual(written, [one.digest, one.digest, two.digest, two.digest]);
    for (const [tag, digest] of Object.entries({ 1: one.digest, 2: two.digest, latest: two.digest }))
      assert.equal((await read(`oci:team/web:${tag}`)).Digest, digest);
    const blob = join(path, 'team/web/blobs/sha256', one.digest.slice(7));
    assert.equal(statSync(blob).mode & 0o777, 0o644);
  });

  test('a Docker archive has one tag', async () => {
    const archive: Partial<FolderTarget> = {
      folder: { path, format: 'docker-archive' },
      repository: 'archives.example/team/tar',
    };
    await write(images[0]!, '1.0.0-1', archive);
    await write(images[1]!, '1.0.0-1', archive);
    assert.deepEqual(readdirSync(join(path, 'team/tar')), ['1.0.0-1.tar']);
    assert.equal((await read('docker-archive:team/tar/1.0.0-1.tar')).Labels.name, 'two');
    const { stdout } = await run(['tar', '-xOf', 'team/tar/1.0.0-1.tar', 'manifest.json'], { cwd: path });
    assert.deepEqual((JSON.parse(stdout) as { RepoTags: string[] }[])[0]!.RepoTags, [
      'archives.example/team/tar:1.0.0-1',
    ]);
    assert.deepEqual(readdirSync(join(dataDirectory, 'work')), []);
  });

  test('names that lead out of it, a missing folder and a foreign index are told, and nothing is written', async () => {
    for (const repository of ['layouts/../../etc', 'layouts/.', 'layouts//x'])
      await assert.rejects(write(images[0]!, '1', { repository }), { name: 'FolderError', message: /is not a name/ });
    await assert.rejects(write(images[0]!, '../1'), { name: 'FolderError' });
    const missing = { path: join(root, 'absent'), format: 'oci' } as const;
    await assert.rejects(write(images[0]!, '1', { folder: missing }), { message: /absent, which .* does not exist/ });
    assert.ok(!existsSync(missing.path));
    mkdirSync(join(path, 'other'));
    writeFileSync(join(path, 'other/index.json'), '{"manifests": 1}');
    chmodSync(join(path, 'other/index.json'), 0o600);
    await assert.rejects(write(images[0]!, '1', { repository: 'layouts/other' }), {
      message: /not the index of an OCI/,
    });
  });
});
