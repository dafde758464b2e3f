/** Recognizes a full disk of this host, and says what to do. */
import { INGOT } from './own-program.ts';

const SQLITE_FULL = 13;

/** What to do about a full disk of the host. */
export const MAKE_ROOM =
  `Make room there (${INGOT} df shows what takes it, ${INGOT} gc frees what nothing needs), or use another data ` +
  'directory (--data, INGOT_DATA).';

/**
 * A message that there is no space, with advice.
 * @param what has no space, where, and how much is missing if known
 */
export function diskFullMessage(what: string): string {
  return `no space left on device: ${what}. ${MAKE_ROOM}`;
}

/**
 * Whether a program of this host failed because of a full disk, from its output, because programs have no exit code for
 * it. Not for output of components, which may be about any disk.
 */
export function saysDiskFull(output: string): boolean {
  return /No space left on device|Disk quota exceeded/.test(output);
}

/**
 * Whether a full disk of this host caused an error, from the codes of the system and of SQLite. Messages are not used,
 * because they may come from a component.
 */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL || isDiskFull(error.cause);
}

/** The file that could not be written, if the error names it. */
export function fullAt(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { path } = error as { path?: unknown };
  return typeof path === 'string' ? path : fullAt(error.cause);
}
