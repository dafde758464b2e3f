import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Check, Finding } from '../check.ts';
import { flatLayer } from '../kernel.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Minimum for the tree, raw disk and qcow2 of the current Debian images, in bytes; and a build of only a few files. */
const LEAST_FOR_BASE = 2 * GIB;
const LEAST_FOR_BUILD = 256 * MIB;
/** Bytes that making a base image takes at most. */
const FOR_BASE = 4 * GIB;
const FOR_BUILD = 1 * GIB;
/** Bytes for several builds with copies for other Regions. */
const COMFORTABLE = 10 * GIB;

export const space: Check = {
  name: 'data directory',
  needed: true,
  run: async ({ dataDirectory }) => spaceVerdict(await lookAt(dataDirectory)),
};

/** A data directory, existing or not. */
export interface DataDirectory {
  readonly dataDirectory: string;
  /** Free bytes. */
  readonly free: number;
  readonly fileSystem: string;
  readonly writable: boolean;
  /** Whether it has a base image. */
  readonly haveBase: boolean;
}

/** Examines a data directory. @throws {Error} if the path is a file */
export async function lookAt(dataDirectory: string): Promise<DataDirectory> {
  const there = await nearestFolder(dataDirectory);
  const { bavail, bsize } = await statfs(there);
  const writable = await access(there, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  const haveBase = (await flatLayer(dataDirectory)) !== undefined;
  return {
    dataDirectory,
    free: bavail * bsize,
    fileSystem: fileSystemOf(await readFile('/proc/self/mountinfo', 'utf8'), there),
    writable,
    haveBase,
  };
}

/**
 * The directory itself, or the one that it would be created in.
 * @throws {Error} if the path is a file
 */
async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory()) return folder;
    if (found !== undefined) throw new Error(`${folder} is not a folder`);
    if (folder === '/') return folder;
  }
}

/** The type of a path's file system. Pure. @param mountinfo content of `/proc/self/mountinfo` */
export function fileSystemOf(mountinfo: string, path: string): string {
  let best = { point: '', type: 'unknown' };
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const point = before
      ?.split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    const type = after?.split(' ')[0];
    if (point === undefined || type === undefined) continue;
    const below = point === '/' || path === point || path.startsWith(`${point}/`);
    // Of several mounts on one point, the last counts.
    if (below && point.length >= best.point.length) best = { point, type };
  }
  return best.type;
}

/** Why making a base image cannot work; `undefined` if it can. Pure. */
export function spaceBlocks({ dataDirectory, free, writable, haveBase }: DataDirectory): string | undefined {
  if (!writable) return `the data directory ${dataDirectory} cannot be written to`;
  const least = haveBase ? LEAST_FOR_BUILD : LEAST_FOR_BASE;
  if (free >= least) return undefined;
  const what = haveBase ? 'even a small build takes' : 'making a base image takes at least';
  return `the file system of ${dataDirectory} has ${Math.floor(free / MIB)} MiB free, and ${what} ${least / MIB} MiB`;
}

/** The verdict on a data directory. Pure. */
export function spaceVerdict(found: DataDirectory): Finding {
  const { dataDirectory, free, fileSystem } = found;
  const detail = `${dataDirectory}: ${(free / GIB).toFixed(1)} GiB free, ${fileSystem}`;
  if (!found.writable)
    return { status: 'fail', detail: `${detail}; not writable. Choose another directory with INGOT_DATA or --data` };
  const needed = found.haveBase ? FOR_BUILD : FOR_BASE + FOR_BUILD;
  if (free < needed)
    return {
      status: 'fail',
      detail:
        `${detail}; ${found.haveBase ? 'a build' : 'a base image while it is made, and a build,'} ` +
        `take${found.haveBase ? 's' : ''} some ${needed / GIB} GiB`,
    };
  if (/^(nfs|cifs|smb|9p|fuse|ceph|glusterfs)/.test(fileSystem))
    return { status: 'warn', detail: `${detail}; keep disks and the database on a local file system instead` };
  if (fileSystem === 'tmpfs' || fileSystem === 'ramfs')
    return {
      status: 'warn',
      detail: `${detail}; all images are lost when this host restarts, and use its memory until then`,
    };
  if (free < COMFORTABLE) return { status: 'warn', detail: `${detail}; enough for a few images only` };
  return { status: 'ok', detail };
}
