/**
 * A base image for the tests, made once for a day and a recipe, and shared by all test files and checkouts on this
 * machine.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { baseImages } from '../../src/images/base/base-images.ts';
import { timestamp, until } from '../../src/platform/clock.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { takeFileLock } from '../../src/platform/lock.ts';
import { SHARED_FOLDER_VARIABLE } from './own-folder.ts';

/** The same for all test files, though each has a temporary folder of its own. */
const SHARED = process.env[SHARED_FOLDER_VARIABLE] ?? tmpdir();
const RECIPE = fileURLToPath(new URL('../../src/images/base/', import.meta.url));
const PREFIX = 'ingot-test-base-';

/** The base images that tests build on. */
export type TestBase = 'debian-12-x86' | 'debian-13-x86';

/**
 * Path of a base image, qcow2, read-only. `INGOT_TEST_BASE` names a finished `debian-12-x86`. The first caller makes it
 * (about a minute); callers at the same time, in other processes too, wait for that.
 */
export async function sharedBase(name: TestBase = 'debian-12-x86'): Promise<string> {
  const ready = process.env['INGOT_TEST_BASE'];
  if (ready && name === 'debian-12-x86') return ready;
  const folder = join(SHARED, `${PREFIX}${recipeHash()}`);
  const base = join(folder, name === 'debian-12-x86' ? 'base.qcow2' : `${name}.qcow2`);
  if (existsSync(base)) return base;
  await mkdir(folder, { recursive: true });
  const lock = await until(
    'the base image that another test file makes',
    900_000,
    () => takeFileLock(join(folder, 'lock'), 0),
    { everyMs: 250 },
  );
  try {
    if (existsSync(base)) return base;
    await removeOld(folder);
    // As on a host whose administrators want that: nothing of it may be in the image.
    const own = process.umask(0o077);
    await baseImages[name]!.make({
      target: base,
      workDirectory: join(folder, 'work'),
      held: memoryRecorder('sharedBase'),
      report: () => {},
    }).finally(() => process.umask(own));
    return base;
  } finally {
    lock.release();
  }
}

/** What the base image is made by, and the day: it has the newest packages of that day. */
function recipeHash(): string {
  const hash = createHash('sha256').update(timestamp().slice(0, 10));
  for (const file of globSync('debian*.{ts,sh,pl}', { cwd: RECIPE })
    .filter((name) => !name.endsWith('.test.ts'))
    .sort())
    hash.update(readFileSync(join(RECIPE, file)));
  return hash.digest('hex').slice(0, 12);
}

/** Those of days past. One of today may be in use by another checkout. */
async function removeOld(keep: string): Promise<void> {
  for (const name of await readdir(SHARED)) {
    const folder = join(SHARED, name);
    if (!name.startsWith(PREFIX) || folder === keep) continue;
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > 2 * 86_400_000) await rm(folder, { recursive: true, force: true });
  }
}
