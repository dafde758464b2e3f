/**
 * A cache of base images on this host, outside of all data directories, so that other data directories need not make
 * them again. It belongs to root, because its files become the disks of images. A file with a wrong owner, permissions
 * or SHA-256 is not used.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, lstat, mkdir, readdir, readFile, rename, rm, statfs, utimes } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { sha256OfFile, writeFileAtomic } from '../../platform/files.ts';
import { LOW_WATER } from '../space.ts';

const STANDARD = '/var/cache/ingot/base';
/** The environment variable that sets another directory, or turns the cache off. */
const VARIABLE = 'INGOT_BASE_CACHE';
/** Maximum age in seconds; older base images are made again, so that their packages are not outdated. */
const KEPT_SECONDS = 7 * 86_400;
/** Maximum total size in bytes; the oldest are deleted first. */
const KEPT_BYTES = 4 * 1024 ** 3;
/** Age at which an unfinished file is certainly abandoned, in milliseconds. */
const UNFINISHED_MS = 3_600_000;
const OTHERS_WRITE = 0o022;
const ENTRY = /^([0-9a-f]{64})\.(?:qcow2|json)$/;

/** The record of a base image in the cache. */
interface Entry {
  /** Name of the base image. */
  readonly name: string;
  /** ISO-8601. */
  readonly made: string;
  /** Of the file, in hexadecimal digits. */
  readonly sha256: string;
}

/** The result of a lookup. */
export type Found =
  | { readonly made: string; readonly how: 'cloned' | 'linked' | 'copied' }
  /** Missing, or not trusted, then with the reason. */
  | { readonly made: undefined; readonly refused?: string };

/** Numbers for `df`, and of what was freed. */
export interface CacheUsage {
  readonly directory: string;
  readonly images: number;
  /** Bytes on the disk. Files that a data directory has linked count there too. */
  readonly bytes: number;
}

/**
 * The directory of the cache; `undefined` if it is turned off, or if this process is not root's, because only root
 * makes base images.
 * @throws {Error} if `INGOT_BASE_CACHE` is neither `off` nor an absolute path
 */
export function baseCacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const given = env[VARIABLE]?.trim() || STANDARD;
  if (given !== 'off' && !isAbsolute(given))
    throw new Error(`invalid value '${given}' for ${VARIABLE}: expected an absolute path, or off`);
  return given === 'off' || process.geteuid!() !== 0 ? undefined : given;
}

/** The key of a recipe: the same in every process. */
export function cacheKey(recipe: object): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
}

/**
 * Copies a cached base image, if there is a trusted one. An untrusted one is deleted.
 * @param target the file to create; complete or absent when this returns
 */
export async function takeCached(folder: string, key: string, name: string, target: string): Promise<Found> {
  const foreign = await foreignFolder(folder);
  if (foreign !== undefined) return { made: undefined, ...(foreign === 'absent' ? {} : { refused: foreign }) };
  const [disk, record] = [join(folder, `${key}.qcow2`), join(folder, `${key}.json`)];
  const drop = async (refused?: string): Promise<Found> => {
    await rm(target, { force: true });
    await rm(record, { force: true });
    await rm(disk, { force: true });
    return { made: undefined, refused };
  };
  for (const file of [record, disk]) {
    const fault = await foreignFile(file);
    if (fault === 'absent') return { made: undefined };
    if (fault !== undefined) return drop(fault);
  }
  const entry = await readEntry(record);
  if (entry?.name !== name) return drop(`${record} is damaged`);
  const age = Date.now() - Date.parse(entry.made);
  if (!(age >= 0 && age < KEPT_SECONDS * 1000)) return drop();
  try {
    const how = await place(disk, target);
    // Checked on the final file, after it is in place.
    if ((await sha256OfFile(target)) !== entry.sha256)
      return await drop(`${disk} does not have the SHA-256 that was recorded`);
    const now = new Date();
    await utimes(record, now, now).catch(() => {});
    return { made: entry.made, how };
  } catch (error) {
    await rm(target, { force: true });
    // A `gc` removed it meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { made: undefined };
    throw error;
  }
}

/**
 * Stores a base image that was just made.
 * @param made ISO-8601
 * @throws {Error} if there is no space or the directory is not root's own; nothing is left behind
 */
export async function keepInCache(
  folder: string,
  key: string,
  { name, made, disk }: { readonly name: string; readonly made: string; readonly disk: string },
): Promise<void> {
  // The parent directories get the usual mode; these two are for root only.
  await mkdir(dirname(dirname(folder)), { recursive: true, mode: 0o755 });
  await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const foreign = await foreignFolder(folder);
  if (foreign !== undefined) throw new Error(foreign);
  await sweepCache(folder, KEPT_SECONDS);
  const kept = join(folder, `${key}.qcow2`);
  const partial = `${kept}.partial`;
  await rm(join(folder, `${key}.json`), { force: true });
  try {
    await rm(partial, { force: true });
    await place(disk, partial);
    await rename(partial, kept);
    const entry: Entry = { name, made, sha256: await sha256OfFile(kept) };
    await writeFileAtomic(join(folder, `${key}.json`), `${JSON.stringify(entry)}\n`, 0o600);
  } catch (error) {
    await rm(partial, { force: true });
    await rm(kept, { force: true });
    throw error;
  }
}

