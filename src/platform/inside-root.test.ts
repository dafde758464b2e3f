/** An untrusted root file system, read from outside: no link leads out of it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { findInside } from './inside-root.ts';

let folder: string;
let root: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-root-'));
  root = join(folder, 'root');
  await mkdir(join(root, 'etc', 'below'), { recursive: true });
  await mkdir(join(root, 'usr', 'lib'), { recursive: true });
  await writeFile(join(root, 'usr', 'lib', 'os-release'), 'NAME=inside\n');
  await writeFile(join(folder, 'host'), 'of the host');
  for (const [path, target] of [
    ['etc/os-release', '../usr/lib/os-release'],
    ['etc/absolute', '/usr/lib/os-release'],
    ['etc/above', '../../../../../usr/lib/os-release'],
    ['etc/out', join(folder, 'host')],
    ['etc/out-by-dots', '../../host'],
    ['etc/passwd', '/etc/passwd'],
    ['etc/loop', 'loop'],
    ['etc/one', 'two'],
    ['etc/two', '/etc/one'],
    ['etc/nowhere', '/no/where'],
    ['lib', 'usr/lib'],
    ['absolute-folder', '/usr'],
    ['host-folder', folder],
    ['etc/chain', '/absolute-folder/lib/../../lib/os-release'],
  ] as const)
    await symlink(target, join(root, path));
});
after(() => rm(folder, { recursive: true }));

const CASES: readonly (readonly [string, string | undefined])[] = [
  ['/etc/os-release', 'usr/lib/os-release'],
  ['/etc/absolute', 'usr/lib/os-release'],
  ['/etc/above', 'usr/lib/os-release'],
  ['/etc/chain', 'usr/lib/os-release'],
  ['/lib/os-release', 'usr/lib/os-release'],
  ['/absolute-folder/lib/os-release', 'usr/lib/os-release'],
  ['/../../usr/lib', 'usr/lib'],
  ['/', ''],
  ['/etc/out', undefined],
  ['/etc/out-by-dots', undefined],
  ['/etc/passwd', undefined],
  ['/host-folder/host', undefined],
  ['/etc/loop', undefined],
  ['/etc/one', undefined],
  ['/etc/nowhere', undefined],
  ['/usr/lib/os-release/below', undefined],
  ['/etc/os-release/', 'usr/lib/os-release'],
];
for (const [path, expected] of CASES) {
  test(`${path} is ${expected === undefined ? 'not found' : `/${expected}`}`, async () => {
    const found = await findInside(root, path);
    assert.equal(found === undefined ? undefined : relative(root, found.path), expected);
  });
}

test('a link itself can be examined', async () => {
  assert.ok((await findInside(root, '/etc/out', { followLast: false }))!.stats.isSymbolicLink());
  assert.equal(await findInside(root, '/host-folder/host', { followLast: false }), undefined);
});
