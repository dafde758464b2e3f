/**
 * Resolves files of a mounted root file system from outside. An absolute link in it refers to that system's root;
 * followed directly it would lead to a file of this host. Only for a root that no other process changes at the same
 * time.
 */
import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';

/** Maximum number of links that are followed for one path, as in the kernel. */
const MOST_LINKS = 40;

/** The file that a path leads to. */
export interface FoundInside {
  /** Path on this host, without links. */
  readonly path: string;
  readonly stats: Stats;
}

/**
 * Resolves a path in a root, following links as a process with that root would.
 * @param root absolute path of the root on this host
 * @param path absolute path in the root
 * @param options.followLast whether a link at the path itself is followed too (default: true)
 * @returns `undefined` if nothing is found, also for a dangling or circular link
 */
export async function findInside(
  root: string,
  path: string,
  options: { readonly followLast?: boolean } = {},
): Promise<FoundInside | undefined> {
  const left = path.split('/').toReversed();
  const found: string[] = [];
  const here = (): string => [root, ...found].join('/');
  let stats = await lstat(root).catch(() => undefined);
  for (let links = 0; left.length > 0; ) {
    const part = left.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') found.pop();
    else found.push(part);
    stats = await lstat(here()).catch(() => undefined);
    if (stats === undefined) return undefined;
    const last = left.every((each) => each === '' || each === '.');
    if (!stats.isSymbolicLink() || (last && options.followLast === false)) {
      if (!last && !stats.isDirectory()) return undefined;
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    const target = await readlink(here()).catch(() => undefined);
    if (target === undefined) return undefined;
    if (target.startsWith('/')) found.length = 0;
    else found.pop();
    left.push(...target.split('/').toReversed());
    stats = await lstat(here()).catch(() => undefined);
  }
  return stats === undefined ? undefined : { path: here(), stats };
}
