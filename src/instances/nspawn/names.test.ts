import { deepEqual, equal } from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { asksItself, RESOLVER_FOLDER, RESOLVER_MARK, resolvesItself } from './names.ts';

const STUB = '# a comment\nnameserver 127.0.0.53\noptions edns0\n';
const OWN = `${RESOLVER_MARK}\nnameserver 10.0.2.3\n`;

let folder: string;
let root: string;

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await symlink(target, join(root, path));
}

async function withResolved(): Promise<void> {
  await put('/usr/lib/systemd/system/systemd-resolved.service', '[Unit]\n');
  await link(
    '/etc/systemd/system/sysinit.target.wants/systemd-resolved.service',
    '/usr/lib/systemd/system/systemd-resolved.service',
  );
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-names-'));
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  root = await mkdtemp(join(folder, 'root-'));
  await put('/etc/os-release', '');
  await put('/var/lib/x', '');
});

for (const [text, expected] of [
  [STUB, true],
  ['nameserver 127.0.0.53\nnameserver 192.0.2.1\n', false],
  ['# nameserver 127.0.0.53\n', false],
  ['', false],
] as const)
  test(`whether ${JSON.stringify(text)} names only the stub: ${expected}`, () => equal(asksItself(text), expected));

test("a disk with systemd-resolved keeps its file, or its link into resolved's directory", async () => {
  await withResolved();
  await put('/etc/resolv.conf', STUB);
  equal(await resolvesItself(root), true);
  equal(readFileSync(join(root, '/etc/resolv.conf'), 'utf8'), STUB);

  await rm(join(root, '/etc/resolv.conf'));
  await link('/etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf');
  equal(await resolvesItself(root), true);
  equal(lstatSync(join(root, '/etc/resolv.conf')).isSymbolicLink(), true);
  equal(existsSync(join(root, RESOLVER_FOLDER)), false);
});

test('a disk without systemd-resolved, or with it masked, gets a file, and keeps the original', async () => {
  for (const masked of [false, true]) {
    root = await mkdtemp(join(folder, 'root-'));
    await put('/var/lib/x', '');
    await put('/etc/resolv.conf', STUB);
    if (masked) {
      await withResolved();
      await link('/etc/systemd/system/systemd-resolved.service', '/dev/null');
    }
    equal(await resolvesItself(root), false);
    // At the next boot as well.
    equal(await resolvesItself(root), false);
    deepEqual(
      [
        readFileSync(join(root, '/etc/resolv.conf'), 'utf8'),
        readFileSync(join(root, RESOLVER_FOLDER, 'resolv.conf'), 'utf8'),
      ],
      [OWN, STUB],
    );
  }
});

test('a disk without a file gets one', async () => {
  equal(await resolvesItself(root), false);
  equal(readFileSync(join(root, '/etc/resolv.conf'), 'utf8'), OWN);
  deepEqual(existsSync(join(root, RESOLVER_FOLDER)), true);
});

test('a link out of the root is not followed', async () => {
  const outside = join(folder, 'outside');
  await mkdir(outside, { recursive: true });
  await rm(join(root, 'var'), { recursive: true });
  await link('/var', outside);
  equal(await resolvesItself(root), false);
  deepEqual(existsSync(join(outside, 'lib')), false);
});
