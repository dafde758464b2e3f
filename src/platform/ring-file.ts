/**
 * Files with the end of an output that may be endless, such as a machine's console. `ring-file.pl` writes them; this
 * module reads them. A full file becomes `FILE.old`, replacing the previous one, and a new one begins.
 */
import type { BigIntStats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Size at which a new file begins, in bytes, so that the two together never have more than twice as many. */
export const RING_BYTES = 1 << 20;

const WRITER = fileURLToPath(new URL('ring-file.pl', import.meta.url));

/**
 * The command that runs `argv` with its outputs in ring files. The process that it starts becomes `argv`. A child of it
 * writes, and exits when nothing holds the outputs open.
 * @param outputs file descriptors of `argv`, joined by commas, and their file
 */
export function intoRingFiles(
  outputs: Readonly<Record<string, string>>,
  argv: readonly string[],
  bytes: number = RING_BYTES,
): string[] {
  return ['perl', WRITER, String(bytes), ...Object.entries(outputs).flat(), '--', ...argv];
}

/** Both files of a ring, for deletion. */
export function ringFiles(path: string): readonly [older: string, newer: string] {
  return [`${path}.old`, path];
}

/** The last bytes of a ring file; empty if the file does not exist. @param bytes maximum number */
export async function ringTail(path: string, bytes: number): Promise<Buffer> {
  const all = Buffer.concat((await readBoth(path)).map(({ content }) => content));
  return all.subarray(Math.max(0, all.length - bytes));
}

/** Follows a ring file while it is written. */
export class RingReader {
  private readonly path: string;
  /** The file that was read, and how far. */
  private file: string | undefined;
  private offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Skips the current content. */
  async skip(): Promise<void> {
    const there = await stat(this.path, { bigint: true }).catch(() => undefined);
    this.file = there && identity(there);
    this.offset = Number(there?.size ?? 0n);
  }

  /**
   * Returns what was added since the last call, at most two full files. Data that was overwritten before it could be
   * read is missing.
   */
  async read(): Promise<Buffer> {
    const files = await readBoth(this.path, this.file, this.offset);
    const newest = files.at(-1);
    if (newest === undefined) return Buffer.alloc(0);
    const goesOn = newest.file === this.file;
    this.file = newest.file;
    this.offset = newest.end;
    return goesOn ? newest.content : Buffer.concat(files.map(({ content }) => content));
  }
}

/** Identifies a file. The inode number alone does not, because that of a deleted file is soon reused. */
function identity({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}:${birthtimeNs}`;
}

interface Part {
  readonly file: string;
  readonly content: Buffer;
  /** Where the content ends in its file. */
  readonly end: number;
}

/** Both files at one moment, older first; the file `known` from `offset` on. */
async function readBoth(path: string, known?: string, offset = 0): Promise<readonly Part[]> {
  const [older, newer] = ringFiles(path);
  for (let attempt = 0; ; attempt++) {
    const files = await Promise.all([older, newer].map((each) => open(each, 'r').catch(() => undefined)));
    try {
      const newest = await files[1]?.stat({ bigint: true });
      const there = await stat(newer, { bigint: true }).catch(() => undefined);
      // The files may be rotated meanwhile: one of the two may appear twice, or not at all.
      const changing =
        newest === undefined || there === undefined ? files[0] !== undefined : identity(newest) !== identity(there);
      if (changing && attempt < 10) continue;
      return await Promise.all(files.filter((file) => file !== undefined).map((file) => readPart(file, known, offset)));
    } finally {
      await Promise.all(files.map((file) => file?.close()));
    }
  }
}

async function readPart(handle: FileHandle, known: string | undefined, offset: number): Promise<Part> {
  const found = await handle.stat({ bigint: true });
  const file = identity(found);
  const start = file === known ? offset : 0;
  const buffer = Buffer.alloc(Math.max(0, Number(found.size) - start));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
  return { file, content: buffer.subarray(0, bytesRead), end: start + bytesRead };
}
