/** Commands and files in a guest, through its agent. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { sleep } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import type { CommandRequest, CommandResult } from '../instance.ts';
import { unitWord } from '../unit-words.ts';
import { agentExec, said, GuestAgentError, GuestAgentSilent, type GuestAgent } from './guest-agent.ts';
import {
  CHUNK_BYTES,
  CHUNKS_AHEAD,
  FINISHER,
  GUEST_DIRECTORY,
  HOLDERS,
  KILLER,
  LARGE_PUT_BEGIN,
  LARGE_PUT_END,
  LAUNCHER,
  OWN_LAUNCHER,
  SMALL_PUT,
  UNIT_STATE,
} from './guest-scripts.ts';

/** A guest whose agent answers. `check` throws when the machine is gone, or is not the one that it was. */
export interface Guest {
  readonly agent: GuestAgent;
  /** @throws {Error} with the reason */
  check(): void;
}

const READ_BYTES = 256 << 10;
const WRITE_BYTES = 256 << 10;
/** Reads that take more than a pipe and the relay hold. */
const LAST_READS = 8;
const INLINE_BYTES = 256 << 10;
const GET_LIMIT = 16 << 20;
/** How long the agent may be silent while a command runs: an emulated machine under load, an upgrade of the agent. */
const SILENCE_MS = 120_000;
/** Bytes of the word that a command's end leaves: a few, or it is none. */
const WORD_BYTES = 1024;
/** How long a stream may stay open after its command has ended: what it started elsewhere may hold it. */
const STREAM_GRACE_MS = 500;

/** The arguments of the launcher for a command: see `LAUNCHER`. Exported for its test. */
export function launcherArguments(
  id: string,
  request: CommandRequest,
  stdin: 'none' | 'input' | 'script' | 'file',
): string[] {
  if ((request.argv === undefined) === (request.script === undefined))
    throw new Error('a command has either argv or script');
  const argv = request.argv ?? ['/bin/bash', `${GUEST_DIRECTORY}/${id}.script`];
  if (argv.length === 0) throw new Error('a command has at least a program');
  const env = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
  for (const text of [...argv, ...env, request.cwd ?? '', request.user ?? ''])
    if (text.includes('\0')) throw new Error('a command holds a NUL character');
  return [
    id,
    stdin,
    request.user ?? 'root',
    unitWord(request.cwd ?? '/'),
    String(env.length),
    ...env,
    ...argv.map(unitWord),
  ];
}

/** What systemd said became of a command: `exited 3`, `killed KILL`, `dumped SEGV`. Exported for its test. */
export function parseStatus(text: string): { readonly exitCode: number | null; readonly signal: string | null } {
  const [how = '', what = ''] = text.trim().split(' ');
  if (how === 'exited' && /^\d+$/.test(what)) return { exitCode: Number(what), signal: null };
  if ((how === 'killed' || how === 'dumped') && what) return { exitCode: null, signal: `SIG${what}` };
  throw new Error(`the instance's service manager reported an unknown result: '${text.trim()}'`);
}

/** Runs a command to its end. See `Instance.run`. */
export async function runInGuest(guest: Guest, request: CommandRequest): Promise<CommandResult> {
  request.signal?.throwIfAborted();
  if (request.own === true && Buffer.byteLength(request.stdin ?? '') <= INLINE_BYTES)
    return runOwnInGuest(guest, request);
  const id = randomBytes(8).toString('hex');
  const input = request.script ?? request.stdin;
  const bytes = input === undefined ? undefined : Buffer.isBuffer(input) ? input : Buffer.from(input, 'utf8');
  const large = bytes !== undefined && bytes.length > INLINE_BYTES;
  if (large && request.script !== undefined) return runLargeScript(guest, request, bytes);
  const stdin = bytes === undefined ? 'none' : request.script !== undefined ? 'script' : large ? 'file' : 'input';
  const deadline = request.timeoutSeconds === undefined ? undefined : Date.now() + request.timeoutSeconds * 1000;
  const argv = ['/bin/sh', '-c', LAUNCHER, 'sh', ...launcherArguments(id, request, stdin)];
  if (stdin === 'file') await putInGuest(guest, `${GUEST_DIRECTORY}/${id}.input`, bytes!, 0o600);
  const started = await insist(
    guest,
    () =>
      agentExec(guest.agent, argv, {
        timeoutMs: SILENCE_MS,
        ...(bytes !== undefined && !large ? { input: bytes } : {}),
      }),
    false,
  );
  // A command that ends at once may count as one that did not start; if its end is on record, it ran.
  const status = new Status(guest, `${GUEST_DIRECTORY}/${id}`);
  if (started.exitCode !== 0 && (await status.read()) === undefined) {
    await status.close();
    throw new Error(`the instance could not start the command: ${said(started) || `exit code ${started.exitCode}`}`);
  }
  return follow(guest, id, status, request, deadline);
}

