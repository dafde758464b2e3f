/**
 * Files that hold the last part of an output that may have no end: what a machine prints on its console. `ring-file.pl` writes them; here
 * they are read. When the file is full it becomes `FILE.old`, in place of the one before, and a fresh one begins.
 */
import { open, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Bytes that a ring file holds before a fresh one begins. So the two together never hold more than twice as many. */
export const RING_BYTES = 1 << 20;

const WRITER = fileURLToPath(new URL('ring-file.pl', import.meta.url));

/**
 * The command that runs `argv` with outputs that go to ring files. The process that it starts becomes `argv`; a child of it writes, and ends
 * when nothing holds the outputs open any more.
 * @param outputs file descriptors of `argv`, joined by commas, and the file they go to
 */
export function intoRingFiles(outputs: Readonly<Record<string, string>>, argv: readonly string[], bytes: number = RING_BYTES): string[] {
  return ['perl', WRITER, String(bytes), ...Object.entries(outputs).flat(), '--', ...argv];
}

/** Both files of a ring, for who removes them. */
export function ringFiles(path: string): readonly [older: string, newer: string] {
  return [`${path}.old`, path];
}

/** The last bytes of a ring file. Empty when there is none. @param bytes how many at most */
export async function ringTail(path: string, bytes: number): Promise<Buffer> {
  const [older, newer] = await Promise.all(ringFiles(path).map((each) => readFrom(each, 0)));
  const all = Buffer.concat([older!.content, newer!.content]);
  return all.subarray(Math.max(0, all.length - bytes));
}

/** Reads a ring file on while it is written. */
export class RingReader {
  private readonly path: string;
  /** Which file was read, and how far. */
  private inode: number | undefined;
  private offset = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Goes past all that is there. */
  async skip(): Promise<void> {
    const there = await stat(this.path).catch(() => undefined);
    this.inode = there?.ino;
    this.offset = there?.size ?? 0;
  }

  /** What came since the last time, at most two files full. What was overwritten before it could be read is left out. */
  async read(): Promise<Buffer> {
    const [old, current] = ringFiles(this.path);
    const newer = await readFrom(current, 0, this.inode, this.offset);
    if (newer.inode === undefined) return Buffer.alloc(0);
    if (newer.inode === this.inode) {
      this.offset += newer.content.length;
      return newer.content;
    }
    const older = await readFrom(old, 0, this.inode, this.offset);
    this.inode = newer.inode;
    this.offset = newer.content.length;
    return Buffer.concat([older.content, newer.content]);
  }
}

/** A file from `offset` on, or from `knownOffset` when it is the file of that inode. */
async function readFrom(path: string, offset: number, knownInode?: number, knownOffset = 0): Promise<{ readonly inode: number | undefined; readonly content: Buffer }> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return { inode: undefined, content: Buffer.alloc(0) };
  try {
    const { ino, size } = await file.stat();
    const start = ino === knownInode ? knownOffset : offset;
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    return { inode: ino, content: buffer.subarray(0, bytesRead) };
  } finally {
    await file.close();
  }
}
