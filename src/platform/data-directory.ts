/**
 * The data directory belongs to one user of this host and is closed to all others, because its disks and database
 * contain the inputs of builds.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { DATA_NAMES } from './data-layout.ts';

/** The directory cannot be used as a data directory. The message says why, and what to do. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';
}

/** Permissions of users other than the owner. */
const OTHERS = 0o077;
const STICKY = 0o1000;

/** What an Ingot server creates at its first start. */
const MADE_BY_INGOT = [DATA_NAMES.catalog, DATA_NAMES.credentials, DATA_NAMES.serverLock];
/** What may exist before the first start: files of the user, or of the command that starts the server. */
const BEFORE_THE_START: readonly string[] = [
  DATA_NAMES.config,
  DATA_NAMES.serverLog,
  DATA_NAMES.layers,
  DATA_NAMES.regions,
];

/**
 * Creates the data directory if it does not exist, and closes it to other users of this host (mode 0700).
 * @returns whether other users could open it
 * @throws {DataDirectoryError} if it belongs to another user, or has other files that users may need
 */
export function takeDataDirectory(path: string): boolean {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(path);
  const own = process.geteuid!();
  if (uid !== own) {
    throw new DataDirectoryError(
      `the data directory ${path} belongs to ${userName(uid)}, but Ingot runs as ${userName(own)}: its owner could ` +
        'read and change all of its disks and keys. ' +
        `Use another directory (--data DIR), or give this one to ${userName(own)}: chown -R ${own} ` +
        `${JSON.stringify(path)}`,
    );
  }
  if ((mode & OTHERS) === 0) return false;
  const names = readdirSync(path);
  const shared =
    (mode & STICKY) !== 0 ||
    (!MADE_BY_INGOT.some((name) => names.includes(name)) && !names.every((name) => BEFORE_THE_START.includes(name)));
  if (shared) {
    throw new DataDirectoryError(
      `${path} is open to other users of this host (mode ${(mode & 0o7777).toString(8)}) and holds other files ` +
        `than Ingot's: as the data directory it would be closed to them. ` +
        `Use an empty or new directory (--data DIR), or restrict this one: chmod 700 ${JSON.stringify(path)}`,
    );
  }
  chmodSync(path, 0o700);
  return true;
}

/**
 * Closes the contents of a data directory to other users: files get 0600, directories 0700. Older versions left them
 * open. File systems mounted below it, links, pipes and other users' files are not changed.
 * @returns the number of files and directories that were open
 */
export function closeDataDirectory(path: string): number {
  const open = openEntries(path);
  for (const { path: file, mode } of open) chmodSync(file, mode & 0o7700);
  return open.length;
}

/** The files and folders that `closeDataDirectory` would close. */
export function openEntries(path: string): readonly { readonly path: string; readonly mode: number }[] {
  const { dev } = lstatSync(path);
  const own = process.geteuid!();
  const open: { readonly path: string; readonly mode: number }[] = [];
  const look = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isFile() && !entry.isDirectory()) continue;
      const file = join(folder, entry.name);
      try {
        const found = lstatSync(file);
        if (found.dev !== dev || found.uid !== own) continue;
        if ((found.mode & OTHERS) !== 0) open.push({ path: file, mode: found.mode });
        if (entry.isDirectory()) look(file);
      } catch (error) {
        // It was removed meanwhile, or is a mount point whose daemon has died.
        if (!['ENOENT', 'ENOTCONN', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  };
  look(path);
  return open;
}

/**
 * Creates an empty file that only its owner can read, unless it exists, for programs that would create it with other
 * permissions.
 */
export function makePrivateFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
}

function userName(uid: number): string {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.split(':')[2] === String(uid));
  return line === undefined ? `the user with uid ${uid}` : `the user ${line.split(':')[0]}`;
}
