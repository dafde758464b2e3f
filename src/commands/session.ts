/** The client's side of a session: a command in an instance with its streams. */
import { WebSocket } from 'ws';
import { CommandFailed } from './command.ts';

/** Maximum bytes that wait to be sent; above it, writers wait. */
const WAITING_LIMIT = 1 << 20;
/** Maximum bytes of one message; the server accepts 1 MiB. */
const MESSAGE_BYTES = 256 << 10;

/** The events of a session. */
export interface SessionEvents {
  /** The server's message about the session, before its data. */
  begin?(session: { readonly terminal: boolean }): void;
  /** Bytes of an output. The session waits for the returned promise before the next ones. */
  output(stream: 'stdout' | 'stderr', bytes: Buffer): Promise<void> | void;
}

/**
 * Follows a session to its end.
 * @param socket paused, from `signedSocket`
 * @returns the exit code
 * @throws {CommandFailed} with the server's message, or if the connection broke
 */
export async function followSession(socket: WebSocket, events: SessionEvents): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let turn: Promise<void> = Promise.resolve();
  const next = (work: () => Promise<void> | void): void => {
    socket.pause();
    turn = turn.then(work).then(() => socket.resume(), reject);
  };
  socket.on('message', (data: Buffer, binary: boolean) =>
    next(() => {
      if (binary && (data[0] === 1 || data[0] === 2)) {
        return events.output(data[0] === 1 ? 'stdout' : 'stderr', data.subarray(1));
      }
      const message = binary ? undefined : readMessage(data.toString('utf8'));
      if (typeof message?.terminal === 'boolean') return events.begin?.({ terminal: message.terminal });
      if (typeof message?.error === 'string') return reject(new CommandFailed(message.error));
      if (Number.isInteger(message?.exitCode)) return resolve(message!.exitCode as number);
      if (message?.exitCode === null) return resolve(1);
      socket.terminate();
      return reject(new CommandFailed('the server sent a message that no Ingot server of this version sends'));
    }),
  );
  socket.on('error', (error) => reject(new CommandFailed(`the connection to the server broke: ${error.message}`)));
  socket.on('close', (_code, reason) =>
    next(() =>
      reject(new CommandFailed(`the connection to the server ended: ${reason.toString('utf8') || 'it broke'}`)),
    ),
  );
  if (socket.readyState === WebSocket.CLOSED) reject(new CommandFailed('the connection to the server broke'));
  socket.resume();
  return promise;
}

/** The members of a message, unvalidated; `undefined` if it is not a JSON object. */
function readMessage(
  text: string,
): { readonly terminal?: unknown; readonly exitCode?: unknown; readonly error?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Sends bytes to the command's stdin; resolves when more can be sent. */
export async function sendInput(socket: WebSocket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) {
    if (socket.readyState !== WebSocket.OPEN) return;
    const sent = new Promise<void>((resolve) =>
      socket.send(bytes.subarray(at, at + MESSAGE_BYTES), { binary: true }, () => resolve()),
    );
    if (socket.bufferedAmount > WAITING_LIMIT) await sent;
  }
}

/** Sends a message about the session: the end of the input, or a new size. */
export function tellSession(
  socket: WebSocket,
  message: { readonly end: true } | { readonly resize: { readonly rows: number; readonly columns: number } },
): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}
