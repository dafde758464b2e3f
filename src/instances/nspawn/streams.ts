/** Runs commands with streams in a container, through named pipes that systemd-run passes on. */
import { readScript } from '../../platform/scripts.ts';
import { closeSync, constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { sleep } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { NOTHING_INHERITED, run, start } from '../../platform/processes.ts';
import { InstanceError, type StreamedCommand, type StreamRequest } from '../instance.ts';
import { endMarker, endOf, HANG_UP, MarkedOutput, markedCommand } from '../streams.ts';
import { unitLines } from '../unit-words.ts';
import { commandWords, INSIDE_DIRECTORY, unitArguments, wordsFile } from './arguments.ts';
import { atTheDoor, enter, type Container } from './door.ts';
import { killUnit } from './kill.ts';

/** How long to wait for a command after its user has disconnected, in milliseconds. */
const HANG_UP_MS = 5000;
/**
 * How long an output may be silent after the command's end before its marker is no longer expected, in milliseconds.
 */
const LOST_MS = 2000;

const PUT_WORDS = readScript(import.meta.url, 'put-words.sh');

/** Starts a command. See `Instance.open`. */
export async function openCommand(container: Container, request: StreamRequest): Promise<StreamedCommand> {
  const id = newUuid();
  const unit = `ingot-${id}`;
  const files = `${INSIDE_DIRECTORY}/${unit}`;
  const pipes = await openPipes(container.directory, unit);
  let ended = false;
  let leave = (): void => {};
  try {
    const words = unitLines(
      commandWords(markedCommand(request.argv, { id, files, cwd: request.cwd ?? '/' }), '/', request.env),
    );
    const entered = enter(container, [
      '/bin/sh',
      '-c',
      PUT_WORDS,
      'sh',
      wordsFile(unit),
      ...unitArguments({ unit, user: 'root' }),
    ]);
    ({ leave } = entered);
    const client = await start(entered.command, {
      env: NOTHING_INHERITED,
      stdio: [...pipes.childEnds, 'pipe'],
      detached: true,
    });
    client.more[0]!.on('error', () => {}); // The reader has ended; the exit code below says how.
    client.more[0]!.end(words);
    const [stdout, stderr] = [new MarkedOutput(endMarker(id)), new MarkedOutput(endMarker(id))];
    pipes.stdout.pipe(stdout);
    pipes.stderr.pipe(stderr);
    const gone = client.exited.then(async () => {
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
      return container.alive()
        ? new InstanceError('the command was killed, or ended without a result')
        : container.whatHappened();
    });
    const end = endOf(stdout, gone).finally(() => {
      ended = true;
      // Its own marker comes first; later output is dropped.
      if (!stderr.complete) setTimeout(() => stderr.end(), 200).unref();
      for (const socket of [pipes.stdin, pipes.stdout, pipes.stderr]) socket.unref();
      pipes.stdin.destroy();
      void atTheDoor(container, ['rm', '-f', `${files}.status`, `${files}.words`, `${files}.pid`, `${files}.tty`], {
        okCodes: 'any',
      }).catch(() => {});
      // systemd reports the end to its client, unless the client has lost the connection.
      void Promise.race([client.exited, sleep(patient(LOST_MS))]).then(leave);
    });
    return {
      files,
      stdin: pipes.stdin,
      stdout,
      stderr,
      ended: end,
      async hangUp() {
        if (ended) return;
        await atTheDoor(container, ['/bin/sh', '-c', HANG_UP, 'sh', files], { okCodes: 'any' }).catch(() => {});
        for (let waited = 0; waited < patient(HANG_UP_MS) && !ended; waited += 50) await sleep(50);
        if (!ended) await killUnit(container, unit, () => ended);
      },
    };
  } catch (error) {
    for (const socket of [pipes.stdin, pipes.stdout, pipes.stderr]) socket.destroy();
    leave();
    if (error instanceof InstanceError || container.alive()) throw error;
    throw await container.whatHappened();
  } finally {
    for (const fd of pipes.childEnds) closeSync(fd);
  }
}

interface StreamPipes {
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** The command's ends of the pipes; the caller closes them once it has started. */
  readonly childEnds: readonly [number, number, number];
}

/** Opens named pipes, because `/dev/stderr` cannot be opened if it is a socket. Their names are removed at once. */
async function openPipes(directory: string, unit: string): Promise<StreamPipes> {
  const paths = ['in', 'out', 'err'].map((name) => `${directory}/${unit}.${name}`) as [string, string, string];
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
    return {
      stdin,
      stdout,
      stderr,
      childEnds: [input, openSync(paths[1], constants.O_WRONLY), openSync(paths[2], constants.O_WRONLY)],
    };
  } finally {
    for (const path of paths) await rm(path, { force: true });
  }
}
