/**
 * A command's streams over a WebSocket. Binary messages are bytes: from the client stdin, from the server one byte for
 * the stream (1 stdout, 2 stderr) followed by its data. Text messages are JSON: the server sends `{"terminal"}` first
 * and the result last; the client sends `{"resize"}` and `{"end"}`.
 */
import type { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Session } from '../../launches/types.ts';
import { logger } from '../../platform/log.ts';
import { messageOf } from './stream.ts';

/** A client that does not answer pings for this long counts as disconnected. */
const PING_MS = 30_000;
/** WebSocket's close codes for a normal end and for a server that shuts down. */
const DONE = 1000;
const GOING_AWAY = 1001;

/**
 * Serves a session until it ends. When the client disconnects, or `closing` aborts, the command gets SIGHUP.
 * @param open begins the session; an error that it throws is sent to the client
 */
export async function serveSession(
  socket: WebSocket,
  open: () => Promise<Session>,
  closing: AbortSignal,
): Promise<void> {
  // An invalid or oversized frame is an `error` event, which without a listener would end the process. `close` follows
  // it.
  socket.on('error', (error) => logger().debug({ err: error }, 'a client broke its WebSocket'));
  socket.pause();
  const stopHeartbeat = heartbeat(socket);
  let session: Session | undefined;
  const leave = (): void => {
    session?.stdin.destroy();
    void session
      ?.hangUp()
      .catch((error: unknown) =>
        logger().warn({ err: error }, 'could not signal a command that its client has disconnected'),
      );
  };
  const goAway = (): void => {
    leave();
    socket.close(GOING_AWAY, 'the server is stopping');
    setTimeout(() => socket.terminate(), 500).unref();
  };
  try {
    session = await open();
    // The command may end while input is being sent.
    session.stdin.on('error', () => {});
    await send(socket, JSON.stringify({ terminal: session.terminal }));
    socket.on('message', (data, binary) => receive(socket, session!, data, binary));
    socket.once('close', leave);
    closing.addEventListener('abort', goAway, { once: true });
    if (socket.readyState !== socket.OPEN || closing.aborted) goAway();
    socket.resume();
    const [exitCode] = await Promise.all([
      session.ended,
      forward(socket, 1, session.stdout),
      forward(socket, 2, session.stderr),
    ]);
    await send(socket, JSON.stringify({ exitCode }));
  } catch (error) {
    leave();
    await send(socket, JSON.stringify({ error: messageOf(error) }));
  } finally {
    socket.off('close', leave);
    closing.removeEventListener('abort', goAway);
    stopHeartbeat();
    socket.resume();
    socket.close(DONE);
  }
}

function receive(socket: WebSocket, session: Session, data: RawData, binary: boolean): void {
  if (binary) {
    if (session.stdin.writable && !session.stdin.write(data)) holdUntilDrained(socket, session.stdin);
    return;
  }
  const message = readMessage(String(data));
  if (message?.end === true) session.stdin.end();
  // A failed resize does not matter; the next one may succeed.
  else if (message?.resize !== undefined) void session.resize(message.resize).catch(() => {});
}

function holdUntilDrained(socket: WebSocket, stdin: Writable): void {
  socket.pause();
  const go = (): void => {
    stdin.off('drain', go);
    stdin.off('close', go);
    socket.resume();
  };
  stdin.on('drain', go);
  stdin.on('close', go);
}

interface ClientMessage {
  readonly end?: true;
  readonly resize?: { readonly rows: number; readonly columns: number };
}

/** Parses a message of the client; unknown ones are `undefined`. */
function readMessage(text: string): ClientMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { end, resize } = (value ?? {}) as { end?: unknown; resize?: { rows?: unknown; columns?: unknown } };
  if (end === true) return { end };
  const [rows, columns] = [Number(resize?.rows), Number(resize?.columns)];
  return isSize(rows) && isSize(columns) ? { resize: { rows, columns } } : undefined;
}

function isSize(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

async function forward(socket: WebSocket, stream: 1 | 2, output: Readable): Promise<void> {
  // Each chunk waits until the previous one was sent, so that nothing piles up for a slow client.
  for await (const chunk of output) await send(socket, Buffer.concat([Buffer.of(stream), chunk as Buffer]));
}

/** Resolves when the message was sent. Never rejects, because a client may disconnect at any time. */
function send(socket: WebSocket, data: string | Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState !== socket.OPEN) return resolve();
    socket.send(data, () => resolve());
  });
}

function heartbeat(socket: WebSocket): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered && !socket.isPaused) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_MS);
  timer.unref();
  return () => clearInterval(timer);
}
