/**
 * Base images are made in memory (`debian.ts`). A process that is killed meanwhile leaves that memory mounted, perhaps
 * in a data directory that nobody starts a server on again, so any process of this host frees it.
 */
import { readFile, rmdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { memoryRecorder, release } from '../../platform/held.ts';
import { tryMakingLock } from './making-lock.ts';

/** The source of such a mount, by which it is known. */
export const MEMORY_SOURCE = 'ingot-base';

/** Folders in whose place such memory is mounted. Pure. @param mountinfo `/proc/self/mountinfo` */
export function memoryMounts(mountinfo: string): readonly string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [place = '', what = ''] = line.split(' - ', 2);
    const [type, source] = what.split(' ');
    const path = place.split(' ')[4];
    if (type !== 'tmpfs' || source !== MEMORY_SOURCE || path === undefined) return [];
    return [path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))];
  });
}

/**
 * Frees the memory of base images that no process makes any more. Root only; nobody else mounts.
 * @throws {Error} when a mount stays busy
 */
export async function freeLeftMemory(): Promise<void> {
  if (process.geteuid!() !== 0) return;
  for (const path of memoryMounts(await readFile('/proc/self/mountinfo', 'utf8'))) {
    // Held meanwhile, so that nobody begins to make it there.
    const lock = tryMakingLock(basename(path));
    if (lock === undefined) continue;
    try {
      const held = memoryRecorder('left-memory');
      await release(held, await held.record({ kind: 'mount', path }));
      await rmdir(path).catch(() => {});
    } finally {
      lock.release();
    }
  }
}
