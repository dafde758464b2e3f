/** Random access to a file of JSON lines that have a `time` and are ordered by it. */
import { isAscii } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';

/** One complete line. */
export interface Line {
  /** Offset of its first byte. */
  readonly at: number;
  /** Offset of the byte after its newline. */
  readonly end: number;
  readonly text: string;
}

const CHUNK = 256 << 10;
/** The first read of a page, and the largest: each read costs a wait, and few events need little. */
const FIRST_CHUNK = 64 << 10;
const LARGEST_CHUNK = 1 << 20;
/** Bytes read to find a line at one step of a search. */
const PROBE = 16 << 10;
const NEWLINE = 10;

/** A log that is open for reading. A last line without a newline is still being written and is ignored. */
export class LogFile {
  readonly #handle: FileHandle;
  /** Size in bytes when it was opened. */
  readonly size: number;
  readonly modified: number;

  private constructor(handle: FileHandle, size: number, modified: number) {
    this.#handle = handle;
    this.size = size;
    this.modified = modified;
  }

  /** Opens a file; `undefined` if it does not exist. */
  static async open(path: string): Promise<LogFile | undefined> {
    try {
      const handle = await open(path, 'r');
      const { size, mtimeMs } = await handle.stat();
      return new LogFile(handle, size, mtimeMs);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #read(from: number, to: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(Math.max(0, to - from));
    const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, from);
    return buffer.subarray(0, bytesRead);
  }

  /** Batches of lines, from an offset at which a line begins. */
  async *forward(from: number): AsyncGenerator<readonly Line[]> {
    let at = from;
    let rest: Buffer = Buffer.alloc(0);
    let span = FIRST_CHUNK;
    while (at + rest.length < this.size) {
      const begin = at + rest.length;
      const chunk = await this.#read(begin, Math.min(this.size, begin + span));
      span = Math.min(span * 4, LARGEST_CHUNK);
      if (chunk.length === 0) return; // The file was truncated.
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const lines = linesOf(bytes, at);
      const used = lines.length === 0 ? 0 : lines.at(-1)!.end - at;
      rest = bytes.subarray(used);
      at += used;
      if (lines.length > 0) yield lines;
    }
  }

  /** Batches of lines that end at or before an offset. The last lines come first; each batch is in the file's order. */
  async *backward(to: number): AsyncGenerator<readonly Line[]> {
    let end = Math.min(to, this.size);
    let span = CHUNK;
    while (end > 0) {
      const begin = Math.max(0, end - span);
      const bytes = await this.#read(begin, end);
      // The first line of the chunk may begin before it.
      const first = begin === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
      const lines = first === 0 && begin > 0 ? [] : linesOf(bytes.subarray(first), begin + first);
      if (lines.length === 0) {
        if (begin === 0) return;
        span *= 2;
        continue;
      }
      span = CHUNK;
      end = lines[0]!.at;
      yield lines;
    }
  }

  /** The offset of the first line with this time or a later one. @param time milliseconds since 1970 */
  async seek(time: number): Promise<number> {
    let low = 0;
    let high = this.size;
    // `low` is the start of an earlier line or of the file; lines from `high` on are not earlier.
    while (high - low > PROBE) {
      const middle = low + Math.floor((high - low) / 2);
      const probe = await this.#firstFrom(middle, high);
      if (probe === undefined || probe.time >= time) high = middle;
      else low = probe.at;
    }
    for await (const lines of this.forward(low))
      for (const { at, text } of lines) if ((timeOf(text) ?? -1) >= time) return at;
    return this.size;
  }

  /** The first line with a time that begins after an offset. */
  async #firstFrom(byte: number, limit: number): Promise<{ readonly at: number; readonly time: number } | undefined> {
    for (let span = PROBE; ; span *= 4) {
      const bytes = await this.#read(byte, Math.min(this.size, byte + span));
      const first = bytes.indexOf(NEWLINE) + 1;
      if (first > 0)
        for (const { at, text } of linesOf(bytes.subarray(first), byte + first)) {
          const time = timeOf(text);
          if (time !== undefined) return at < limit ? { at, time } : undefined;
        }
      if (byte + span >= limit) return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function linesOf(bytes: Buffer, begin: number): readonly Line[] {
  const lines: Line[] = [];
  // Decoding all of it at once is a third of the work, where characters are bytes.
  const whole = isAscii(bytes) ? bytes.toString('latin1') : undefined;
  let at = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, at)) {
    const text = whole === undefined ? bytes.toString('utf8', at, end) : whole.slice(at, end);
    lines.push({ at: begin + at, end: begin + end + 1, text });
    at = end + 1;
  }
  return lines;
}

// The writer puts the time before everything that others control.
const TIME = /"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/;

function timeOf(text: string): number | undefined {
  const match = TIME.exec(text.length > 200 ? text.slice(0, 200) : text);
  return match === null ? undefined : Date.parse(match[1]!);
}
