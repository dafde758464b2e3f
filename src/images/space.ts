/** Free space in the data directory, which is checked before minutes are spent. */
import { statfs } from 'node:fs/promises';
import { sleep } from '../platform/clock.ts';
import { diskFullMessage, isDiskFull } from '../platform/disk-full.ts';

/** Minimum free space for even a small build, in bytes: its layers and its log. */
export const LEAST_FOR_BUILD = 256 * 1024 ** 2;
/** Free bytes below which running builds are aborted: records must stay writable. */
export const LOW_WATER = 128 * 1024 ** 2;
/** Minimum free space for making a base image, in bytes: its tree, its raw disk and the qcow2 file. */
export const LEAST_FOR_BASE = 2 * 1024 ** 3;

/**
 * @param folder an existing directory on the file system in question
 * @param what for the message: `a build`
 * @throws {Error} with the figures and advice, if less than `least` bytes are free
 */
export async function refuseWithoutRoom(folder: string, least: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= least) return;
  throw new Error(
    diskFullMessage(
      `the file system of ${folder} has ${mib(free)} MiB free, and ${what} needs at least ${mib(least)} MiB`,
    ),
  );
}

/**
 * Whether the remaining free space is reserved for records.
 * @returns a message for the rejected build; `undefined` while there is enough
 */
export async function runningOut(folder: string): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(folder).catch(() => ({ bavail: Infinity, bsize: 1 }));
  if (bavail * bsize >= LOW_WATER) return undefined;
  return diskFullMessage(
    `the disk of this host is full: the file system of ${folder} has ${mib(bavail * bsize)} MiB left, which are ` +
      'kept for the records, so the build was stopped',
  );
}

/** Whether less than `least` bytes are free. */
export async function isScarce(folder: string, least: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize < least;
}

/** Interval between retries on a full disk, in milliseconds. */
const AGAIN_MS = 1000;

/**
 * Retries an action while the disk is full: the end of a build must be recorded.
 * @throws any other error, and the signal's reason
 */
export async function onceThereIsRoom<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    await sleep(AGAIN_MS, signal);
  }
}

function mib(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}
