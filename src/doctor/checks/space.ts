import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readFile } from 'node:fs/promises';
import type { Check, Finding } from '../check.ts';
import { flatLayer } from '../kernel.ts';

const GIB = 1024 ** 3;
/** Making a base image takes up to 4 GiB while it is made. */
const FOR_BASE = 4 * GIB;
const FOR_BUILD = 1 * GIB;
/** Some builds with copies for other Regions. */
const COMFORTABLE = 10 * GIB;

export const space: Check = {
  name: 'data directory',
  needed: true,
  async run({ dataDirectory }) {
    const there = await nearestFolder(dataDirectory);
    const { bavail, bsize } = await statfs(there);
    const writable = await access(there, constants.W_OK | constants.X_OK).then(() => true, () => false);
    const haveBase = (await flatLayer(dataDirectory)) !== undefined;
    return spaceVerdict({ dataDirectory, free: bavail * bsize, fileSystem: fileSystemOf(await readFile('/proc/self/mountinfo', 'utf8'), there), writable, haveBase });
  },
};

/** The folder itself, or the one it would be made in. @throws {Error} when a file stands in the way */
async function nearestFolder(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory()) return folder;
    if (found !== undefined) throw new Error(`${folder} is not a folder`);
    if (folder === '/') return folder;
  }
}

/** The kind of file system that a path is on. Pure. @param mountinfo `/proc/self/mountinfo` */
export function fileSystemOf(mountinfo: string, path: string): string {
  let best = { point: '', type: 'unknown' };
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const point = before?.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    const type = after?.split(' ')[0];
    if (point === undefined || type === undefined) continue;
    const below = point === '/' || path === point || path.startsWith(`${point}/`);
    // Of mounts on one point the last is seen.
    if (below && point.length >= best.point.length) best = { point, type };
  }
  return best.type;
}

/** What a data directory is good for. Pure. `free` in bytes. */
export function spaceVerdict(found: { readonly dataDirectory: string; readonly free: number; readonly fileSystem: string; readonly writable: boolean; readonly haveBase: boolean }): Finding {
  const { dataDirectory, free, fileSystem } = found;
  const detail = `${dataDirectory}: ${(free / GIB).toFixed(1)} GiB free, ${fileSystem}`;
  if (!found.writable) return { status: 'fail', detail: `${detail}; cannot be written to (another is named by INGOT_DATA or --data)` };
  const needed = found.haveBase ? FOR_BUILD : FOR_BASE + FOR_BUILD;
  if (free < needed) return { status: 'fail', detail: `${detail}; ${found.haveBase ? 'a build' : 'a base image while it is made, and a build,'} take${found.haveBase ? 's' : ''} some ${needed / GIB} GiB`, remedy: `du -xh --max-depth=1 ${dataDirectory}` };
  if (/^(nfs|cifs|smb|9p|fuse|ceph|glusterfs)/.test(fileSystem)) return { status: 'warn', detail: `${detail}; disks and the database are better kept on a local file system` };
  if (fileSystem === 'tmpfs' || fileSystem === 'ramfs') return { status: 'warn', detail: `${detail}; all images are gone when this host restarts, and take its memory until then` };
  if (free < COMFORTABLE) return { status: 'warn', detail: `${detail}; that is little for more than a few images`, remedy: `du -xh --max-depth=1 ${dataDirectory}` };
  return { status: 'ok', detail };
}
