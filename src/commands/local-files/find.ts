/** Files of this host that documents name by `file:`, which must be beside the document. */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { pack, type Pack } from 'tar-stream';
import { readFileSource } from '../../documents/component/file-sources.ts';
import type { SourceFile } from '../../runner/source-files.ts';
import type { CommandOption } from '../command.ts';
import { exactly } from '../cp/pack.ts';

/** The option of every command that reads `file:` sources. */
export const FILE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'file-root': {
    value: 'DIR',
    help: 'folder that file: sources must stay in',
    default: "the template's or document's",
  },
};

/** Where the files of a document are. */
export interface FilePlaces {
  /** Directory of the document, which sources are relative to. */
  readonly folder: string;
  /** Directory that they must stay in. */
  readonly root: string;
}

/** A file of this host, or a folder's content. */
export interface LocalFile extends SourceFile {
  /** Absolute path without links. */
  readonly path: string;
  /** Number of bytes from `read`. */
  readonly size: number;
}

/** A source is not a readable file. The message is a sentence without its full stop. */
export class FileRefused extends Error {
  override readonly name = 'FileRefused';
}

/** Maximum entries of one folder. */
const MOST_ENTRIES = 10_000;

/**
 * The places for a document in or beside a template.
 * @param folder directory of the document
 * @param template directory of the template
 * @param given the option `--file-root`
 */
export function placesOf(folder: string, template: string, given: string | undefined): FilePlaces {
  const inside = isWithin(resolve(template), resolve(folder));
  return { folder, root: given ?? (inside ? template : folder) };
}

/**
 * Finds the file of a source and reads it for its digest.
 * @param source as in a document
 * @throws {FileRefused} if it does not exist, leads elsewhere, or cannot be copied
 */
export async function findLocalFile(source: string, { folder, root }: FilePlaces): Promise<LocalFile> {
  const { path: written, folder: isFolder, packed } = readFileSource(source)!;
  const shown = `file:${written}`;
  const path = await realpath(resolve(folder, pathOf(written))).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
    throw new FileRefused(`'${shown}' ${missing ? `does not exist in ${folder}` : `cannot be read: ${error.message}`}`);
  });
  const top = await realpath(root);
  if (!isWithin(top, path))
    throw new FileRefused(
      `'${shown}' leads out of ${root} (to ${path}). Files lie beside the template or below it; --file-root DIR ` +
        'allows another folder',
    );
  const stats = await stat(path);
  if (stats.isDirectory() !== isFolder)
    throw new FileRefused(
      isFolder
        ? `'${shown}' is not a folder: /* copies all that is in one`
        : `'${shown}' is a folder: write file:${written.replace(/\/$/, '')}/* to copy all that is in it`,
    );
  if (!isFolder && !stats.isFile()) throw new FileRefused(`'${shown}' is not a regular file`);
  const read = isFolder ? await folderReader(path, shown) : () => exactly(path, stats.size);
  const { sha256, size } = await digestOf(isFolder ? undefined : keyOf(path, stats), read);
  if (packed !== undefined && packed.sha256 !== sha256)
    throw new FileRefused(
      `'${shown}' has another content than the one that the document names: its SHA-256 is ${sha256}`,
    );
  return { path, sha256, size, folder: isFolder, executable: !isFolder && (stats.mode & 0o100) !== 0, read };
}

function pathOf(written: string): string {
  if (!written.startsWith('//')) return written;
  try {
    return fileURLToPath(`file:${written}`);
  } catch (error) {
    throw new FileRefused(`'file:${written}' is not a path: ${(error as Error).message}`);
  }
}

function isWithin(root: string, path: string): boolean {
  const from = relative(root, path);
  return from === '' || (from !== '..' && !from.startsWith(`..${sep}`));
}

/** A command reads a file first to compute its digest, and again to send it. */
const digests = new Map<string, { readonly sha256: string; readonly size: number }>();

function keyOf(path: string, { ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [path, ino, size, mtimeMs, ctimeMs].join(':');
}

async function digestOf(
  key: string | undefined,
  read: () => AsyncIterable<Buffer>,
): Promise<{ readonly sha256: string; readonly size: number }> {
  const known = key === undefined ? undefined : digests.get(key);
  if (known !== undefined) return known;
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of read()) {
    hash.update(chunk);
    size += chunk.length;
  }
  const found = { sha256: hash.digest('hex'), size };
  if (key !== undefined) digests.set(key, found);
  return found;
}

interface Entry {
  /** Relative to the folder, with slashes. */
  readonly name: string;
  readonly path: string;
  readonly stats: Stats;
  /** For a link. */
  readonly target?: string;
}

/** The content of a folder, as an archive that is identical for identical content. */
async function folderReader(folder: string, shown: string): Promise<() => AsyncIterable<Buffer>> {
  const entries: Entry[] = [];
  await collect(folder, folder, shown, entries);
  if (entries.length === 0) throw new FileRefused(`'${shown}' is an empty folder`);
  return () => archiveOf(entries) as AsyncIterable<Buffer>;
}

async function collect(top: string, folder: string, shown: string, entries: Entry[]): Promise<void> {
  // Sorted by code units, because the order of a locale differs between hosts.
  for (const child of (await readdir(folder)).sort()) {
    if (entries.length >= MOST_ENTRIES)
      throw new FileRefused(`'${shown}' has more than ${MOST_ENTRIES} files: pack them into an archive first`);
    const path = join(folder, child);
    const name = relative(top, path).split(sep).join('/');
    const stats = await lstat(path);
    if (stats.isSymbolicLink()) entries.push({ name, path, stats, target: await linkWithin(top, path, shown, name) });
    else if (stats.isFile()) entries.push({ name, path, stats });
    else if (stats.isDirectory()) {
      const before = entries.length;
      await collect(top, path, shown, entries);
      // Other folders are created with their content, so that an existing folder of the image keeps its mode.
      if (entries.length === before) entries.push({ name, path, stats });
    } else throw new FileRefused(`'${shown}': ${name} is not a regular file`);
  }
}

/** The target of a link that stays in the folder. */
async function linkWithin(top: string, path: string, shown: string, name: string): Promise<string> {
  const target = await readlink(path);
  const leads = await realpath(path).catch(() => undefined);
  const lexical = resolve(dirname(path), target);
  if (target.startsWith('/') || !isWithin(top, lexical) || leads === undefined || !isWithin(top, leads))
    throw new FileRefused(`'${shown}': the link ${name} leads out of the folder, or nowhere (${target})`);
  return target;
}

const LONG_AGO = new Date(0);

function archiveOf(entries: readonly Entry[]): Pack {
  const archive = pack();
  void fill(archive, entries).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error as Error),
  );
  return archive;
}

async function fill(archive: Pack, entries: readonly Entry[]): Promise<void> {
  for (const { name, path, stats, target } of entries) {
    const mode = stats.isDirectory() || (stats.mode & 0o100) !== 0 ? 0o755 : 0o644;
    const header = { name, mode, mtime: LONG_AGO, uid: 0, gid: 0 };
    if (target !== undefined) archive.entry({ ...header, mode: 0o777, type: 'symlink', linkname: target });
    else if (stats.isDirectory()) archive.entry({ ...header, type: 'directory' });
    else await pipeline(exactly(path, stats.size), archive.entry({ ...header, type: 'file', size: stats.size }));
  }
}
