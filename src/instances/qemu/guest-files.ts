/** Files in a guest, through its agent: complete ones, and those that a command is still writing. */
import { randomBytes } from 'node:crypto';
import { agentExec, GuestAgentError, said } from './guest-agent.ts';
import { insist, SILENCE_MS, type Guest } from './guest.ts';
import { CHUNK_BYTES, CHUNKS_AHEAD, LARGE_PUT_BEGIN, LARGE_PUT_END, SMALL_PUT } from './guest-scripts.ts';

const READ_BYTES = 256 << 10;
const WRITE_BYTES = 256 << 10;
/** Input up to this size is sent together with the command that reads it. */
export const INLINE_BYTES = 256 << 10;
const GET_LIMIT = 16 << 20;

async function openFile(guest: Guest, path: string, mode = 'r'): Promise<number | undefined> {
  try {
    return await guest.agent.execute('guest-file-open', { path, mode });
  } catch (error) {
    if (error instanceof GuestAgentError && error.code === 'no-such-file') return undefined;
    throw error;
  }
}

async function readChunk(guest: Guest, handle: number, count: number): Promise<Buffer> {
  const { 'buf-b64': data } = await guest.agent.execute('guest-file-read', { handle, count }, 30_000);
  return Buffer.from(data, 'base64');
}

/**
 * A file in the guest that a command appends to. It stays open between reads, because the agent logs each opening in
 * the guest's journal, which is slow in an emulated machine.
 */
export class GrowingFile {
  private readonly guest: Guest;
  private readonly path: string;
  private offset = 0;
  private handle: number | undefined;
  private atEnd = false;

  constructor(guest: Guest, path: string) {
    this.guest = guest;
    this.path = path;
  }

  /** How many bytes were read. */
  get size(): number {
    return this.offset;
  }

  /** Data since the last read, at most `count` bytes; nothing if the file does not exist. */
  async read(count: number): Promise<Buffer> {
    return insist(this.guest, async () => {
      try {
        return await this.next(count);
      } catch (error) {
        // The agent was restarted, which closed its files: reopen at the same position.
        this.handle = undefined;
        if (error instanceof GuestAgentError && error.code === 'unknown-file') return this.next(count);
        throw error;
      }
    });
  }

  private async next(count: number): Promise<Buffer> {
    const { agent } = this.guest;
    if (this.handle === undefined) {
      this.handle = await openFile(this.guest, this.path);
      if (this.handle === undefined) return Buffer.alloc(0);
      if (this.offset > 0)
        await agent.execute('guest-file-seek', { handle: this.handle, offset: this.offset, whence: 'set' });
    } else if (this.atEnd) {
      // The agent keeps returning "end of file" until it is asked to look again.
      await agent.execute('guest-file-seek', { handle: this.handle, offset: 0, whence: 'cur' });
    }
    const chunk = await readChunk(this.guest, this.handle, count);
    this.atEnd = chunk.length < count;
    this.offset += chunk.length;
    return chunk;
  }

  async close(): Promise<void> {
    const handle = this.handle;
    this.handle = undefined;
    if (handle !== undefined) await this.guest.agent.execute('guest-file-close', { handle }).catch(() => {});
  }
}

/** An output of a command in the relay's format: files of `CHUNK_BYTES`, the last one shorter, then `.end`. */
export class RelayedStream {
  ended = false;
  private readonly guest: Guest;
  private readonly path: string;
  private readonly onChunk: (chunk: Buffer) => void;
  private number = 0;
  private file: GrowingFile;

  constructor(guest: Guest, path: string, onChunk: (chunk: Buffer) => void) {
    this.guest = guest;
    this.path = path;
    this.onChunk = onChunk;
    this.file = new GrowingFile(guest, `${path}.0`);
  }

