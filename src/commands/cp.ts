/** `ingot cp`. */
import { createWriteStream } from 'node:fs';
import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, posix, resolve } from 'node:path';
import { PassThrough, Writable, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WebSocket } from 'ws';
import { signedSocket, type Connection } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { CommandFailed, instanceIdOf, WrongUse, type Arguments, type Command } from './command.ts';
import { packed } from './cp/pack.ts';
import { openDestination, placeCopy, withStage } from './cp/place.ts';
import { entriesOf, unpack } from './cp/unpack.ts';
import { catchInterrupt, type Interrupt } from './interrupt.ts';
import { followSession, sendInput, tellSession } from './session.ts';
import { plainLine } from './text.ts';

export const cp: Command = {
  usage: 'cp [OPTIONS] SOURCE DESTINATION',
  about: `
Copies a file or folder to or from a launched or kept instance. One side is INSTANCE-ID:/PATH, and the other is a
local path or - for stdin or stdout (one file only).

If the destination is an existing folder, the copy goes into it under its own name. Otherwise the destination is the
new name of the copy. A folder is merged into an existing folder of the same name. Nothing is written until everything
has arrived.

Copies from an instance never write through a symbolic link at the destination. A file replaces the link; a folder is
rejected.

Permissions and times are kept. Files copied in belong to root; files copied out belong to you.`,
  options: {
    archive: { short: 'a', help: 'also keep numeric owners and set-user-ID and set-group-ID bits' },
    ...CLIENT_OPTIONS,
  },
  examples: ['ingot cp site/ i-0123456789abcdef0:/var/www/html', 'ingot cp i-0123456789abcdef0:/var/log/nginx .'],
  positionals: ['SOURCE', 'DESTINATION'],
  run,
};

interface Remote {
  readonly id: string;
  /** Absolute path. */
  readonly path: string;
}

/** The state of one run of the command. */
interface Run {
  readonly connection: Connection;
  readonly archive: boolean;
  readonly interrupt: Interrupt;
}

async function run(args: Arguments): Promise<number> {
  const [source, destination] = args.positionals as [string, string];
  const from = remoteOf(source);
  const to = remoteOf(destination);
  if ((from === undefined) === (to === undefined))
    throw new WrongUse(
      'exactly one of SOURCE and DESTINATION must be INSTANCE-ID:/PATH, but ' +
        `${from === undefined ? 'neither is' : 'both are'}`,
    );
  if (to !== undefined && source !== '-')
    await lstat(source).catch((error: unknown) => {
      throw localError(source, error);
    });
  const connection = await connect(args);
  const interrupt = catchInterrupt(() => {});
  try {
    const context = { connection, archive: args.flag('archive'), interrupt };
    if (to !== undefined) await put(context, source, to);
    else if (destination === '-') await print(context, from!);
    else await get(context, from!, destination);
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) return interrupt.exitCode;
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? error
      : localError((error as NodeJS.ErrnoException).path ?? '', error);
  } finally {
    interrupt.release();
  }
}

function remoteOf(text: string): Remote | undefined {
  const parts = /^(i-[^:/]*):(.*)$/s.exec(text);
  if (parts === null) return undefined;
  if (!parts[2]!.startsWith('/')) throw new WrongUse(`invalid path '${text}': a path in an instance must start with /`);
  return { id: instanceIdOf(parts[1]!), path: parts[2]! };
}

function localError(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return new CommandFailed(
    code === 'ENOENT' ? `${path} does not exist` : code === 'ECONNREFUSED' ? message : `${path}: ${message}`,
  );
}

const skipped = (path: string): void =>
  void process.stderr.write(`ingot: skipped ${plainLine(path)}: neither a file nor a folder nor a link\n`);

