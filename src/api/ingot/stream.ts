/** Streamed responses: one JSON object per line, or plain text. */
import { Readable } from 'node:stream';
import { logger } from '../../platform/log.ts';
import { ApiError } from '../../resources/errors.ts';
import type { IngotAnswer } from './route.ts';

/**
 * Interval of heartbeats. Clients time out after minutes of silence; white space before a line does not affect JSON.
 */
const HEARTBEAT_MS = 30_000;
/**
 * Maximum bytes that are buffered for a client that reads slower than a command prints. Beyond it the command is
 * killed.
 */
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

/** A stream of JSON lines to a client. */
export interface LineSink {
  readonly answer: IngotAnswer;
  /** Bytes that the client has not read yet. */
  readonly waiting: () => number;
  /**
   * Resolves when the next record can be written. Never rejects; after the client has disconnected, records are
   * dropped.
   */
  write(record: object): Promise<void>;
  end(): void;
}

/** Makes a stream of lines to a client. */
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

/** The message for an error in the middle of a stream. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  logger().error({ err: error }, 'a stream failed');
  return "The stream ended because of an internal error. The server's log says more.";
}
