/**
 * Locks between processes that the kernel releases when their holder ends. They are SQLite's, because Node has no
 * flock.
 */
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from './data-directory.ts';

/** A lock that is held. */
export interface FileLock {
  release(): void;
}

/**
 * Locks a file, which is created if needed and remains.
 * @param timeoutMs how long to wait for another holder; the wait blocks this process
 * @returns `undefined` if another process holds it all that time
 */
export function takeFileLock(path: string, timeoutMs: number): FileLock | undefined {
  makePrivateFile(path);
  const database = new DatabaseSync(path, { timeout: timeoutMs });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === 5) return undefined;
    throw error;
  }
}
