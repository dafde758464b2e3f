/**
 * Programs that packages run again and again while they are set up, though one run at the end makes the same files: an
 * initramfs for each of two packages, Python's byte code package by package, host keys that no image keeps. dpkg puts
 * the real program beside its place (a diversion), where one stands that writes down what it was asked for.
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ImageFile } from './debian-files.ts';

/** A command of the tree, by its argument vector. */
export type InTree = (...argv: string[]) => Promise<unknown>;

interface Deferred {
  readonly path: string;
  /** What has to run at the end, given what was asked for: argument vectors, one after the other. */
  readonly atEnd: (asked: readonly (readonly string[])[]) => readonly (readonly string[])[];
}

/** Those that are asked for more than once are run once; each list is in the order of asking. */
const DEFERRED: readonly Deferred[] = [
  // The kernel's package and initramfs-tools each make one.
  {
    path: '/usr/sbin/update-initramfs',
    atEnd: (asked) => (asked.length === 0 ? [] : [['-c', '-k', 'all']]),
  },
  { path: '/usr/bin/py3compile', atEnd: distinct },
  // Links and the bundle, made from the list of certificates: by the package and again by its trigger.
  {
    path: '/usr/sbin/update-ca-certificates',
    atEnd: (asked) => (asked.length === 0 ? [] : [asked.find((argv) => argv.includes('--fresh')) ?? []]),
  },
  // Each machine makes its own.
  { path: '/usr/bin/ssh-keygen', atEnd: () => [] },
];

const RECORD = '.deferred';
const STAND_IN = fileURLToPath(new URL('debian-deferred.sh', import.meta.url));
const HOOK = fileURLToPath(new URL('debian-divert.sh', import.meta.url));

/** The programs' stand-ins, for a tree that has none of their packages yet. */
export async function standIns(): Promise<readonly ImageFile[]> {
  const content = await readFile(STAND_IN, 'utf8');
  return DEFERRED.map(({ path }) => ({ path, content, mode: 0o755 }));
}

/**
 * Writes the program for mmdebstrap's `--essential-hook` that registers the diversions.
 * @param folder where it is put
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
 * Puts the programs in their places and runs what they were asked for, those that do not concern each other side by
 * side.
 * @throws what a program throws that fails
 */
export async function runDeferred(tree: string, inTree: InTree): Promise<void> {
  const record = join(tree, RECORD);
  const asked = existsSync(record) ? (await readFile(record, 'utf8')).split('\n').filter((line) => line !== '') : [];
  await rm(record, { force: true });
  for (const { path } of DEFERRED) {
    await rm(join(tree, path));
    await inTree('dpkg-divert', '--quiet', '--local', '--rename', '--divert', `${path}.deferred`, '--remove', path);
  }
  // What dpkg keeps of the list before its last change names them still.
  const diversions = join(tree, 'var/lib/dpkg/diversions');
  await copyFile(diversions, `${diversions}-old`);
  const runs = deferredRuns(asked).map(async (argvs) => {
    for (const argv of argvs) await inTree(...argv);
  });
  // One that fails ends after the others have: nothing may still run in a tree that is removed.
  const failed = (await Promise.allSettled(runs)).find((run) => run.status === 'rejected');
  if (failed !== undefined) throw failed.reason as Error;
}

/**
 * What to run at the end: lists that may run side by side, each of argument vectors in their order.
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