/** A program of Ingot's own, as the agent's child: a unit costs an emulated machine half a second. */
async function runOwnInGuest(guest: Guest, request: CommandRequest): Promise<CommandResult> {
  if (request.argv === undefined) throw new TypeError("a program of Ingot's own has argv");
  const env = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const { timeoutSeconds, signal, stdin } = request;
  const argv = [
    '/bin/sh',
    '-c',
    OWN_LAUNCHER,
    'sh',
    request.cwd ?? '/',
    String(timeoutSeconds ?? 0),
    String(env.length),
    ...env,
    ...request.argv,
  ];
  for (const text of argv) if (text.includes('\0')) throw new Error('a command holds a NUL character');
  const started = Date.now();
  const ended = await insist(
    guest,
    () =>
      agentExec(guest.agent, argv, {
        timeoutMs: timeoutSeconds === undefined ? Infinity : timeoutSeconds * 1000 + SILENCE_MS,
        signal,
        ...(stdin === undefined ? {} : { input: Buffer.from(stdin as string) }),
      }),
    false,
  );
  if (ended.truncated) throw new Error(`${request.argv[0]} printed more than the guest agent takes`);
  if (ended.stdout.length > 0) request.onOutput?.('stdout', ended.stdout);
  if (ended.stderr.length > 0) request.onOutput?.('stderr', ended.stderr);
  const killed = ended.signal === 9 || ended.exitCode === 137;
  if (killed && timeoutSeconds !== undefined && Date.now() - started >= timeoutSeconds * 1000)
    return { exitCode: null, signal: 'SIGKILL', timedOut: true };
  return ended.signal === null
    ? { exitCode: ended.exitCode, signal: null, timedOut: false }
    : { exitCode: null, signal: signalName(ended.signal), timedOut: false };
}

/** `SIGKILL` for 9. */
function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, each]) => each === number)?.[0] ?? `SIG${number}`;
}

async function runLargeScript(guest: Guest, request: CommandRequest, bytes: Buffer): Promise<CommandResult> {
  const path = `${GUEST_DIRECTORY}/${randomBytes(8).toString('hex')}.script`;
  await putInGuest(guest, path, bytes, 0o644);
  const { script: _script, stdin: _stdin, ...rest } = request;
  try {
    return await runInGuest(guest, { ...rest, argv: ['/bin/bash', path] });
  } finally {
    await agentExec(guest.agent, ['/bin/rm', '-f', path]).catch(() => {});
  }
}

