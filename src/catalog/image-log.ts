/**
 * The log of an image: progress records, one JSON object a line, in a file of the data directory. A file and not a
 * table: a build prints much, appending costs no transaction, and `--follow` reads on from where it was.
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

/** Where the log of an image's build version is, below the data directory. */
export function imageLogPath(dataDirectory: string, imageArn: string): string {
  const { owner, region, type, slug, version, build } = parseArn(imageArn) ?? {};
  // An ARN's parts have no character that leaves a folder.
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
 * Bytes of a log. From `output` on what commands print is not kept, from `all` on nothing is but what became of the
 * image and its steps: a
 * build that prints without end, one command after the other, must not fill the data directory.
 */
const LOG_BYTES = { output: 256 << 20, all: 288 << 20 };
/** Characters of one record's text. */
const LONGEST_TEXT = 64 << 10;

/**
 * Opens an image's log. What is reported is in the file when `report` returns.
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
  /** Whether an event is kept; says once that others are not. */
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
    // Readers split at these two as well as at a newline; JSON lets them stand.
    const json = JSON.stringify(record).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
    const line = Buffer.from(`${cutOff ? '\n' : ''}${json}\n`);
    try {
      const written = writeSync(file, line);
      size += written;
      cutOff = written < line.length;
    } catch (error) {
      // On a full disk the log loses lines; the work goes on to its end, which says so.
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

/** How to read a log. */
export interface ReadImageLogOptions {
  /** Skip this many records. */
  readonly after?: number;
  /** Goes on until the image is at an end and all was read. */
  readonly follow?: boolean;
  /** Whether the image is at an end: nothing more will be written. Needed with `follow`. */
  readonly ended?: () => Promise<boolean>;
  readonly signal?: AbortSignal;
}

/** The records of an image's log, oldest first. A log that does not exist (yet) has none. */
export async function* readImageLog(
  dataDirectory: string,
  imageArn: string,
  options: ReadImageLogOptions = {},
): AsyncGenerator<ProgressRecord> {
  const path = imageLogPath(dataDirectory, imageArn);
  let offset = 0;
  let skip = options.after ?? 0;
  for (;;) {
    // Asked before reading: what was written until the end is then read in this round.
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

/** A line that was cut off by a full disk, or with its writer, is left out. */
function parsed(line: string): ProgressRecord | undefined {
  try {
    return JSON.parse(line) as ProgressRecord;
  } catch {
    return undefined;
  }
}
