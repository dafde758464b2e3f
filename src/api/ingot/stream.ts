/** Answers that flow: one JSON object to a line, or plain text. */
import { Readable } from 'node:stream';
import { logger } from '../../platform/log.ts';
import { ApiError } from '../../resources/errors.ts';
import type { IngotAnswer } from './route.ts';

/**
 * Clients give up on a connection that is silent for minutes. White space before a line changes nothing for one who
 * reads JSON.
 */
const HEARTBEAT_MS = 30_000;
/** What a stream holds for a client that reads more slowly than a command prints. Beyond it the command is ended. */
export const STREAM_BUFFER_LIMIT = 64 << 20;

/** Streams records as they arrive. An error after the beginning is the last line: `{"error":"…"}`. */
export function ndjson(records: AsyncIterable<object>, signal: AbortSignal): IngotAnswer {
  const sink = lines(signal);
  void (async () => {
    try {
      for await (const record of records) {
        if (signal.aborted) return;
        await sink.write(record);
      }
    } catch (error) {
      if (!signal.aborted) await sink.write({ error: messageOf(error) });
    } finally {
      sink.end();
    }
  })();
  return sink.answer;
}

/** Where lines of JSON are written that a client reads. */
export interface LineSink {
  readonly answer: IngotAnswer;
  /** Bytes that the client has not read yet. */
  readonly waiting: () => number;
  /** Settles when the next can be written; never rejects. Nothing is written once the client has disconnected. */
  write(record: object): Promise<void>;
  end(): void;
}

/** A stream of lines to a client. */
export function lines(signal: AbortSignal): LineSink {
  let room: (() => void) | undefined;
  const stream = new Readable({
    highWaterMark: 1 << 18,
    read() {
      room?.();
      room = undefined;
    },
  });
  let open = true;
  const end = (): void => {
    if (!open) return;
    open = false;
    clearInterval(heartbeat);
    signal.removeEventListener('abort', end);
    room?.();
    stream.push(null);
  };
  const heartbeat = setInterval(() => stream.push(' '), HEARTBEAT_MS);
  heartbeat.unref();
  signal.addEventListener('abort', end, { once: true });
  stream.once('close', end);
  if (signal.aborted) end();
  return {
    answer: { stream, type: 'application/x-ndjson' },
    waiting: () => stream.readableLength,
    async write(record) {
      if (!open || stream.push(`${JSON.stringify(record)}\n`)) return;
      await new Promise<void>((resolve) => (room = resolve));
    },
    end,
  };
}

/** What a client gets of an error in the middle of a stream. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  logger().error({ err: error }, 'a stream failed');
  return "The stream ended because of an internal error. The server's log says more.";
}