async function follow(
  guest: Guest,
  id: string,
  word: Status,
  request: CommandRequest,
  deadline: number | undefined,
): Promise<CommandResult> {
  const files = `${GUEST_DIRECTORY}/${id}`;
  const streams = (['stdout', 'stderr'] as const).map(
    (name) =>
      new RelayedStream(guest, `${files}.${name === 'stdout' ? 'out' : 'err'}`, (chunk) =>
        request.onOutput?.(name, chunk),
      ),
  );
  let killed: 'deadline' | 'abort' | undefined;
  let killedAt = Infinity;
  let status: string | undefined;
  let graceUntil = Infinity;
  let wait = 10;
  let lastUnitCheck = Date.now();
  let lastMoved = Date.now();
  for (;;) {
    const late = deadline !== undefined && Date.now() >= deadline;
    if (killed === undefined && status === undefined && (late || request.signal?.aborted)) {
      killed = request.signal?.aborted ? 'abort' : 'deadline';
      killedAt = Date.now();
      await insist(guest, () => agentExec(guest.agent, ['/bin/sh', '-c', KILLER, 'sh', id]));
    }
    // What says how it ended, and that its outputs have, is in the guest: one that goes on for ever must not hold up
    // whoever has ended it.
    if (Date.now() > killedAt + patient(SILENCE_MS)) {
      if (killed === 'abort') throw request.signal!.reason;
      throw new Error('the command was killed at its deadline, but the instance does not report its end');
    }
    let moved = false;
    for (const stream of streams) moved = (await stream.read(status !== undefined)) || moved;
    if (status === undefined) status = await word.read();
    else if (streams.every((stream) => stream.ended)) break;
    else if (Date.now() > graceUntil) {
      // A guest that is short of time may just not have got round to it.
      if (Date.now() > lastMoved + patient(SILENCE_MS) || !(await outputPending(guest, id))) {
        // The relay may have come to the end of it while it was asked. Others may go on printing without end.
        for (const stream of streams) for (let reads = 0; reads < LAST_READS && (await stream.read(true)); reads++);
        break;
      }
      graceUntil = Date.now() + patient(STREAM_GRACE_MS);
    }
    if (moved) {
      wait = 10;
      lastMoved = Date.now();
      if (status !== undefined) graceUntil = Date.now() + patient(STREAM_GRACE_MS);
      continue;
    }
    if (status !== undefined) {
      graceUntil = Math.min(graceUntil, Date.now() + patient(STREAM_GRACE_MS));
      wait = 10;
    } else if (Date.now() - lastUnitCheck > 10_000) {
      lastUnitCheck = Date.now();
      await checkUnit(guest, id, word);
    }
    await pause(
      Math.min(wait, deadline === undefined || killed ? wait : Math.max(1, deadline - Date.now())),
      killed ? undefined : request.signal,
    );
    wait = Math.min(200, wait * 1.3);
  }
  // Only housekeeping, in memory: the next boot forgets it anyway, and nobody has to wait for it.
  for (const stream of streams) void stream.close();
  void agentExec(guest.agent, ['/bin/sh', '-c', FINISHER, 'sh', id]).catch(() => {});
  if (killed === 'abort') throw request.signal!.reason;
  const end = parseStatus(status);
  return killed === 'deadline' ? { exitCode: null, signal: 'SIGKILL', timedOut: true } : { ...end, timedOut: false };
}

/** Whether output of a command that has ended is still on its way through the relay. */
async function outputPending(guest: Guest, id: string): Promise<boolean> {
  return relayHasMore(
    (await insist(guest, () => agentExec(guest.agent, ['/bin/sh', '-c', HOLDERS, 'sh', id]))).stdout.toString(),
  );
}

/**
 * What `HOLDERS` printed tells it of each stream: where only the relay is left, the end is to come; where others hold
 * the pipe too, the pipe is empty once the relay waits for it. Exported for its test.
 */
