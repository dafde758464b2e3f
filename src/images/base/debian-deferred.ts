/**
 * Defers programs that packages run repeatedly during installation, although one run at the end gives the same files:
 * an initramfs for each of two packages, Python's byte code per package, host keys that no image keeps. dpkg moves the
 * real program aside (a diversion), and a stand-in records its calls.
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ImageFile } from './debian-files.ts';

/** Runs a command in the tree, by its argument vector. */
export type InTree = (...argv: string[]) => Promise<unknown>;

interface Deferred {
  readonly path: string;
  /** What to run at the end, from the recorded calls: argument vectors, one after the other. */
  readonly atEnd: (asked: readonly (readonly string[])[]) => readonly (readonly string[])[];
}

/** Equal calls are run once; each list is in the order of the calls. */
const DEFERRED: readonly Deferred[] = [
  // The kernel's package and initramfs-tools each make one.
  {
    path: '/usr/sbin/update-initramfs',
    atEnd: (asked) => (asked.length === 0 ? [] : [['-c', '-k', 'all']]),
  },
  { path: '/usr/bin/py3compile', atEnd: distinct },
  // Links and the bundle are made from the list of certificates, once by the package and again by its trigger.
  {
    path: '/usr/sbin/update-ca-certificates',
    atEnd: (asked) => (asked.length === 0 ? [] : [asked.find((argv) => argv.includes('--fresh')) ?? []]),
  },
  // Each machine generates its own keys.
  { path: '/usr/bin/ssh-keygen', atEnd: () => [] },
];

const RECORD = '.deferred';
const STAND_IN = fileURLToPath(new URL('debian-deferred.sh', import.meta.url));
const HOOK = fileURLToPath(new URL('debian-divert.sh', import.meta.url));

/** The stand-ins, for a tree that does not have their packages yet. */
export async function standIns(): Promise<readonly ImageFile[]> {
  const content = await readFile(STAND_IN, 'utf8');
  return DEFERRED.map(({ path }) => ({ path, content, mode: 0o755 }));
}

/**
 * Writes the program for mmdebstrap's `--essential-hook` that registers the diversions.
 * @param folder the target directory
 * @returns its path
 */
export async function divertingHook(folder: string): Promise<string> {
  const hook = join(folder, 'divert');
  await writeFile(join(folder, 'deferred'), DEFERRED.map(({ path }) => `${path}\n`).join(''));
  await writeFile(hook, await readFile(HOOK));
  await chmod(hook, 0o755);
  return hook;
}

/**
 * Restores the programs and runs the recorded calls, independent ones in parallel.
 * @throws the error of a program that fails
 */
export async function runDeferred(tree: string, inTree: InTree): Promise<void> {
  const record = join(tree, RECORD);
  const asked = existsSync(record) ? (await readFile(record, 'utf8')).split('\n').filter((line) => line !== '') : [];
  await rm(record, { force: true });
  for (const { path } of DEFERRED) {
    await rm(join(tree, path));
    await inTree('dpkg-divert', '--quiet', '--local', '--rename', '--divert', `${path}.deferred`, '--remove', path);
  }
  // dpkg's previous version of the list still names them.
  const diversions = join(tree, 'var/lib/dpkg/diversions');
  await copyFile(diversions, `${diversions}-old`);
  const runs = deferredRuns(asked).map(async (argvs) => {
    for (const argv of argvs) await inTree(...argv);
  });
  // A failure is reported after the others have ended: nothing may still run in a tree that is removed.
  const failed = (await Promise.allSettled(runs)).find((run) => run.status === 'rejected');
  if (failed !== undefined) throw failed.reason as Error;
}

/**
 * The commands to run at the end: lists that may run in parallel, each with argument vectors in order.
 * @param asked lines that the stand-ins wrote
 */
export function deferredRuns(asked: readonly string[]): readonly (readonly (readonly string[])[])[] {
  return DEFERRED.map(({ path, atEnd }) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const mine = asked.map((line) => line.trimEnd().split(' ')).filter(([program]) => program === name);
    return atEnd(mine.map(([, ...argv]) => argv)).map((argv) => [path, ...argv]);
  }).filter((argvs) => argvs.length > 0);
}

function distinct(asked: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(asked.map((argv) => [argv.join(' '), argv])).values()];
}