/**
 * Deletes base images that were not used for a while, the oldest if the total is too large, and unfinished files of
 * killed processes.
 * @returns how many base images, and the freed bytes: deleting a file that a data directory has linked frees none
 */
export async function sweepCache(
  folder: string,
  olderThanSeconds: number,
): Promise<{ readonly images: number; readonly bytes: number }> {
  if ((await foreignFolder(folder)) !== undefined) return { images: 0, bytes: 0 };
  const names = await readdir(folder);
  const before = Date.now() - olderThanSeconds * 1000;
  for (const name of names.filter((each) => each.includes('.partial'))) {
    const found = await lstat(join(folder, name)).catch(() => undefined);
    if (found !== undefined && found.ctimeMs < Date.now() - UNFINISHED_MS)
      await rm(join(folder, name), { force: true });
  }
  const entries: { readonly key: string; readonly used: number; readonly size: number; readonly frees: number }[] = [];
  for (const key of new Set(names.flatMap((name) => ENTRY.exec(name)?.[1] ?? []))) {
    const disk = await lstat(join(folder, `${key}.qcow2`)).catch(() => undefined);
    const record = await lstat(join(folder, `${key}.json`)).catch(() => undefined);
    const size = 512 * (disk?.blocks ?? 0);
    // A file without a record may be in the making.
    const used = record?.mtimeMs ?? disk?.mtimeMs ?? 0;
    entries.push({ key, used, size, frees: disk?.nlink === 1 ? size : 0 });
  }
  let [images, bytes, left] = [0, 0, entries.reduce((sum, { size }) => sum + size, 0)];
  for (const { key, used, size, frees } of entries.sort((a, b) => a.used - b.used)) {
    if (used > before && left <= KEPT_BYTES) continue;
    await rm(join(folder, `${key}.json`), { force: true });
    await rm(join(folder, `${key}.qcow2`), { force: true });
    [images, bytes, left] = [images + 1, bytes + frees, left - size];
  }
  return { images, bytes };
}

/** The size of the cache; `undefined` without one. */
export async function cacheUsage(folder: string | undefined): Promise<CacheUsage | undefined> {
  const names = folder === undefined ? [] : await readdir(folder).catch(() => []);
  const disks = names.filter((name) => name.endsWith('.qcow2'));
  if (folder === undefined || disks.length === 0) return undefined;
  const sizes = await Promise.all(
    disks.map(async (name) => 512 * ((await lstat(join(folder, name)).catch(() => undefined))?.blocks ?? 0)),
  );
  return { directory: folder, images: disks.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
}

/**
 * Places a file as a clone that shares blocks if the file system supports it, otherwise as a hard link, otherwise as a
 * copy.
 */
async function place(from: string, to: string): Promise<'cloned' | 'linked' | 'copied'> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return 'cloned';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    await rm(to, { force: true });
  }
  try {
    await link(from, to);
    return 'linked';
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  const { bavail, bsize } = await statfs(dirname(to));
  const { size } = await lstat(from);
  if (bavail * bsize < size + 2 * LOW_WATER) throw new Error(`the file system of ${dirname(to)} has no space for it`);
  await copyFile(from, to, constants.COPYFILE_EXCL);
  return 'copied';
}

/** Why a directory is not root's own. Its parents count too: anyone who can rename one can replace the directory. */
async function foreignFolder(folder: string): Promise<string | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) return 'absent';
    // In a sticky directory that everyone may write to, no other user can rename root's files.
    const open = (found.mode & OTHERS_WRITE) !== 0 && (path === folder || (found.mode & 0o1000) === 0);
    if (!found.isDirectory() || found.uid !== 0 || open)
      return `${path} is not a folder that only root may write to (chown root, chmod 0755)`;
    if (path === dirname(path)) return undefined;
  }
}

/** Why a file is not root's own. */
async function foreignFile(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return 'absent';
  if (!found.isFile() || found.uid !== 0 || (found.mode & OTHERS_WRITE) !== 0)
    return `${path} is not a file that only root may write to`;
  return undefined;
}

async function readEntry(path: string): Promise<Entry | undefined> {
  try {
    const { name, made, sha256 } = JSON.parse(await readFile(path, 'utf8')) as Partial<Entry>;
    return typeof name === 'string' && typeof made === 'string' && /^[0-9a-f]{64}$/.test(String(sha256))
      ? { name, made, sha256: sha256! }
      : undefined;
  } catch {
    return undefined;
  }
}
