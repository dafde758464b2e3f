/** Moving a copy to its destination: links that an earlier copy left there are not followed. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { CommandFailed } from '../command.ts';
import { openDestination, placeCopy, withStage } from './place.ts';

let top: string;
let host: string;
let out: string;
let count = 0;

before(async () => {
  top = await mkdtemp(join(tmpdir(), 'ingot-place-'));
});
after(() => rm(top, { recursive: true, force: true }));

beforeEach(async () => {
  const folder = join(top, String(count++));
  [host, out] = [join(folder, 'host'), join(folder, 'out')];
  await mkdir(join(host, 'etc'), { recursive: true });
  await mkdir(out);
  await writeFile(join(host, 'etc', 'passwd'), 'of the host');
});

type Tree = { readonly [name: string]: string | { readonly link: string } | Tree };

async function plant(path: string, tree: Tree): Promise<void> {
  await mkdir(path, { recursive: true });
  for (const [name, what] of Object.entries(tree)) {
    if (typeof what === 'string') await writeFile(join(path, name), what);
    else if (typeof what['link'] === 'string') await symlink(what['link'], join(path, name));
    else await plant(join(path, name), what as Tree);
  }
}

/** What `ingot cp` does once the archive has arrived. */
async function copy(destination: string, name: string, make: (stage: string) => Promise<void>): Promise<void> {
  const place = await openDestination(destination, name);
  try {
    await withStage(place.folder, async (stage) => {
      await make(stage);
      await placeCopy(stage, 'it', place);
    });
  } finally {
    await place.folder.close();
  }
}

const copyTree = (tree: Tree, destination = out): Promise<void> =>
  copy(destination, 'd', (stage) => plant(join(stage, 'it'), tree));

async function hostIsAsItWas(): Promise<void> {
  assert.deepEqual(await readdir(host, { recursive: true }), ['etc', 'etc/passwd']);
  assert.equal(await readFile(join(host, 'etc', 'passwd'), 'utf8'), 'of the host');
}

const failsWith =
  (message: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof CommandFailed, String((error as Error).stack));
    assert.match(error.message, message);
    return true;
  };

describe('a second copy', () => {
  test('replaces a link to a file from the first copy', async () => {
    await copyTree({
      config: { link: join(host, 'etc', 'passwd') },
      below: { deep: { link: join(host, 'etc', 'passwd') } },
    });
    await copyTree({ config: 'of the instance', below: { deep: 'of the instance' } });
    await hostIsAsItWas();
    assert.ok((await lstat(join(out, 'd', 'config'))).isFile());
    assert.equal(await readFile(join(out, 'd', 'below', 'deep'), 'utf8'), 'of the instance');
  });

  test('does not enter a link to a folder from the first copy, and changes nothing', async () => {
    await copyTree({ a: 'first', etc: { link: join(host, 'etc') } });
    await assert.rejects(
      copyTree({ a: 'second', etc: { passwd: 'of the instance', cron: 'of the instance' } }),
      failsWith(/out\/d\/etc is a link, but the copy has a folder there/),
    );
    await hostIsAsItWas();
    assert.equal(await readFile(join(out, 'd', 'a'), 'utf8'), 'first');
    assert.deepEqual(await readdir(out), ['d']);
  });

  test('creates no file behind a dangling link', async () => {
    await copyTree({ new: { link: join(host, 'etc', 'new') } });
    await copyTree({ new: 'of the instance' });
    await hostIsAsItWas();
    assert.equal(await readFile(join(out, 'd', 'new'), 'utf8'), 'of the instance');
  });

  test('does not write into a file that is hard-linked elsewhere', async () => {
    await plant(join(out, 'd'), {});
    await link(join(host, 'etc', 'passwd'), join(out, 'd', 'file'));
    await copyTree({ file: 'of the instance' });
    await hostIsAsItWas();
  });

  test('merges folders, with permissions and times', async () => {
    await copyTree({ sub: { one: '1', two: '2' } });
    await copy(out, 'd', async (stage) => {
      await plant(join(stage, 'it'), { sub: { two: 'ii', three: 'iii' }, more: { four: 'iv' } });
      await chmod(join(stage, 'it', 'sub', 'two'), 0o4751);
      await utimes(join(stage, 'it', 'sub', 'two'), 1_500_000_000, 1_500_000_000);
      for (const name of ['sub', 'more']) {
        await utimes(join(stage, 'it', name), 1_500_000_000, 1_500_000_000);
        await chmod(join(stage, 'it', name), 0o550);
      }
    });
    assert.deepEqual((await readdir(join(out, 'd'), { recursive: true })).sort(), [
      'more',
      'more/four',
      'sub',
      'sub/one',
      'sub/three',
      'sub/two',
    ]);
    assert.equal(await readFile(join(out, 'd', 'sub', 'two'), 'utf8'), 'ii');
    for (const [name, mode] of [
      ['sub', 0o550],
      ['more', 0o550],
      ['sub/two', 0o4751],
    ] as const) {
      const { mode: found, mtimeMs } = await stat(join(out, 'd', name));
      assert.deepEqual([name, found & 0o7777, mtimeMs], [name, mode, 1_500_000_000_000]);
    }
  });

  test('replaces no folder by a file, and no file by a folder', async () => {
    await copyTree({ folder: { file: '' }, file: '' });
    await assert.rejects(copyTree({ folder: 'a file' }), failsWith(/out\/d\/folder is a folder/));
    await assert.rejects(copyTree({ file: { in: '' } }), failsWith(/out\/d\/file is not a folder/));
    assert.deepEqual((await readdir(join(out, 'd'), { recursive: true })).sort(), ['file', 'folder', 'folder/file']);
  });
});

