/**
 * Unpacks a tar archive of an instance. The archive is untrusted: nothing is written outside its folder, and no device
 * is created.
 */
import { createWriteStream } from 'node:fs';
import { chmod, lchown, link, lutimes, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Extract, type Headers } from 'tar-stream';
import { CommandFailed } from '../command.ts';
import { plainLine } from '../text.ts';
import type { Attributes } from './pack.ts';

/** Options for unpacking. */
export interface Unpacking extends Attributes {
  /** The owner of the files, unless the archive's owners are kept; only root can change owners. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly skipped: (path: string) => void;
}

/** Maximum depth of folders. Each needs a descriptor while it is moved to its destination. */
const DEEPEST = 256;
/** Maximum bytes of a header for a long name or extended attributes, which is held in memory. */
const LONGEST_HEADER = 1 << 20;
/** Linux's ids have 32 bits, and the last one means none. */
const LAST_ID = 2 ** 32 - 2;

/** An entry of an archive. */
export interface ArchiveEntry {
  readonly header: Headers;
  /** Writes its content, once. @throws {CommandFailed} if the archive is truncated; {Error} of the sink */
  write(sink: Writable): Promise<void>;
}

/**
 * The entries of an archive. Reading the next entry skips the rest of the current one.
 * @throws {CommandFailed} if it is not an archive, is truncated, or has a malicious header
 */
export async function* entriesOf(archive: Readable): AsyncGenerator<ArchiveEntry> {
  const entries = extract();
  const broken = new AbortController();
  const piped = pipeline(archive, headerGuard(entries), entries);
  piped.catch((error: unknown) => broken.abort(error)); // The loop throws it.
  try {
    for await (const entry of entries) {
      const { header } = entry;
      // tar-stream waits forever for an entry whose size is not a number.
      const { size = 0 } = header;
      if (!Number.isSafeInteger(size) || size < 0) throw refusing(header.name, `invalid size ${size}`);
      yield {
        header,
        // By a signal, because an error of a stream before its content is read reaches nobody.
        write: (sink) =>
          pipeline(entry, sink, { signal: broken.signal }).catch((error: unknown) => {
            throw broken.signal.aborted ? archiveError(broken.signal.reason) : error;
          }),
      };
      entry.resume();
    }
    await piped;
  } catch (error) {
    throw archiveError(error);
  }
}

function archiveError(error: unknown): unknown {
  if (error instanceof CommandFailed || (error as Error).name === 'AbortError') return error;
  return new CommandFailed(`the archive from the instance is damaged: ${(error as Error).message}`, { cause: error });
}

/** tar-stream keeps a header's extension in memory, however long its stated length is. */
function headerGuard(entries: Extract): Transform {
  const reader = entries as unknown as { readonly _longHeader: boolean; readonly _missing: number };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const tooLong = reader._longHeader && reader._missing > LONGEST_HEADER;
      if (tooLong) done(refusing(undefined, `a header has more than ${LONGEST_HEADER} bytes`));
      else done(null, chunk);
    },
  });
}

/**
 * Unpacks an archive whose entries are `./name`, or `./` and its content.
 * @param root path of the single entry, or of the folder `./`; it must not exist
 * @throws {CommandFailed} if the archive is truncated, leaves its folder, or cannot be unpacked here
 */
export async function unpack(archive: Readable, root: string, options: Unpacking): Promise<void> {
  const folders = new Map<string, Headers>();
  const files = new Set<string>();
  for await (const entry of entriesOf(archive)) {
    const { header } = entry;
    try {
      await place(entry, root, folders, files, options);
    } catch (error) {
      throw explained(error, header.name);
    }
  }
  if (folders.size === 0 && files.size === 0) throw refusing(undefined, 'it has neither a file nor a folder');
  // Last, deepest first: a folder without write permission, or with a set time, must already be complete.
  for (const [name, header] of [...folders].toReversed()) {
    await settle(name === '' ? root : join(root, name), header, options).catch((error: unknown) => {
      throw explained(error, header.name);
    });
  }
}

/**
 * Writes one entry to the stage.
 * @param folders the folders so far, by name
 * @param files paths of the files so far
 */
async function place(
  entry: ArchiveEntry,
  root: string,
  folders: Map<string, Headers>,
  files: Set<string>,
  options: Unpacking,
): Promise<void> {
  const { header } = entry;
  const parts = header.name.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.join('/');
  if (parts.includes('..') || name.includes('\0')) throw refusing(header.name, 'the path escapes the destination');
  if (parts.length > DEEPEST) throw refusing(undefined, `it nests more than ${DEEPEST} folders`);
  // The parent must be a folder from this archive: a link from it could lead elsewhere.
  const parent = parts.slice(0, -1).join('/');
  const single = parts.length === 1 && !folders.has('');
  if (name !== '' && !single && !folders.has(parent))
    throw refusing(header.name, 'its parent folder is not in the archive');
  // A link at the top was followed in the instance. Here it would redirect the next copy to this destination.
  if ((name === '' || single) && ['symlink', 'link'].includes(header.type ?? '')) {
    throw refusing(undefined, 'its top entry is a link, not a file or folder');
  }
  const path = name === '' || single ? root : join(root, name);
  if (header.type === 'directory') {
    if (folders.has(name)) throw refusing(header.name, 'the archive has it twice');
    await mkdir(path, { mode: 0o700 });
    folders.set(name, header);
  } else if (header.type === 'file' || header.type === 'contiguous-file') {
    await entry.write(createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    await settle(path, header, options);
    files.add(path);
  } else if (header.type === 'symlink') {
    await symlink(header.linkname ?? '', path);
    await settle(path, header, options);
  } else if (header.type === 'link') {
    const target = join(root, ...(header.linkname ?? '').split('/').filter((part) => part !== '' && part !== '.'));
    if (!files.has(target)) throw refusing(header.name, 'it is a hard link to a file that is not in the archive');
    await link(target, path);
  } else options.skipped(name);
}

async function settle(path: string, header: Headers, { archive, owner }: Unpacking): Promise<void> {
  const given =
    archive && header.uid !== undefined && header.gid !== undefined ? { uid: header.uid, gid: header.gid } : owner;
  if (given !== undefined) {
    const valid = [given.uid, given.gid].every((id) => Number.isInteger(id) && id >= 0 && id <= LAST_ID);
    if (!valid) throw refusing(header.name, `invalid owner ${given.uid}:${given.gid}`);
    await lchown(path, given.uid, given.gid);
  }
  if (header.type !== 'symlink') await chmod(path, (header.mode ?? 0o644) & (archive ? 0o7777 : 0o777));
  const { mtime } = header;
  if (mtime !== undefined && !Number.isNaN(mtime.getTime())) await lutimes(path, mtime, mtime);
}

/** @param name of the faulty entry; `undefined` for the archive as a whole */
function refusing(name: string | undefined, why: string): CommandFailed {
  return new CommandFailed(
    `refusing to extract ${name === undefined ? 'the archive from the instance' : shown(name)}: ${why}`,
  );
}

/** An untrusted name, for a message. */
function shown(name: string): string {
  const plain = JSON.stringify(plainLine(name));
  return plain.length <= 200 ? plain : `${plain.slice(0, 200)}…`;
}

/** A file system error with the entry's name instead of the stage's path. */
function explained(error: unknown, name: string): unknown {
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return archiveError(error);
  if (code === 'EEXIST')
    return refusing(name, 'the archive has it twice, or this file system does not distinguish two of its names');
  return new CommandFailed(`cannot write ${shown(name)}: ${message.replace(/, \S+ '.*$/s, '')}`, { cause: error });
}