async function put({ connection, archive, interrupt }: Run, source: string, to: Remote): Promise<void> {
  // An archive contains the size of a file before its first byte.
  const spool = source === '-' ? await mkdtemp(join(tmpdir(), 'ingot-cp-')) : undefined;
  try {
    const path = spool === undefined ? resolve(source) : join(spool, 'stdin');
    if (spool !== undefined) await pipeline(process.stdin, createWriteStream(path), { signal: interrupt.signal });
    const name = spool === undefined ? basename(path) : '';
    const socket = await openCopy(connection, to, 'put', interrupt, {
      path: to.path,
      ...(name === '' ? {} : { name }),
    });
    const tar = packed(path, { archive, skipped });
    const sending = (async () => {
      for await (const chunk of tar) await sendInput(socket, chunk as Buffer);
      tellSession(socket, { end: true });
    })();
    // A source that cannot be read ends the copy; the instance then sees a truncated archive.
    const unreadable = new Promise<never>(
      (_resolve, reject) =>
        void sending.catch((error: unknown) => {
          socket.terminate();
          reject(error as Error);
        }),
    );
    await Promise.race([finish(socket, () => {}), unreadable]);
  } finally {
    if (spool !== undefined) await rm(spool, { recursive: true, force: true });
  }
}

async function get(run: Run, from: Remote, destination: string): Promise<void> {
  // Without `.` and `..`, which are not names.
  const place = await openDestination(destination, basename(posix.normalize(from.path)) || from.id);
  try {
    await withStage(place.folder, async (stage) => {
      const options = { archive: run.archive, owner: invoker(), skipped };
      await receive(run, from, (tar) => unpack(tar, join(stage, 'it'), options));
      run.interrupt.signal.throwIfAborted();
      await placeCopy(stage, 'it', place);
    });
  } finally {
    await place.folder.close();
  }
}

/** Prints one file to stdout. */
async function print(run: Run, from: Remote): Promise<void> {
  await receive(run, from, async (tar) => {
    let files = 0;
    for await (const entry of entriesOf(tar)) {
      if (entry.header.type !== 'file' || ++files > 1) {
        throw new CommandFailed(`${from.path} is not a file: only a file can be copied to stdout`);
      }
      const write = (chunk: Buffer, _encoding: BufferEncoding, done: () => void): void =>
        void process.stdout.write(chunk, done);
      await entry.write(new Writable({ write }));
    }
  });
}

/** Passes the archive of a path in an instance to a reader. Both must succeed. */
async function receive(
  { connection, interrupt }: Run,
  from: Remote,
  take: (tar: Readable) => Promise<void>,
): Promise<void> {
  const socket = await openCopy(connection, from, 'get', interrupt, { path: from.path });
  const tar = new PassThrough({ highWaterMark: 1 << 20 });
  const taking = take(tar);
  let failure: unknown;
  taking.catch((error: unknown) => {
    failure = error;
    socket.terminate();
  });
  try {
    await finish(socket, (bytes) => (tar.destroyed || tar.write(bytes) ? undefined : drained(tar)));
  } catch (error) {
    const cause = failure ?? error;
    tar.destroy(error as Error);
    await taking.catch(() => {});
    throw cause;
  }
  tar.end();
  await taking;
}

/** Resolves when the buffer has space again, or its reader has gone. */
function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

async function openCopy(
  connection: Connection,
  { id }: Remote,
  way: 'get' | 'put',
  interrupt: Interrupt,
  query: Readonly<Record<string, string>>,
): Promise<WebSocket> {
  const socket = await signedSocket(connection, { path: `/ingot/instances/${id}/${way}`, query });
  interrupt.signal.addEventListener('abort', () => socket.terminate(), { once: true });
  if (interrupt.signal.aborted) socket.terminate();
  return socket;
}

/** Follows a copy to its end. @throws {CommandFailed} with the instance's message if it failed */
async function finish(socket: WebSocket, onBytes: (bytes: Buffer) => Promise<void> | void): Promise<void> {
  let said = '';
  const exitCode = await followSession(socket, {
    output(stream, bytes) {
      if (stream === 'stdout') return onBytes(bytes);
      said = `${said}${bytes.toString('utf8')}`.slice(-8192);
      return undefined;
    },
  });
  const lines = said
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map(plainLine);
  if (exitCode !== 0)
    throw new CommandFailed(lines.slice(-5).join('\n') || `the copy failed in the instance with exit code ${exitCode}`);
  for (const line of lines) process.stderr.write(`ingot: ${line}\n`);
}

/** The owner of copied files: the user who ran the command, also with sudo. */
function invoker(): { readonly uid: number; readonly gid: number } | undefined {
  const [uid, gid] = [Number(process.env['SUDO_UID']), Number(process.env['SUDO_GID'])];
  return process.getuid?.() === 0 && uid > 0 && gid > 0 ? { uid, gid } : undefined;
}