describe('a destination', () => {
  for (const [what, below] of [
    ['is', ''],
    ['ends with', '/'],
    ['has within', '/sub'],
    ['has within, far up,', '/sub/deep/'],
  ] as const) {
    test(`that ${what} a link is rejected with its name`, async () => {
      await plant(join(host, 'etc'), {});
      await symlink(join(host, 'etc'), join(out, 'way'));
      await assert.rejects(copyTree({ a: '' }, `${out}/way${below}`), failsWith(/out\/way is a link to ".*host\/etc"/));
      await hostIsAsItWas();
    });
  }

  test('that is a link to a file is replaced', async () => {
    await symlink(join(host, 'etc', 'passwd'), join(out, 'file'));
    await copy(join(out, 'file'), 'x', (stage) => writeFile(join(stage, 'it'), 'of the instance'));
    await hostIsAsItWas();
    assert.ok((await lstat(join(out, 'file'))).isFile());
  });

  test('that does not exist is the new name, and its parent folder must exist', async () => {
    await copyTree({ a: 'content' }, join(out, 'new'));
    assert.equal(await readFile(join(out, 'new', 'a'), 'utf8'), 'content');
    await assert.rejects(
      copyTree({ a: '' }, join(out, 'none', 'new')),
      failsWith(/folder .*out\/none does not exist$/),
    );
    await assert.rejects(copyTree({ a: '' }, `${out}/absent/`), failsWith(/folder .*absent\/ does not exist$/));
    await assert.rejects(
      copyTree({ a: '' }, join(out, 'new', 'a', 'x')),
      failsWith(/folder .*out\/new\/a does not exist$/),
    );
  });

  test("that is replaced by a link meanwhile gets the copy, and the link's target does not", async () => {
    await plant(join(out, 'd'), { sub: {} });
    await copy(join(out, 'd'), 'x', async (stage) => {
      await plant(join(stage, 'it'), { passwd: 'of the instance' });
      await rename(join(out, 'd'), join(out, 'moved'));
      await symlink(join(host, 'etc'), join(out, 'd'));
    });
    await hostIsAsItWas();
    assert.equal(await readFile(join(out, 'moved', 'x', 'passwd'), 'utf8'), 'of the instance');
  });
});

test('a link is copied as a link', async () => {
  await copyTree({ away: { link: '/etc/passwd' } });
  assert.equal(await readlink(join(out, 'd', 'away')), '/etc/passwd');
});

test('the same rules apply from one file system to another', async (context) => {
  const other = await mkdtemp('/dev/shm/ingot-place-').catch(() => undefined);
  if (other === undefined || (await stat(other)).dev === (await stat(out)).dev)
    return context.skip('this host has no second file system at /dev/shm');
  try {
    await plant(join(other, 'it'), {
      file: 'of the instance',
      sub: { deep: 'x', link: { link: '/etc/passwd' } },
      etc: 'of the instance',
    });
    await plant(join(out, 'd'), {
      etc: { link: join(host, 'etc', 'passwd') },
      sub: { deep: { link: join(host, 'etc', 'passwd') } },
    });
    const place = await openDestination(out, 'd');
    await placeCopy(other, 'it', place);
    await place.folder.close();
    await hostIsAsItWas();
    assert.deepEqual((await readdir(join(out, 'd'), { recursive: true })).sort(), [
      'etc',
      'file',
      'sub',
      'sub/deep',
      'sub/link',
    ]);
    assert.equal(await readFile(join(out, 'd', 'sub', 'deep'), 'utf8'), 'x');
    assert.equal(await readlink(join(out, 'd', 'sub', 'link')), '/etc/passwd');
    await plant(join(other, 'new'), { file: 'of the instance' });
    const whole = await openDestination(join(out, 'whole'), 'x');
    await placeCopy(other, 'new', whole);
    await whole.folder.close();
    assert.equal(await readFile(join(out, 'whole', 'file'), 'utf8'), 'of the instance');
  } finally {
    await rm(other, { recursive: true, force: true });
  }
  assert.equal(existsSync(other), false);
});
