/**
 * Runs commands with streams in a guest: each through three ports that are hot-plugged, started through the guest
 * agent.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { sleep } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import { InstanceError, type StreamedCommand, type StreamRequest } from '../instance.ts';
import { endMarker, endOf, HANG_UP, MarkedOutput, markedCommand } from '../streams.ts';
import { unitWord } from '../unit-words.ts';
import type { Guest } from './guest.ts';
import { agentExec, said } from './guest-agent.ts';
import { GUEST_DIRECTORY, KILLER, STREAM_LAUNCHER, STREAM_UNIT } from './guest-scripts.ts';
import { isPortOpen, plugPorts, unplugPorts, type WithQmp } from './ports.ts';

/** Time limit of the start, for an emulated machine under load, in milliseconds. */
const START_MS = 120_000;
/** Time between checks whether the guest still has the ports open. */
const WATCH_MS = 2000;
/** How long the guest may take to open them, in milliseconds. */
const OPEN_MS = 60_000;
const HANG_UP_MS = 30_000;
/** Largest frame of input: each frame starts a program in the guest. */
const FRAME_BYTES = 1 << 20;

/** Starts a command. See `Instance.open`. */
export async function openInGuest(
  guest: Guest,
  withQmp: WithQmp,
  directory: string,
  request: StreamRequest,
): Promise<StreamedCommand> {
  const id = randomBytes(8).toString('hex');
  const files = `${GUEST_DIRECTORY}/${id}`;
  const ports = ['in', 'out', 'err'].map((name) => `${id}.${name}`);
  let sockets: readonly Socket[] = [];
  let ended = false;
  const close = async (): Promise<void> => {
    ended = true;
    for (const socket of sockets) socket.destroy();
    await unplugPorts(withQmp, ports).catch(() => {}); // The guest may be ending, and they end with it.
  };
  try {
    sockets = await plugPorts(withQmp, directory, ports);
    const argv = ['/bin/sh', '-c', STREAM_LAUNCHER, 'sh', ...streamArguments(id, files, request)];
    const started = await agentExec(guest.agent, argv, { timeoutMs: START_MS });
    if (started.exitCode !== 0)
      throw new Error(`the instance could not start the command: ${said(started) || `exit code ${started.exitCode}`}`);
  } catch (error) {
    await close();
    throw error;
  }
  const [input, output, errors] = sockets as [Socket, Socket, Socket];
  const [stdout, stderr] = [new MarkedOutput(endMarker(id)), new MarkedOutput(endMarker(id))];
  output.pipe(stdout);
  errors.pipe(stderr);
  const done = endOf(
    stdout,
    lost(guest, withQmp, ports[1]!, output, () => ended || stdout.complete),
  ).finally(() => {
    if (!stderr.complete) setTimeout(() => stderr.end(), 200).unref();
    // Data that has arrived may still be read.
    setTimeout(() => void close(), 300);
    ended = true;
  });
  return {
    files,
    stdin: request.inputEnds ? framed(input) : input,
    stdout,
    stderr,
    ended: done,
    async hangUp() {
      if (ended) return;
      await agentExec(guest.agent, ['/bin/sh', '-c', HANG_UP, 'sh', files]).catch(() => {});
      for (let waited = 0; waited < patient(HANG_UP_MS) && !ended; waited += 50) await sleep(50);
      if (!ended) await agentExec(guest.agent, ['/bin/sh', '-c', KILLER, 'sh', id]).catch(() => {});
    },
  };
}

/** The arguments of the launcher: see `STREAM_LAUNCHER`. Exported for its test. */
function streamArguments(id: string, files: string, request: StreamRequest): string[] {
  const env = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const unit = [
    '/bin/sh',
    '-c',
    STREAM_UNIT,
    'sh',
    files,
    request.inputEnds ? 'framed' : 'raw',
    ...markedCommand(request.argv, { id, files, cwd: request.cwd ?? '/' }),
  ];
  for (const text of [...unit, ...env]) if (text.includes('\0')) throw new Error('a command holds a NUL character');
  return [id, String(env.length), ...env, ...unit.map(unitWord)];
}

/**
 * Sends input as frames, `LENGTH\n` and as many bytes, with an empty one at its end, because closing a port loses what
 * the guest has not read.
 */
function framed(socket: Socket): Writable {
  const frame = (data: Buffer, done: (error?: Error | null) => void): void => {
    socket.write(`${data.length}\n`);
    socket.write(data, done);
  };
  return new Writable({
    highWaterMark: FRAME_BYTES,
    write: (chunk: Buffer, _encoding, done) => (chunk.length === 0 ? done() : frame(chunk, done)),
    writev: (chunks, done) => frame(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
    final: (done) => void socket.write('0\n', done),
  }).on('error', () => {});
}

/**
 * Resolves with the reason when the command can send no more output: QEMU is gone, or nothing in the guest has its
 * output open.
 */
async function lost(
  guest: Guest,
  withQmp: WithQmp,
  port: string,
  output: Socket,
  ended: () => boolean,
): Promise<Error> {
  let opened = false;
  const started = Date.now();
  for (let closed = 0; !ended(); ) {
    await sleep(output.closed ? 0 : WATCH_MS);
    try {
      guest.check();
    } catch (error) {
      return new InstanceError((error as Error).message);
    }
    // A guest that cannot be queried now (during a snapshot) is queried the next time; an unread output has not ended.
    const open = await isPortOpen(withQmp, port).catch(() => true);
    opened ||= open;
    closed = !open && (opened || Date.now() - started > OPEN_MS) && output.readableLength === 0 ? closed + 1 : 0;
    if (closed > 1 || output.closed)
      return new InstanceError('the command was killed, or the instance was restarted while it ran');
  }
  return new InstanceError('the command has ended');
}
