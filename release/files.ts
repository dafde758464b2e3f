/** What all steps of a release do with files and programs. */
import { chmod, lstat, lutimes, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, type RunOptions } from '../src/platform/processes.ts';

/** The top of the checkout. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Runs a program of the host and returns what it prints. @throws {ProcessError} when it fails */
export async function tool(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { stdout } = await run(argv, { inherit: 'all', maxCapture: 64 << 20, ...options });
  return stdout;
}

/** The date of all files of the release, in seconds since 1970: SOURCE_DATE_EPOCH, else the date of the last commit. */
export async function sourceDate(): Promise<number> {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? (await tool(['git', 'log', '-1', '--format=%ct'], { cwd: ROOT }));
  const seconds = Number(given.trim());
  if (!Number.isInteger(seconds) || seconds <= 0)
    throw new Error(`SOURCE_DATE_EPOCH is '${given}', expected seconds since 1970`);
  return seconds;
}

/** Gives everything in a folder the same date, and the modes that a package has whatever the umask was. */
export async function normalize(folder: string, epoch: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const entry = await lstat(path);
    if (entry.isDirectory()) await normalize(path, epoch);
    else if (entry.isFile()) {
      await chmod(path, (entry.mode & 0o100) === 0 ? 0o644 : 0o755);
      await lutimes(path, epoch, epoch);
    } else await lutimes(path, epoch, epoch);
  }
  await chmod(folder, 0o755);
  await lutimes(folder, epoch, epoch);
}
