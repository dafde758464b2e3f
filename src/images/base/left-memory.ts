/**
 * Frees memory that killed processes left mounted. Base images are made in memory (`debian.ts`); the mount may be in a
 * data directory that no server uses again, so any process of this host frees it.
 */
import { readFile, rmdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { memoryRecorder, release } from '../../platform/held.ts';
import { isSameProcess, processStartTime } from '../../platform/processes.ts';
import { tryMakingLock } from './making-lock.ts';

const MEMORY_SOURCE = 'ingot-base';

/** Such a mount, and the process that made it. */
export interface MemoryMount {
  readonly path: string;
  readonly pid: number;
  /** In clock ticks since the host started, because process ids are reused. */
  readonly startTime: string;
}

/** The source of this process's mounts, by which they and their process are recognized. */
export function memorySource(): string {
  return `${MEMORY_SOURCE}:${process.pid}:${processStartTime(process.pid)}`;
}

/** The mounts of this kind. Pure. @param mountinfo content of `/proc/self/mountinfo` */
export function memoryMounts(mountinfo: string): readonly MemoryMount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [place = '', what = ''] = line.split(' - ', 2);
    const [type, source] = what.split(' ');
    const path = place.split(' ')[4];
    const [name, pid, startTime] = source?.split(':') ?? [];
    if (type !== 'tmpfs' || name !== MEMORY_SOURCE || path === undefined) return [];
    if (pid === undefined || startTime === undefined) return [];
    return [
      {
        path: path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
        pid: Number(pid),
        startTime,
      },
    ];
  });
}

/**
 * Frees the memory of base images whose process has ended. Only for root, because only root mounts.
 * @throws {Error} if a mount stays busy
 */
export async function freeLeftMemory(): Promise<void> {
  if (process.geteuid!() !== 0) return;
  for (const { path, pid, startTime } of memoryMounts(await readFile('/proc/self/mountinfo', 'utf8'))) {
    if (isSameProcess(pid, startTime)) continue;
    // Held meanwhile, so that no process starts making it there.
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
