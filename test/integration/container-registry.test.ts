/** What leaves a container build, and the registry that it goes to: nothing is built here. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pushImage } from '../../src/distribution/registry/push.ts';
import { inPushRoom } from '../../src/distribution/registry/room.ts';
import { copyLayout, missingBlobs, storedManifest, takeLayout } from '../../src/images/container-blobs.ts';
import { run } from '../../src/platform/processes.ts';
import { sha256, writeLayout } from '../harness/oci-layout.ts';
import { plainRegistry, type PlainRegistry } from '../harness/plain-registry.ts';

describe('container images outside of builds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot registry '));
  const dataDirectory = join(folder, 'data: directory');
  mkdirSync(dataDirectory);
  let registry: PlainRegistry;

  before(async () => {
    registry = await plainRegistry(join(folder, 'somebody: else'));
  });
  after(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  const control = () => ({ report: () => {}, signal: new AbortController().signal });

  test('an image is taken by its digests, pushed, and is in the registry under the same digest', async () => {
    const digest = writeLayout(join(folder, 'good'));
    const taken = await takeLayout(dataDirectory, join(folder, 'good'));
    assert.equal(taken.digest, digest);
    assert.deepEqual(await storedManifest(dataDirectory, taken), taken);
    const { host } = registry;
    const uri = `${host}/123456789012/us-east-1/team/web:1`;
    for (let round = 0; round < 2; round++)
      assert.equal(await pushImage(dataDirectory, taken, { uri, plain: true }, control()), digest);
    const { stdout } = await run(['skopeo', 'inspect', '--tls-verify=false', `docker://${uri}`]);
    assert.equal((JSON.parse(stdout) as { Digest: string }).Digest, digest);
    await copyLayout(dataDirectory, join(folder, 'copied'), taken);
    const { stdout: copied } = await run(['skopeo', 'inspect', 'oci:copied'], { cwd: folder });
    assert.equal((JSON.parse(copied) as { Digest: string }).Digest, digest);
  });

  test('what pushes is a user without rights that sees nothing of the host but programs', async () => {
    const room = join(folder, 'room');
    for (const name of ['root', 'given', 'out']) mkdirSync(join(room, name), { recursive: true });
    writeFileSync(join(room, 'given/file'), 'given');
    writeFileSync(join(folder, 'secret of the host'), 'secret');
    const script = [
      'id -u; id -G',
      'ls /',
      'cat file; echo',
      'ls /etc',
      ...[
        'echo x >/given/file',
        'echo x >/usr/x',
        'echo x >/etc/hosts.new',
        `cat '${join(folder, 'secret of the host')}'`,
        'cat /etc/shadow',
        'cat /proc/version',
        'ls -d /old/*',
        'mount -t tmpfs x /tmp',
        'kill -0 2',
        'mknod /tmp/x b 8 0',
      ].map((each) => `(${each}) 2>/dev/null && echo "reached: ${each.split(' ')[0]}"`),
      'true',
    ].join('\n');
    const { stdout } = await run(inPushRoom(room, ['/bin/sh', '-c', script]));
    const [user, groups, ...rest] = stdout.trim().split('\n');
    assert.deepEqual([user, groups], ['60651', '60651']);
    assert.ok(rest.includes('given'));
    assert.ok(!rest.some((line) => ['root', 'home', 'work', 'var', 'shadow', 'passwd'].includes(line)), stdout);
    assert.ok(!stdout.includes('reached'), stdout);
    const { stdout: capabilities } = await run(inPushRoom(room, ['capsh', '--print']), { okCodes: 'any' });
    assert.doesNotMatch(capabilities, /Current: =?.*cap_/);
  });

  test('a registry that is not there is told in one sentence', async () => {
    writeLayout(join(folder, 'again'));
    const taken = await takeLayout(dataDirectory, join(folder, 'again'));
    await assert.rejects(pushImage(dataDirectory, taken, { uri: '127.0.0.1:1/web:1', plain: true }, control()), {
      name: 'PushError',
      message: /^127\.0\.0\.1:1\/web:1 could not be pushed: .*connection refused/,
    });
  });

  for (const [what, change, message] of [
    ['another content', (files) => (files['layer'] = Buffer.alloc(10240, 1)), /does not have the content/],
    ['more than it says', (files) => (files['layer'] = Buffer.alloc(10241)), /larger than its 10240 bytes/],
    ['no JSON', (files) => (files['index'] = 'x'), /index\.json is not a JSON object/],
    ['no image', (files) => (files['index'] = '{}'), /holds no image/],
    [
      'a digest that is a path',
      (files) => (files['index'] = String(files['index']).replace(/sha256:[0-9a-f]+/, 'sha256:../../../etc/passwd')),
      /has no mediaType, digest and size/,
    ],
    ['an index without end', (files) => (files['index'] = ' '.repeat(5 << 20)), /larger than 4 MiB/],
  ] as readonly [string, (files: Record<string, string | Buffer>) => void, RegExp][])
    test(`a layout with ${what} is refused`, async () => {
      const layout = join(folder, what);
      const other = join(folder, `data of ${what}`);
      mkdirSync(other);
      writeLayout(layout, change);
      await assert.rejects(takeLayout(other, layout), { name: 'LayoutError', message });
    });

  test('a link in the place of a blob is not followed', async () => {
    const layout = join(folder, 'link');
    const other = join(folder, 'data of link');
    mkdirSync(other);
    writeLayout(layout);
    const layer = sha256(Buffer.alloc(10240));
    rmSync(join(layout, 'blobs/sha256', layer));
    writeFileSync(join(folder, 'secret'), Buffer.alloc(10240));
    symlinkSync(join(folder, 'secret'), join(layout, 'blobs/sha256', layer));
    await assert.rejects(takeLayout(other, layout), { name: 'LayoutError', message: /is missing/ });
    assert.deepEqual(await missingBlobs(other, [`sha256:${layer}`]), [`sha256:${layer}`]);
  });
});
