/** The streams of one command in a container as named pipes, for drivers whose commands are this process's children. */
import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { sleep } from '../platform/clock.ts';
import { patient } from '../platform/patience.ts';
import { run } from '../platform/processes.ts';
import { endMarker, endOf, MarkedOutput } from './streams.ts';

/**
 * How long an output may be silent after the command's end before its marker is no longer expected, in milliseconds.
 */
const LOST_MS = 2000;

/** The three streams of a `markedCommand`. */
export interface StreamPipes {
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** The command's ends of the pipes; `started` closes them in this process. */
  readonly childEnds: readonly [number, number, number];
  started(): void;
  abandon(): void;
}

/** Opens named pipes, because `/dev/stderr` cannot be opened if it is a socket. Their names are removed at once. */
export async function openStreamPipes(directory: string, name: string): Promise<StreamPipes> {
  const paths = ['in', 'out', 'err'].map((end) => `${directory}/${name}.${end}`) as [string, string, string];
  try {
    await run(['mkfifo', '--mode=0666', ...paths]);
    const reader = (path: string): Socket =>
      new Socket({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
    // Opened for reading and writing first: either end alone would wait for the other, and the command's end must not
    // be non-blocking.
    const both = openSync(paths[0], constants.O_RDWR | constants.O_NONBLOCK);
    const input = openSync(paths[0], constants.O_RDONLY);
    const stdin = new Socket({
      fd: openSync(paths[0], constants.O_WRONLY | constants.O_NONBLOCK),
      readable: false,
      writable: true,
    });
    closeSync(both);
    const [stdout, stderr] = [reader(paths[1]), reader(paths[2])];
    for (const socket of [stdin, stdout, stderr]) socket.on('error', () => {});
    const childEnds = [input, openSync(paths[1], constants.O_WRONLY), openSync(paths[2], constants.O_WRONLY)] as const;
    return {
      stdin,
      stdout,
      stderr,
      childEnds: [...childEnds],
      started() {
        for (const fd of childEnds) closeSync(fd);
      },
      abandon() {
        for (const socket of [stdin, stdout, stderr]) socket.destroy();
      },
    };
  } finally {
    for (const path of paths) await rm(path, { force: true });
  }
}

/** What the outputs of a `markedCommand` say. */
export interface MarkedStreams {
  readonly stdout: MarkedOutput;
  readonly stderr: MarkedOutput;
  /** The exit code. Rejects with what `lost` returns if the command ended without its marker. */
  readonly ended: Promise<number>;
}

/**
 * Reads the outputs of a `markedCommand` up to its markers.
 * @param command.id as for `markedCommand`
 * @param command.exited resolves when the process that passes the command on has ended
 * @param command.lost the reason for an end without a marker
 */
export function markedStreams(
  pipes: StreamPipes,
  command: { readonly id: string; readonly exited: Promise<unknown>; readonly lost: () => Promise<Error> },
): MarkedStreams {
  const [stdout, stderr] = [new MarkedOutput(endMarker(command.id)), new MarkedOutput(endMarker(command.id))];
  pipes.stdout.pipe(stdout);
  pipes.stderr.pipe(stderr);
  const gone = command.exited.then(async () => {
    // Processes that the command left running may hold the pipes open, and a slow reader may not have reached the
    // marker yet.
    for (
      let silent = 0, read = -1;
      silent < patient(LOST_MS) && !stdout.complete && !pipes.stdout.closed;
      silent += 50
    ) {
      await sleep(50);
      if (pipes.stdout.bytesRead !== read || stdout.writableNeedDrain) silent = 0;
      read = pipes.stdout.bytesRead;
    }
    return command.lost();
  });
  const ended = endOf(stdout, gone).finally(() => {
    // Its own marker comes first; later output is dropped.
    if (!stderr.complete) setTimeout(() => stderr.end(), 200).unref();
    for (const socket of [pipes.stdin, pipes.stdout, pipes.stderr]) socket.unref();
    pipes.stdin.destroy();
  });
  return { stdout, stderr, ended };
}
