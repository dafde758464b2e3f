/** Named pipes as streams of a command, for drivers whose commands are children of this process. */
import { closeSync, constants, openSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { sleep } from '../platform/clock.ts';
import { newUuid } from '../platform/ids.ts';
import { patient } from '../platform/patience.ts';
import { run } from '../platform/processes.ts';
import type { CommandRequest } from './instance.ts';

/**
 * How long a pipe is read after its writers closed it, in milliseconds. Longer than a scheduling delay, shorter than a
 * user's patience.
 */
const DRAIN_MS = 500;
/**
 * Maximum bytes that are read and dropped from processes that a command left running. One that prints without end would
 * use up this process's time.
 */
const LEFT_BYTES = 64 << 20;
/** Number of pairs of pipes that one run of mkfifo creates. */
const PAIRS = 16;

/** The three streams of a command. */
export interface Pipes {
  /** The command's ends as file descriptors. */
  readonly stdio: readonly ['ignore' | number, number, number];
  /** Closes the command's ends in this process, once the command has them. */
  started(): void;
  /** Waits until everything was read, or half a second if another process still holds the pipes open. */
  drained(): Promise<void>;
  /**
   * Keeps reading and drops the data, so that processes that the command left running are not killed by their next
   * line; at most `LEFT_BYTES`.
   */
  leave(): void;
  abandon(): void;
}

/**
 * Opens named pipes for output instead of Node's socket pairs: scripts write to `/dev/stderr`, and a socket cannot be
 * opened by name. Input is a file for the same reason: opening a named pipe for reading waits for a writer, which may
 * have ended. Every user in the container may open them, hence the mode; on the host their directory is not accessible.
 */
export async function openPipes(
  directory: string,
  name: string,
  request: Pick<CommandRequest, 'stdin' | 'onOutput'>,
): Promise<Pipes> {
  const paths = await namedPipes(directory);
  const input = request.stdin === undefined ? undefined : `${directory}/${name}.in`;
  const childEnds: number[] = [];
  const closeChildEnds = (): void => {
    for (const fd of childEnds.splice(0)) closeSync(fd);
  };
  const outputs: Socket[] = [];
  try {
    for (const path of paths) {
      // The reader opens first, without waiting for a writer; the command's end must be a blocking one.
      outputs.push(
        new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false }),
      );
      childEnds.push(openSync(path, constants.O_WRONLY));
    }
    if (input !== undefined) {
      await writeFile(input, request.stdin!, { mode: 0o600 });
      await chmod(input, 0o644); // Independent of the umask.
      childEnds.push(openSync(input, constants.O_RDONLY));
    }
  } catch (error) {
    closeChildEnds();
    for (const socket of outputs) socket.destroy();
    throw error;
  } finally {
    for (const path of [...paths, ...(input === undefined ? [] : [input])]) await rm(path, { force: true });
  }
  let listening = true;
  let dropped = 0;
  let open = outputs.length;
  const { promise: closed, resolve: allClosed } = Promise.withResolvers<void>();
  for (const [index, socket] of outputs.entries()) {
    const stream = index === 0 ? 'stdout' : 'stderr';
    socket.on('data', (chunk: Buffer) => {
      if (listening) request.onOutput?.(stream, chunk);
      else if ((dropped += chunk.length) > LEFT_BYTES) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (--open === 0) allClosed();
    });
  }
  return {
    stdio: [childEnds[2] ?? 'ignore', childEnds[0]!, childEnds[1]!],
    started: closeChildEnds,
    async drained() {
      // In small steps, so that the event loop can read in between: a busy process must not lose the end of an output.
      for (let left = patient(DRAIN_MS); open > 0 && left > 0; left -= 10) await Promise.race([closed, sleep(10)]);
    },
    leave() {
      listening = false;
      for (const socket of outputs) socket.unref();
    },
    abandon() {
      closeChildEnds();
      for (const socket of outputs) socket.destroy();
    },
  };
}

/** Unused pipes by directory. They are removed with it. */
const prepared = new Map<string, string[]>();

/** Two new named pipes. Many are created at once, because starting mkfifo takes longer than many commands. */
async function namedPipes(directory: string): Promise<readonly string[]> {
  const there = prepared.get(directory) ?? [];
  if (there.length === 0) {
    const made = Array.from({ length: 2 * PAIRS }, () => `${directory}/${newUuid()}.pipe`);
    await run(['mkfifo', '--mode=0666', ...made]);
    there.push(...made);
    prepared.set(directory, there);
  }
  return there.splice(-2);
}
