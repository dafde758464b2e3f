/** `ingot shell`. */
import type { WebSocket } from 'ws';
import { signedSocket } from '../platform/api-client.ts';
import { CLIENT_OPTIONS, connect } from './client.ts';
import { instanceIdOf, type Arguments, type Command } from './command.ts';
import { followSession, sendInput, tellSession } from './session.ts';

export const shell: Command = {
  usage: 'shell [OPTIONS] INSTANCE-ID',
  about: `
Opens a root login shell in a launched or kept instance. On a terminal, the shell gets a terminal of the same size, and
Ctrl-C goes to the program in the instance. Press Ctrl-] three times within a second to leave at any time.

If stdin is not a terminal, the shell runs stdin as a script. The command exits with the shell's exit code.`,
  options: CLIENT_OPTIONS,
  examples: ['ingot shell i-0123456789abcdef0', 'ingot shell i-0123456789abcdef0 <script.sh'],
  positionals: ['INSTANCE-ID'],
  run,
};

/**
 * Ctrl-]: pressing it three times within `LEAVE_MS` leaves, as in machinectl. The escape of ssh would end an ssh
 * session around this one.
 */
const LEAVE_KEY = 0x1d;
const LEAVE_MS = 1000;
/** Exit code of a shell that the user left. */
const LEFT = 130;

async function run(args: Arguments): Promise<number> {
  const id = instanceIdOf(args.positionals[0]!);
  const connection = await connect(args);
  const onTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const size: Readonly<Record<string, string>> = onTerminal
    ? { rows: String(process.stdout.rows || 24), columns: String(process.stdout.columns || 80) }
    : {};
  const socket = await signedSocket(connection, {
    path: `/ingot/instances/${id}/shell`,
    query: { ...size, term: process.env['TERM'] || 'dumb' },
  });
  return onTerminal ? interact(socket) : feed(socket);
}

/**
 * Runs until the shell ends, or its user leaves: keys are passed on unchanged. The terminal is restored in any case.
 */
async function interact(socket: WebSocket): Promise<number> {
  const { stdin, stdout } = process;
  const restore = (): void => void (stdin.isTTY && stdin.setRawMode(false));
  const end = (): void => process.exit(LEFT);
  let raw = false;
  let left = false;
  const leave = leaveKeys(() => {
    left = true;
    socket.close();
  });
  const onInput = (bytes: Buffer): void => {
    if (raw) leave(bytes);
    if (!left) void sendInput(socket, bytes);
  };
  const onEnd = (): void => tellSession(socket, { end: true });
  const onResize = (): void => tellSession(socket, { resize: { rows: stdout.rows, columns: stdout.columns } });
  // A closed terminal, or a kill, must not leave the user's terminal in raw mode.
  process.once('exit', restore);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  try {
    return await followSession(socket, {
      begin({ terminal }) {
        raw = terminal;
        if (raw) stdin.setRawMode(true);
        else
          process.stderr.write(
            "ingot: the instance has no program 'script' (package bsdutils or util-linux), so that this is a shell " +
              'without a terminal:\ningot: it has no prompt, takes whole lines, and Ctrl-C leaves it\n',
          );
        stdin.on('data', onInput);
        stdin.on('end', onEnd);
        stdout.on('resize', onResize);
      },
      output: print,
    });
  } catch (error) {
    if (!left) throw error;
    restore();
    process.stderr.write('\ningot: left the shell\n');
    return LEFT;
  } finally {
    restore();
    stdin.off('data', onInput);
    stdin.off('end', onEnd);
    stdout.off('resize', onResize);
    stdin.pause();
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
    process.off('exit', restore);
  }
}

/** Watches for the keys that leave. */
function leaveKeys(leave: () => void): (bytes: Buffer) => void {
  let pressed: number[] = [];
  return (bytes) => {
    for (const byte of bytes) {
      pressed = byte === LEAVE_KEY ? [...pressed, Date.now()].slice(-3) : [];
      if (pressed.length === 3 && pressed[2]! - pressed[0]! <= LEAVE_MS) leave();
    }
  };
}

/** Sends all of stdin to the shell, and its end. */
async function feed(socket: WebSocket): Promise<number> {
  const { stdin } = process;
  let ended = false;
  const feeding = (async () => {
    for await (const chunk of stdin) {
      if (ended) return;
      await sendInput(socket, chunk as Buffer);
    }
    tellSession(socket, { end: true });
  })();
  feeding.catch(() => {}); // Stdin broke: the shell gets no more of it.
  try {
    return await followSession(socket, { output: print });
  } finally {
    ended = true;
    stdin.destroy();
  }
}

/** Waits for a slow reader, so that output does not pile up. */
async function print(stream: 'stdout' | 'stderr', bytes: Buffer): Promise<void> {
  if (!process[stream].write(bytes)) await new Promise((resolve) => process[stream].once('drain', resolve));
}
