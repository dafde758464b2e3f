/**
 * The log of an image: progress records, one JSON object per line, in a file of the data directory. It is not a table,
 * because a build prints much, appending needs no transaction, and `--follow` continues from its last position.
 */
import { createReadStream, existsSync, fstatSync, mkdirSync, openSync, closeSync, writeSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { sleep, timestamp } from '../platform/clock.ts';
import { dataPath } from '../platform/data-layout.ts';
import { isDiskFull } from '../platform/disk-full.ts';
import { sizeOf } from '../platform/processes.ts';
import { parseArn } from '../resources/arns.ts';
import { formatVersion } from '../resources/versions.ts';
import { PROGRESS_VERSION, type ProgressEvent, type ProgressRecord, type Report } from '../resources/progress.ts';

/** Path of an image's log, below the data directory. */
export function imageLogPath(dataDirectory: string, imageArn: string): string {
  const { owner, region, type, slug, version, build } = parseArn(imageArn) ?? {};
  // The parts of an ARN contain no character that could leave the directory.
  if (type !== 'image' || build === undefined)
    throw new Error(`no log for ${imageArn}: expected the ARN of an image's build version`);
  return join(dataPath(dataDirectory, 'logs'), owner!, region!, slug!, `${formatVersion(version!)}-${build}.jsonl`);
}

/** An image's log, open for appending. */
export interface ImageLog {
  readonly report: Report;
  close(): void;
}

/**
 * Limits of a log, in bytes. From `output` on, output of commands is not kept; from `all` on, only the status of the
 * image and its steps is. A build that prints without end must not fill the data directory.
 */
const LOG_BYTES = { output: 256 << 20, all: 288 << 20 };
/** Maximum characters of one record's text. */
const LONGEST_TEXT = 64 << 10;

/**
 * Opens an image's log. Each record is in the file when `report` returns.
 * @param most limits of the file's size, in bytes
 */
export function openImageLog(
  dataDirectory: string,
  imageArn: string,
  most: { readonly output: number; readonly all: number } = LOG_BYTES,
): ImageLog {
  const path = imageLogPath(dataDirectory, imageArn);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, 'a', 0o600);
  let open = true;
  let cutOff = false;
  let { size } = fstatSync(file);
  const told = { output: false, all: false };
  /** Whether an event is logged. Reports once that further ones are not. */
  const admits = ({ type }: ProgressEvent): boolean => {
    if (type === 'state' || type === 'step') return true;
    const limit = size >= most.all ? 'all' : size >= most.output && type !== 'log' ? 'output' : undefined;
    if (limit === undefined) return true;
    if (!told[limit]) {
      told[limit] = true;
      const what =
        limit === 'all'
          ? 'From here on it has only the status of the image and its steps.'
          : 'It keeps no more output of commands. Let components write large outputs to files.';
      write({ type: 'log', level: 'warn', text: `This log has reached ${sizeOf(most[limit])}. ${what}` });
    }
    return false;
  };
  const write = (event: ProgressEvent): void => {
    const { length } = event.text;
    const text =
      length <= LONGEST_TEXT ? event.text : `${event.text.slice(0, LONGEST_TEXT)} … [cut: it has ${length} characters]`;
    const time = timestamp();
    const record: ProgressRecord = { v: PROGRESS_VERSION, time, image: imageArn, level: 'info', ...event, text };
    // Some readers split lines at these two characters as well; JSON allows them.
    const json = JSON.stringify(record).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
    const line = Buffer.from(`${cutOff ? '\n' : ''}${json}\n`);
    try {
      const written = writeSync(file, line);
      size += written;
      cutOff = written < line.length;
    } catch (error) {
      // On a full disk the log loses lines. The work continues to its end, which reports it.
      if (!isDiskFull(error)) throw error;
    }
  };
  return {
    report(event) {
      if (open && admits(event)) write(event);
    },
    close() {
      if (!open) return;
      open = false;
      closeSync(file);
    },
  };
}

/** Options for reading a log. */
export interface ReadImageLogOptions {
  /** Skip this many records. */
  readonly after?: number;
  /** Continues until the image is finished and everything was read. */
  readonly follow?: boolean;
  /** Whether the image is finished and nothing more will be written. Required with `follow`. */
  readonly ended?: () => Promise<boolean>;
  readonly signal?: AbortSignal;
}

/** The records of an image's log, oldest first; empty if the log does not exist (yet). */
export async function* readImageLog(
  dataDirectory: string,
  imageArn: string,
  options: ReadImageLogOptions = {},
): AsyncGenerator<ProgressRecord> {
  const path = imageLogPath(dataDirectory, imageArn);
  let offset = 0;
  let skip = options.after ?? 0;
  for (;;) {
    // Asked before reading: everything written until the end is then read in this round.
    const ended = !options.follow || ((await options.ended?.()) ?? true);
    for await (const { record, end } of completeLines(path, offset)) {
      offset = end;
      if (skip > 0) skip--;
      else yield record;
      if (options.signal?.aborted) return;
    }
    if (ended || options.signal?.aborted) return;
    await sleep(100, options.signal).catch(() => {});
  }
}

async function* completeLines(path: string, from: number): AsyncGenerator<{ record: ProgressRecord; end: number }> {
  if (!existsSync(path)) return;
  const size = statSync(path).size;
  if (size <= from) return;
  let end = from;
  const lines = createInterface({ input: createReadStream(path, { start: from, end: size - 1 }), crlfDelay: Infinity });
  try {
    for await (const line of lines) {
      end += Buffer.byteLength(line) + 1;
      if (end > size) return; // The last line is still being written.
      const record = parsed(line);
      if (record !== undefined) yield { record, end };
    }
  } finally {
    lines.close();
  }
}

/** Parses a line; `undefined` for one that a full disk or the end of its writer truncated. */
function parsed(line: string): ProgressRecord | undefined {
  try {
    return JSON.parse(line) as ProgressRecord;
  } catch {
    return undefined;
  }
}
