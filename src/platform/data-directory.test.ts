import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sqliteDialect } from '../catalog/database.ts';
import { Kysely, sql } from 'kysely';
import { closeDataDirectory, DataDirectoryError, takeDataDirectory } from './data-directory.ts';
import { writeFileAtomic } from './files.ts';
import { takeFileLock } from './lock.ts';
import { run } from './processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-data-directory-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let serial = 0;

function directory(mode: number, files: readonly string[] = []): string {
  const path = join(folder, `d${serial++}`);
  mkdirSync(path);
  for (const name of files) writeFileSync(join(path, name), '');
  chmodSync(path, mode);
  return path;
}
const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

test('a data directory is created with mode 0700, and an existing one is changed to it', () => {
  const absent = join(folder, 'a', 'b');
  assert.equal(takeDataDirectory(absent), false);
  assert.equal(modeOf(absent), '700');
  for (const [mode, files] of [
    [0o755, []],
    [0o777, ['catalog.db', 'anything']],
    [0o750, ['config.yaml']],
    [0o711, ['server.log', 'credentials.json']],
  ] as const) {
    const path = directory(mode, files);
    assert.equal(takeDataDirectory(path), true);
    assert.equal(modeOf(path), '700');
    assert.equal(takeDataDirectory(path), false, 'the second time');
  }
});

test('a directory with other files that other users can enter is rejected, not closed to them', () => {
  for (const [mode, files] of [
    [0o755, ['a']],
    [0o1777, []],
    [0o1777, ['catalog.db']],
    [0o755, ['layers', 'Documents']],
  ] as const) {
    const path = directory(mode, files);
    assert.throws(
      () => takeDataDirectory(path),
      (error: Error) =>
        error instanceof DataDirectoryError &&
        error.message.startsWith(`${path} is open to other users of this host (mode ${mode.toString(8)})`) &&
        error.message.includes(`chmod 700 "${path}"`),
    );
    assert.equal(modeOf(path), mode.toString(8));
  }
  assert.equal(takeDataDirectory(directory(0o700, ['a'])), false);
});

test('a directory of another user is rejected', {
  skip: process.geteuid?.() === 0 ? false : 'needs root, to give a folder to another user',
}, () => {
  const path = directory(0o700);
  chownSync(path, 65534, 65534);
  assert.throws(
    () => takeDataDirectory(path),
    new RegExp(
      `^DataDirectoryError: the data directory ${path} belongs to the user nobody, but Ingot runs as the user ` +
        `root: .*chown -R 0 "${path}"$`,
    ),
  );
});

test("files of older versions are closed; links, pipes and other users' files are not changed", async () => {
  const path = directory(0o700, ['catalog.db', 'catalog.db-wal']);
  const outside = join(directory(0o755, ['target']), 'target');
  chmodSync(outside, 0o644);
  mkdirSync(join(path, 'layers'));
  chmodSync(join(path, 'layers'), 0o755);
  writeFileSync(join(path, 'layers', 'lay-1.qcow2'), '');
  chmodSync(join(path, 'layers', 'lay-1.qcow2'), 0o644);
  writeFileSync(join(path, 'program'), '');
  chmodSync(join(path, 'program'), 0o755);
  symlinkSync(outside, join(path, 'link'));
  await run(['mkfifo', '--mode=0666', join(path, 'pipe')]);
  chmodSync(join(path, 'catalog.db'), 0o644);
  chmodSync(join(path, 'catalog.db-wal'), 0o600);

  assert.equal(closeDataDirectory(path), 4);

  const modes = ['catalog.db', 'catalog.db-wal', 'layers', 'layers/lay-1.qcow2', 'program', 'pipe'].map((name) =>
    modeOf(join(path, name)),
  );
  assert.deepEqual(modes, ['600', '600', '700', '600', '700', '666']);
  assert.equal(modeOf(outside), '644');
  assert.equal(closeDataDirectory(path), 0);
});

test('databases with their logs, locks and disks are readable by their owner only, whatever the umask is', async () => {
  const path = directory(0o700);
  const own = process.umask(0);
  try {
    const db = new Kysely<unknown>({ dialect: sqliteDialect(join(path, 'catalog.db')) });
    await sql`CREATE TABLE a (b)`.execute(db);
    assert.deepEqual(
      ['catalog.db', 'catalog.db-wal', 'catalog.db-shm'].map((name) => modeOf(join(path, name))),
      ['600', '600', '600'],
    );
    await db.destroy();
    takeFileLock(join(path, 'server.lock'), 0)!.release();
    assert.equal(modeOf(join(path, 'server.lock')), '600');
    await run(['touch', join(path, 'of a child')], { files: 'private' });
    assert.equal(modeOf(join(path, 'of a child')), '600');
    assert.equal(process.umask(0), 0, 'the umask of this process is as it was');
    process.umask(0o077);
    await writeFileAtomic(join(path, 'for everybody'), '', 0o644);
    assert.equal(modeOf(join(path, 'for everybody')), '644');
  } finally {
    process.umask(own);
  }
});

test('a process that keeps its files private has children that do not, unless asked to', async () => {
  const path = directory(0o700);
  const program = `
    const { keepFilesPrivate, run } = await import(${JSON.stringify(new URL('processes.ts', import.meta.url).href)});
    const { writeFileSync } = await import('node:fs');
    keepFilesPrivate();
    await run(['touch', 'child']);
    await run(['touch', 'told'], { files: 'private' });
    writeFileSync('own', '');`;
  await run([process.execPath, '--input-type=module', '-e', program], { cwd: path });
  assert.deepEqual(
    ['child', 'told', 'own'].map((name) => modeOf(join(path, name))),
    ['644', '600', '600'],
  );
});
