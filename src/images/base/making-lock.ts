/**
 * Only one process of this host makes a base image at a time: it needs both processors for a minute, and a second one
 * gets it from the cache. The kernel releases the lock when its process ends, for any reason.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sleep } from '../../platform/clock.ts';
import { workFolder } from '../../platform/data-layout.ts';
import { RUN_DIRECTORY } from '../../platform/host.ts';
import { takeFileLock, type FileLock } from '../../platform/lock.ts';

const AGAIN_MS = 500;

/**
 * Waits for the lock.
 * @param waiting called once if another process has it
 * @throws the signal's reason
 */
export async function takeMakingLock(
  name: string,
  dataDirectory: string,
  waiting: () => void,
  signal: AbortSignal,
): Promise<FileLock> {
  for (let first = true; ; first = false) {
    signal.throwIfAborted();
    const lock = takeFileLock(lockFile(name, dataDirectory), 0);
    if (lock !== undefined) return lock;
    if (first) waiting();
    await sleep(AGAIN_MS, signal);
  }
}

/** Whether another process of this host is making a base image of this name. */
export function isBeingMade(name: string, dataDirectory: string): boolean {
  const lock = takeFileLock(lockFile(name, dataDirectory), 0);
  lock?.release();
  return lock === undefined;
}

/** The lock, if no process of this host is making a base image of this name. For root, whose lock is host-wide. */
export function tryMakingLock(name: string): FileLock | undefined {
  return takeFileLock(lockFile(name, ''), 0);
}

/** Users other than root have no host-wide directory, so their lock is in the data directory. */
function lockFile(name: string, dataDirectory: string): string {
  const file =
    process.geteuid!() === 0 ? join(RUN_DIRECTORY, `base-${name}.lock`) : `${workFolder(dataDirectory, name)}.lock`;
  mkdirSync(dirname(file), { recursive: true, mode: process.geteuid!() === 0 ? 0o755 : 0o700 });
  return file;
}
