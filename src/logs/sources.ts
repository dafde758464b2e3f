/** Where the events of a stream come from. */
import { createHash } from 'node:crypto';
import { imageLogPath } from '../catalog/image-log.ts';
import { type LogStream, pipelineLogRows, type PipelineLogRecord, type PipelineLogRow } from '../catalog/log-groups.ts';
import type { Queryable } from '../catalog/catalog.ts';
import type { Place } from '../catalog/slices.ts';
import type { ProgressRecord } from '../resources/progress.ts';
import { messageOf, pipelineMessage, type LogEvent } from './event.ts';
import { LogFile, type Line } from './log-file.ts';

/** Where reading begins: at an event, or at the first event of a time. */
export type Start = { readonly at: number } | { readonly time: number };

/** A batch of events, with the cost of finding them. */
export interface Batch {
  readonly events: readonly LogEvent[];
  /** Bytes that were read, or a comparable number. */
  readonly cost: number;
}

/** Events of one origin, in order. */
export interface Source {
  readonly key: string;
  /** A lower bound of the times of its events. */
  readonly since: number;
  readonly open: () => Promise<OpenSource | undefined>;
}

/** A source that is being read. */
export interface OpenSource {
  /** Batches from a position to the end. */
  forward(from: Start): AsyncGenerator<Batch>;
  /** Batches before a position, the last ones first; each is in order. */
  backward(before: Start): AsyncGenerator<Batch>;
  close(): Promise<void>;
}

/** Where the streams of a group are stored. */
export interface LogPlace {
  readonly db: Queryable;
  readonly dataDirectory: string;
  readonly place: Place;
  readonly group: string;
}

/** The sources of a stream. */
export function sourcesOf(from: LogPlace, stream: LogStream): readonly Source[] {
  const files = stream.images.map((arn) => fileSource(from.dataDirectory, arn, stream.name));
  return stream.pipeline ? [...files, rowSource(from, stream)] : files;
}

/** Lines of a file that are parsed at once: a page may end within them. */
const LINES = 256;

/** The position after the last event of a source. */
const END = Number.MAX_SAFE_INTEGER;

/** The key of a source. @param name ARN of an image, or group and stream of a pipeline */
export function sourceKey(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

function fileSource(dataDirectory: string, arn: string, stream: string): Source {
  const key = sourceKey(arn);
  const batch = (lines: readonly Line[]): Batch => ({
    events: lines.flatMap((line) => eventOfLine(line, key, stream) ?? []),
    cost: lines.length === 0 ? 0 : lines.at(-1)!.end - lines[0]!.at,
  });
  return {
    key,
    since: 0,
    async open() {
      const file = await LogFile.open(imageLogPath(dataDirectory, arn));
      if (file === undefined) return undefined;
      const byteOf = async (start: Start): Promise<number> =>
        'at' in start
          ? start.at
          : start.time <= 0
            ? 0
            : start.time > file.modified + 60_000
              ? file.size
              : file.seek(start.time);
      return {
        async *forward(from) {
          for await (const lines of file.forward(await byteOf(from)))
            for (let begin = 0; begin < lines.length; begin += LINES) yield batch(lines.slice(begin, begin + LINES));
        },
        async *backward(before) {
          for await (const lines of file.backward(await byteOf(before))) yield batch(lines);
        },
        close: () => file.close(),
      };
    },
  };
}

/** The event of a line of an image's log; `undefined` for what these logs leave out. */
export function eventOfLine({ at, end, text }: Line, source: string, stream: string): LogEvent | undefined {
  let record: ProgressRecord;
  try {
    record = JSON.parse(text) as ProgressRecord;
  } catch {
    return undefined; // A full disk truncated it.
  }
  const message = messageOf(record);
  return message === undefined
    ? undefined
    : { time: Date.parse(record.time), source, at, end, stream, message, record };
}

/** The event of a row of a pipeline's log. */
export function eventOfRow({ seq, time, record }: PipelineLogRow, source: string, stream: string): LogEvent {
  const parsed = JSON.parse(record) as PipelineLogRecord;
  const message = pipelineMessage(parsed);
  return { time: Date.parse(time), source, at: seq, end: seq + 1, stream, message, record: parsed };
}

/** Rows per query. */
const ROWS = 500;

function rowSource({ db, place, group }: LogPlace, { name, created }: LogStream): Source {
  const key = sourceKey(`${group} ${name}`);
  const events = async (from: number, before: number, newestFirst: boolean): Promise<Batch> => {
    const rows = await pipelineLogRows(db, place, group, name, { from, before, limit: ROWS, newestFirst });
    return {
      events: (newestFirst ? rows.toReversed() : rows).map((row) => eventOfRow(row, key, name)),
      cost: rows.length * 500,
    };
  };
  return {
    key,
    since: Date.parse(created),
    open: async () => ({
      async *forward(from) {
        // A day has few decisions, so earlier ones are filtered by their time.
        let at = 'at' in from ? from.at : 0;
        for (;;) {
          const batch = await events(at, END, false);
          if (batch.events.length === 0) return;
          at = batch.events.at(-1)!.end;
          yield batch;
        }
      },
      async *backward(before) {
        let at = 'at' in before ? before.at : END;
        for (;;) {
          const batch = await events(0, at, true);
          if (batch.events.length === 0) return;
          at = batch.events[0]!.at;
          yield batch;
        }
      },
      close: async () => {},
    }),
  };
}
