/** A disk of this host that is full: how it is told from other errors, and what to do. */
import { INGOT } from './own-program.ts';

const SQLITE_FULL = 13;

/** What to do about a full disk of the host. */
export const MAKE_ROOM =
  `Make room there (${INGOT} df shows what takes it, ${INGOT} gc frees what nothing needs), or use another data ` +
  'directory (--data, INGOT_DATA).';

/**
 * Says that there is no room, and what to do.
 * @param what what has no room, where, and how much is missing as far as that is known
 */
export function diskFullMessage(what: string): string {
  return `no space left on device: ${what}. ${MAKE_ROOM}`;
}

/**
 * Whether a program of this host found the disk full, by what it printed: programs have no exit code for it. Not for
 * what components print, which may be about any disk.
 */
export function saysDiskFull(output: string): boolean {
  return /No space left on device|Disk quota exceeded/.test(output);
}

/**
 * Whether what an error goes back to is a full disk of this host, by the codes of the system and of SQLite: words may
 * be a component's.
 */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL || isDiskFull(error.cause);
}

/** The file that could not be written, as far as such an error says. */
export function fullAt(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { path } = error as { path?: unknown };
  return typeof path === 'string' ? path : fullAt(error.cause);
}
