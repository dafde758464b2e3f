/**
 * Moves a copy from an instance to its destination. Its content is untrusted, and so is what an earlier copy left at
 * the destination: links there are not followed. Folders are held open by descriptor, and every path starts from these,
 * so that replacing a folder by a link meanwhile has no effect.
 */
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  copyFile,
  lchown,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  type FileHandle,
} from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailed } from '../command.ts';

/** Linux's flag for a descriptor that only refers to a file; Node has no constant for it. */
const O_PATH = 0o10000000;
const FOLDER = O_PATH | constants.O_DIRECTORY;
const FOLDER_ITSELF = FOLDER | constants.O_NOFOLLOW;

/** A folder that is held open. */
export class Folder {
  /** Its path as the user knows it, for messages. */
  readonly shown: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, shown: string) {
    this.#handle = handle;
    this.shown = shown;
  }

  /** A path to the entry with this name in the folder, even if the folder is moved. Valid until `close`. */
  path(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`;
  }

  shownPath(name: string): string {
    return join(this.shown, name);
  }

  /** Opens a folder in it. @throws {Error} with code ENOTDIR if it is a link or not a folder */
  async open(name: string): Promise<Folder> {
    return new Folder(await open(this.path(name), FOLDER_ITSELF), this.shownPath(name));
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** Where a copy goes. */
export interface Destination {
  /** The target folder; the caller closes it. */
  readonly folder: Folder;
  /** Its name there. */
  readonly name: string;
}

/**
 * Finds the destination that a user names.
 * @param name of the copy, if `path` is a folder
 * @throws {CommandFailed} if the folder does not exist, or there is a link on the way
 */
export async function openDestination(path: string, name: string): Promise<Destination> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const last = parts.at(-1);
  const above = await openFolder(path.startsWith('/'), parts.slice(0, -1));
  if (last === undefined) return { folder: above, name };
  try {
    const there = await lstat(above.path(last)).catch(() => undefined);
    // A file replaces a link; a folder behind a link is never written to.
    const leadsTo = there?.isSymbolicLink() === true ? await stat(above.path(last)).catch(() => undefined) : undefined;
    const intoLink = leadsTo?.isDirectory() === true || (there?.isSymbolicLink() === true && path.endsWith('/'));
    if (there?.isDirectory() !== true && !intoLink) {
      if (path.endsWith('/')) throw new CommandFailed(`folder ${path} does not exist`);
      return { folder: above, name: last };
    }
    const folder = await enter(above, last, path.startsWith('/') && parts.length === 1);
    await above.close();
    return { folder, name };
  } catch (error) {
    await above.close();
    throw error;
  }
}

async function openFolder(absolute: boolean, parts: readonly string[]): Promise<Folder> {
  let folder = new Folder(await open(absolute ? '/' : '.', FOLDER), absolute ? '/' : '');
  for (const [index, part] of parts.entries()) {
    const above = folder;
    try {
      folder = await enter(above, part, absolute && index === 0);
    } finally {
      await above.close();
    }
  }
  return folder;
}

/** @param top whether it is directly below `/`: links there belong to the system (`/home` on some) */
async function enter(above: Folder, part: string, top: boolean): Promise<Folder> {
  const shown = above.shownPath(part);
  try {
    return top ? new Folder(await open(above.path(part), FOLDER), shown) : await above.open(part);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) throw explained(error, shown);
    const link = await readlink(above.path(part)).catch(() => undefined);
    throw new CommandFailed(
      link === undefined
        ? `folder ${shown} does not exist`
        : `${shown} is a link to ${JSON.stringify(link)}. 'ingot cp' never writes through links, because an ` +
            'earlier copy may ' +
            'have created them. Name the folder that the link points to.',
    );
  }
}

/**
 * Creates a private folder in a folder for `work`, and removes it afterwards.
 * @param work gets its path
 */
export async function withStage<T>(folder: Folder, work: (stage: string) => Promise<T>): Promise<T> {
  const stage = await mkdtemp(folder.path('.ingot-cp-')).catch((error: unknown) => {
    throw explained(error, folder.shown === '' ? '.' : folder.shown);
  });
  try {
    return await work(stage);
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/**
 * Moves a staged copy to its destination. A folder is merged into an existing folder with that name. A file or a link
 * replaces an existing one, but not a folder. Everything is checked first: if something cannot be placed, nothing
 * changes.
 * @param stage folder with the copy, which no other user can enter
 * @throws {CommandFailed} that names the obstacle
 */
export async function placeCopy(stage: string, copy: string, { folder, name }: Destination): Promise<void> {
  const from = new Folder(await open(stage, FOLDER_ITSELF), stage);
  try {
    await checkCopy(from, copy, folder, name);
    await move(from, copy, folder, name);
  } finally {
    await from.close();
  }
}

async function checkCopy(from: Folder, copy: string, to: Folder, name: string): Promise<void> {
  const [made, there] = await pair(from, copy, to, name);
  if (there === undefined) return;
  if (!made.isDirectory()) {
    if (!there.isDirectory()) return;
    throw new CommandFailed(`${to.shownPath(name)} is a folder, but the copy has a file there. Nothing was changed.`);
  }
  if (!there.isDirectory()) throw inTheWay(there, to, name);
  await within(from, copy, to, name, async (below, beside) => {
    for (const child of await readdir(below.path('.'))) await checkCopy(below, child, beside, child);
  });
}

function inTheWay(there: Stats, to: Folder, name: string): CommandFailed {
  const path = to.shownPath(name);
  return new CommandFailed(
    there.isSymbolicLink()
      ? `${path} is a link, but the copy has a folder there. 'ingot cp' never writes through links. ` +
          'Remove the link, or choose another destination. Nothing was changed.'
      : `${path} is not a folder, but the copy has a folder there. Nothing was changed.`,
  );
}

async function move(from: Folder, copy: string, to: Folder, name: string): Promise<void> {
  const [made, there] = await pair(from, copy, to, name);
  try {
    if (!made.isDirectory()) await moveOver(from, copy, to, name, made);
    else if (there === undefined) await moveFolder(from, copy, to, name, made);
    else await merge(from, copy, to, name, made);
  } catch (error) {
    throw explained(error, to.shownPath(name));
  }
}

async function moveOver(from: Folder, copy: string, to: Folder, name: string, made: Stats): Promise<void> {
  try {
    await rename(from.path(copy), to.path(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    // Another file system is mounted there.
    const beside = to.path(`.ingot-cp-${randomBytes(6).toString('hex')}`);
    try {
      if (made.isSymbolicLink()) await symlink(await readlink(from.path(copy)), beside);
      else await copyFile(from.path(copy), beside, constants.COPYFILE_EXCL);
      await settle(beside, made);
      await rename(beside, to.path(name));
    } catch (failure) {
      await rm(beside, { force: true });
      throw failure;
    }
  }
}

async function moveFolder(from: Folder, copy: string, to: Folder, name: string, made: Stats): Promise<void> {
  // Moving a folder needs permission to write to it, whatever its final mode is.
  await chmod(from.path(copy), 0o700);
  try {
    await rename(from.path(copy), to.path(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await mkdir(to.path(name), { mode: 0o700 });
    return merge(from, copy, to, name, made);
  }
  const folder = await to.open(name);
  try {
    await chmod(folder.path('.'), made.mode & 0o7777);
  } finally {
    await folder.close();
  }
}

async function merge(from: Folder, copy: string, to: Folder, name: string, made: Stats): Promise<void> {
  await within(from, copy, to, name, async (below, beside) => {
    await chmod(below.path('.'), 0o700);
    for (const child of await readdir(below.path('.'))) await move(below, child, beside, child);
    await settle(beside.path('.'), made).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error; // A folder of another user stays unchanged.
    });
  });
}

/** Sets owner, permissions and times as in the copy. The path was created here or is held open. */
async function settle(path: string, made: Stats): Promise<void> {
  await lchown(path, made.uid, made.gid);
  if (!made.isSymbolicLink()) await chmod(path, made.mode & 0o7777);
  await lutimes(path, made.atime, made.mtime);
}

async function within(
  from: Folder,
  copy: string,
  to: Folder,
  name: string,
  work: (below: Folder, beside: Folder) => Promise<void>,
): Promise<void> {
  const below = await from.open(copy);
  try {
    const beside = await to.open(name).catch(async (error: unknown) => {
      const there = await lstat(to.path(name)).catch(() => undefined);
      throw there === undefined || there.isDirectory() ? error : inTheWay(there, to, name);
    });
    try {
      await work(below, beside);
    } finally {
      await beside.close();
    }
  } finally {
    await below.close();
  }
}

async function pair(
  from: Folder,
  copy: string,
  to: Folder,
  name: string,
): Promise<readonly [made: Stats, there: Stats | undefined]> {
  const there = lstat(to.path(name)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw explained(error, to.shownPath(name));
  });
  return [await lstat(from.path(copy)), await there];
}

/** A file system error that names the file, not the descriptor. */
function explained(error: unknown, shown: string): Error {
  const { message, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error as Error;
  return new CommandFailed(`${shown}: ${message.replace(/, \S+ '.*$/s, '')}`, { cause: error });
}