  /**
   * Reads what exists.
   * @param last whether the stream may have ended, so that it is checked
   * @returns whether there was something
   */
  async read(last: boolean): Promise<boolean> {
    if (this.ended) return false;
    // The end mark is checked first, so that what is read after it is complete.
    const complete = last && (await insist(this.guest, () => this.opens(`${this.path}.end`)));
    const moved = (await this.drain()) > 0;
    if (complete) {
      // Maximum output when it was complete: a guest that has more and more is malicious.
      const most = (CHUNKS_AHEAD + 2) * CHUNK_BYTES;
      for (let left = most, bytes = 1; left > 0 && bytes > 0; left -= bytes) bytes = await this.drain();
      this.ended = true;
      await this.close();
    }
    return moved;
  }

  /** @returns the number of bytes */
  private async drain(): Promise<number> {
    const chunk = await this.file.read(READ_BYTES);
    if (chunk.length === 0) return 0;
    this.onChunk(chunk);
    if (this.file.size >= CHUNK_BYTES) await insist(this.guest, () => this.next());
    return chunk.length;
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async next(): Promise<void> {
    await this.close();
    // Truncated, it tells the relay that it may continue.
    await this.opens(`${this.path}.${this.number}`, 'w');
    this.number += 1;
    this.file = new GrowingFile(this.guest, `${this.path}.${this.number}`);
  }

  /** Opens a file briefly to find out whether it exists. */
  private async opens(path: string, mode = 'r'): Promise<boolean> {
    const handle = await openFile(this.guest, path, mode);
    if (handle === undefined) return false;
    // A restarted agent has closed it.
    await this.guest.agent.execute('guest-file-close', { handle }).catch(() => {});
    return true;
  }
}

/** Writes a file completely or not at all. See `Instance.put`. */
export async function putInGuest(guest: Guest, path: string, content: string | Buffer, mode = 0o644): Promise<void> {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content, 'utf8');
  const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
  const names = [path, mode.toString(8), partial];
  if (bytes.length <= INLINE_BYTES)
    return mustSucceed(guest, path, ['/bin/sh', '-c', SMALL_PUT, 'sh', ...names], bytes);
  await mustSucceed(guest, path, ['/bin/sh', '-c', LARGE_PUT_BEGIN, 'sh', path]);
  const handle = await guest.agent.execute('guest-file-open', { path: partial, mode: 'w' });
  try {
    for (let at = 0; at < bytes.length; ) {
      const chunk = bytes.subarray(at, at + WRITE_BYTES);
      const { count } = await guest.agent.execute(
        'guest-file-write',
        { handle, 'buf-b64': chunk.toString('base64') },
        60_000,
      );
      at += count;
    }
  } finally {
    await guest.agent.execute('guest-file-close', { handle }).catch(() => {});
  }
  await mustSucceed(guest, path, ['/bin/sh', '-c', LARGE_PUT_END, 'sh', ...names]);
}

async function mustSucceed(guest: Guest, path: string, argv: readonly string[], input?: Buffer): Promise<void> {
  const result = await insist(guest, () => agentExec(guest.agent, argv, { timeoutMs: SILENCE_MS, input }));
  if (result.exitCode !== 0)
    throw new Error(`${path} could not be written in the instance: ${said(result) || `exit code ${result.exitCode}`}`);
}

/** Reads a file of at most 16 MiB. See `Instance.get`. */
export async function getFromGuest(guest: Guest, path: string): Promise<Buffer> {
  return insist(guest, async () => {
    const handle = await guest.agent.execute('guest-file-open', { path, mode: 'r' });
    try {
      const chunks: Buffer[] = [];
      for (let size = 0; ; ) {
        const chunk = await readChunk(guest, handle, READ_BYTES);
        if (chunk.length === 0) return Buffer.concat(chunks);
        size += chunk.length;
        if (size > GET_LIMIT) throw new Error(`${path} in the instance is larger than 16 MiB`);
        chunks.push(chunk);
      }
    } finally {
      await guest.agent.execute('guest-file-close', { handle }).catch(() => {});
    }
  });
}