export function relayHasMore(holders: string): boolean {
  const lines = holders
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return ['out', 'err'].some((stream) => {
    const waits = lines.filter(([of, who]) => of === stream && who === 'relay').map(([, , wchan = '0']) => wchan);
    const alone = !lines.some(([of, who]) => of === stream && who === 'other');
    return (
      waits.length > 0 &&
      (alone || (waits.some((wchan) => wchan !== '0') && !waits.some((wchan) => /pipe_(?:read|wait)/.test(wchan))))
    );
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, signal).catch(() => {}); // An abort only ends the pause; the loop sees it.
}

/** A command whose unit is gone and left no word of its end: the guest was restarted, or somebody removed the word. */
async function checkUnit(guest: Guest, id: string, word: Status): Promise<void> {
  const { stdout } = await insist(guest, () => agentExec(guest.agent, ['/bin/sh', '-c', UNIT_STATE, 'sh', id]));
  if (stdout.toString().trim() !== 'inactive') return;
  if ((await word.read()) === undefined) {
    throw new Error('the command is gone and left no exit code: the instance was restarted while it ran');
  }
}

/**
 * Asks again while the agent is silent (it is restarted when its package is upgraded, an emulated machine has its slow
 * moments), for two minutes, as long as the machine is there.
 * @param again whether the question may be asked twice; if not, silence ends it
 */
async function insist<T>(guest: Guest, question: () => Promise<T>, again = true): Promise<T> {
  const deadline = Date.now() + patient(SILENCE_MS);
  for (;;) {
    try {
      return await question();
    } catch (error) {
      guest.check();
      // An agent that was restarted knows none of the programs that the one before it started.
      const forgotten = error instanceof GuestAgentError && error.code === 'unknown-process';
      if (!again || !(error instanceof GuestAgentSilent || forgotten) || Date.now() > deadline) throw error;
      await sleep(200);
    }
  }
}

/** The word that a command's end leaves. */
class Status {
  private readonly file: GrowingFile;
  private text = '';

  constructor(guest: Guest, files: string) {
    this.file = new GrowingFile(guest, `${files}.status`);
  }

  /** `undefined` before the end. */
  async read(): Promise<string | undefined> {
    this.text += (await this.file.read(4096)).toString('utf8');
    if (this.text.length > WORD_BYTES) {
      throw new Error(
        `the command's exit status has more than ${WORD_BYTES} bytes: a component may have replaced a system program`,
      );
    }
    if (!this.text.endsWith('\n')) return undefined; // The file is there before its content.
    await this.close();
    return this.text;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

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
 * A file in the guest that others write on at its end. It stays open between reads: the agent notes each opening in the
 * guest's journal, which an emulated machine has better things to do than.
 */
class GrowingFile {
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

  /** What came since the last read, at most `count` bytes; nothing while the file is not there. */
  async read(count: number): Promise<Buffer> {
    return insist(this.guest, async () => {
      try {
        return await this.next(count);
      } catch (error) {
        // The agent was restarted, which closed its files: open again where we were.
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
      // The agent keeps saying "end of file" until it is told to look again.
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

/** One output of a command, as the relay lays it down: files of `CHUNK_BYTES`, the last one shorter, then `.end`. */
class RelayedStream {
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
   * Takes over what is there.
   * @param last whether the stream may have ended, which is worth a look then
   * @returns whether there was something
   */
  async read(last: boolean): Promise<boolean> {
    if (this.ended) return false;
    // The mark is looked for first: what is read after it is all there is.
    const complete = last && (await insist(this.guest, () => this.opens(`${this.path}.end`)));
    const moved = (await this.drain()) > 0;
    if (complete) {
      // All that was written when it was complete: a guest that finds ever more has not told the truth.
      const most = (CHUNKS_AHEAD + 2) * CHUNK_BYTES;
      for (let left = most, bytes = 1; left > 0 && bytes > 0; left -= bytes) bytes = await this.drain();
      this.ended = true;
      await this.close();
    }
    return moved;
  }

  /** @returns how many bytes came */
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
    // Cut to nothing, it tells the relay that it may go on.
    await this.opens(`${this.path}.${this.number}`, 'w');
    this.number += 1;
    this.file = new GrowingFile(this.guest, `${this.path}.${this.number}`);
  }

  /** Opens a file for a moment: whether it is there. */
  private async opens(path: string, mode = 'r'): Promise<boolean> {
    const handle = await openFile(this.guest, path, mode);
    if (handle === undefined) return false;
    // An agent that was restarted in between has closed it.
    await this.guest.agent.execute('guest-file-close', { handle }).catch(() => {});
    return true;
  }
}

/** Writes a file, complete or not at all. See `Instance.put`. */
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

/** The kernel's id of this boot. */
export async function bootId(agent: GuestAgent, timeoutMs = 10_000): Promise<string> {
  const handle = await agent.execute(
    'guest-file-open',
    { path: '/proc/sys/kernel/random/boot_id', mode: 'r' },
    timeoutMs,
  );
  try {
    const { 'buf-b64': data } = await agent.execute('guest-file-read', { handle, count: 64 }, timeoutMs);
    return Buffer.from(data, 'base64').toString('utf8').trim().slice(0, 100);
  } finally {
    await agent.execute('guest-file-close', { handle }).catch(() => {});
  }
}
