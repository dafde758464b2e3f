/**
 * The audit log: one JSON object per line in the format of CloudTrail's events, in files of the data directory. Each
 * account has its own files, and so have unsigned calls, so that no account's calls can displace another's events. A
 * new file begins at a maximum size or age. Closed files are kept for some days, up to a maximum number.
 */
import {
  createReadStream,
  mkdirSync,
  openSync,
  closeSync,
  fstatSync,
  readSync,
  writeSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  existsSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { dataPath } from '../platform/data-layout.ts';
import { newUuid } from '../platform/ids.ts';
import { logger } from '../platform/log.ts';

/** An event. Source: CloudTrail User Guide, "CloudTrail record contents". */
export interface AuditEvent {
  readonly eventVersion: string;
  readonly userIdentity: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: string;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent?: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly requestParameters: object | null;
  readonly responseElements: object | null;
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly resources?: readonly { readonly ARN: string; readonly accountId?: string }[];
  readonly eventType: 'AwsApiCall';
  readonly managementEvent: true;
  readonly recipientAccountId?: string;
  readonly eventCategory: 'Management';
}

/** When the files of an account are closed, and how long they are kept. */
export interface AuditLimits {
  readonly maxBytes: number;
  readonly maxSeconds: number;
  readonly keepDays: number;
  readonly keepFiles: number;
}

/** Events that could not be written since the log was opened. */
export interface AuditLoss {
  readonly events: number;
  /** ISO 8601; time of the first one. */
  readonly since: string;
  /** Reason of the last one: `ENOSPC: no space left on device, write`. */
  readonly reason: string;
}

/** The log, open for appending. */
export interface AuditLog {
  /** Queues an event. It is written a moment later, together with others. Never throws. */
  write(event: AuditEvent): void;
  /** Writes the queue. */
  flush(): void;
  /** The lost events; `undefined` if there are none. */
  lost(): AuditLoss | undefined;
  close(): void;
}

const CURRENT = 'current.jsonl';
const CLOSED = /^\d{4}-\d\d-\d\dT[\d-]+\.\d{3}Z\.jsonl$/;
/** Maximum length of the queue, in bytes of text. */
const WAITING_LIMIT = 1 << 20;
/** Directory of calls without a valid signature. All its files together have the size of one file of an account. */
const UNSIGNED = 'unsigned';
const UNSIGNED_FILES = 4;
const FOLDER = /^(\d{12}|unsigned)$/;
/** Interval at which the server's log reports that events are still being lost, in milliseconds. */
const COMPLAIN_MS = 60_000;

function folderOf(dataDirectory: string): string {
  return dataPath(dataDirectory, 'audit');
}

/** Opens the audit log of a data directory. */
export function openAuditLog(dataDirectory: string, limits: AuditLimits): AuditLog {
  const folder = folderOf(dataDirectory);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Older versions had one file for all accounts. It is still read, and expires with the rest.
  if (existsSync(join(folder, CURRENT))) closeFile(folder);
  prune(folder, limits);
  const files = new Map<string, AuditFiles>();
  let waiting = new Map<string, string[]>();
  let waitingBytes = 0;
  let scheduled: NodeJS.Immediate | undefined;
  let loss: AuditLoss | undefined;
  let complained = 0;
  /** Number of events lost since the last one that was written. */
  let gap = 0;

  const filesOf = (name: string): AuditFiles => {
    let found = files.get(name);
    if (found === undefined) {
      const own = {
        ...limits,
        maxBytes: limits.maxBytes / UNSIGNED_FILES,
        keepFiles: Math.min(limits.keepFiles, UNSIGNED_FILES - 1),
      };
      files.set(name, (found = new AuditFiles(join(folder, name), name === UNSIGNED ? own : limits)));
    }
    return found;
  };

  /** A full disk must not stop the API, but the server's operator must know. */
  function lose(events: number, error: unknown): void {
    const reason = (error as Error).message;
    loss = { events: (loss?.events ?? 0) + events, since: loss?.since ?? new Date().toISOString(), reason };
    gap += events;
    if (Date.now() - complained < COMPLAIN_MS) return;
    complained = Date.now();
    logger().error({ err: error, folder, lost: loss.events }, 'events of the audit log are lost');
  }

  function flush(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    const batch = waiting;
    waiting = new Map();
    waitingBytes = 0;
    for (const [name, lines] of batch) {
      try {
        const marker = gap > 0 ? lineOf(gapEvent(gap, loss!.reason)) : '';
        filesOf(name).append(Buffer.from(`${marker}${lines.join('')}`));
        if (marker !== '') gap = 0;
      } catch (error) {
        lose(lines.length, error);
      }
    }
  }

  function write(event: AuditEvent): void {
    let line: string;
    try {
      line = lineOf(event);
    } catch (error) {
      // Without the parameters, which may be large: who did what is still recorded.
      logger().error(
        { err: error, requestId: event.requestID },
        'the parameters of a call cannot be written to the audit log',
      );
      line = lineOf({ ...event, requestParameters: null, responseElements: null });
    }
    const name = event.recipientAccountId ?? UNSIGNED;
    const lines = waiting.get(name) ?? [];
    lines.push(line);
    waiting.set(name, lines);
    waitingBytes += line.length;
    if (waitingBytes > WAITING_LIMIT) flush();
    else scheduled ??= setImmediate(flush);
  }

  return {
    write,
    flush,
    lost: () => loss,
    close() {
      flush();
      for (const each of files.values()) each.close();
    },
  };
}

function lineOf(event: AuditEvent): string {
  return `${JSON.stringify(event).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}\n`;
}

/** The event that marks a gap in the log. */
function gapEvent(events: number, reason: string): AuditEvent {
  return {
    eventVersion: '1.11',
    userIdentity: { type: 'AWSService', invokedBy: 'ingot' },
    eventTime: new Date().toISOString(),
    eventSource: 'ingot',
    eventName: 'AuditEventsLost',
    awsRegion: 'us-east-1',
    sourceIPAddress: 'ingot',
    errorCode: 'AuditEventsLost',
    errorMessage: `${events} events before this one could not be written: ${reason}`.slice(0, 1024),
    requestParameters: null,
    responseElements: null,
    requestID: newUuid(),
    eventID: newUuid(),
    readOnly: false,
    eventType: 'AwsApiCall',
    managementEvent: true,
    eventCategory: 'Management',
  };
}

/** The current file. */
interface OpenFile {
  readonly descriptor: number;
  bytes: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** The files of one account. */
class AuditFiles {
  readonly #folder: string;
  readonly #limits: AuditLimits;
  #file: OpenFile | undefined;

  constructor(folder: string, limits: AuditLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** @throws the system's error; what was written until then stays, and the next call starts a new line */
  append(bytes: Buffer): void {
    let file = this.#open();
    if (
      file.bytes > 0 &&
      (file.bytes + bytes.length > this.#limits.maxBytes || Date.now() - file.since > this.#limits.maxSeconds * 1000)
    ) {
      this.close();
      closeFile(this.#folder);
      prune(this.#folder, this.#limits);
      file = this.#open();
    }
    try {
      for (let at = 0; at < bytes.length; ) {
        const written = writeSync(file.descriptor, bytes, at);
        at += written;
        file.bytes += written;
      }
    } catch (error) {
      // A truncated line must end before the next one.
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  #open(): OpenFile {
    if (this.#file !== undefined) return this.#file;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const descriptor = openSync(join(this.#folder, CURRENT), 'a+', 0o600);
    try {
      const { size, birthtimeMs } = fstatSync(descriptor);
      const last = Buffer.alloc(1);
      const cut = size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
      if (cut) writeSync(descriptor, '\n');
      this.#file = { descriptor, bytes: size + (cut ? 1 : 0), since: size === 0 ? Date.now() : birthtimeMs };
      return this.#file;
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }
}

const NEWLINE = 0x0a;

/** Closes the current file: it is renamed to the time of its end. */
function closeFile(folder: string): void {
  let time = Date.now();
  const name = (): string => join(folder, `${new Date(time).toISOString().replaceAll(':', '-')}.jsonl`);
  while (existsSync(name())) time++;
  renameSync(join(folder, CURRENT), name());
}

function prune(folder: string, limits: AuditLimits): void {
  const closed = closedFiles(folder);
  const oldest = Date.now() - limits.keepDays * 86_400_000;
  for (const [index, name] of closed.entries()) {
    if (closed.length - index > limits.keepFiles || statSync(join(folder, name)).mtimeMs < oldest) {
      rmSync(join(folder, name), { force: true });
    }
  }
}

/** All events of a data directory, oldest first. `since` (ISO 8601) skips files that ended earlier. */
export async function* readAuditLog(dataDirectory: string, since?: string): AsyncGenerator<AuditEvent> {
  const folder = folderOf(dataDirectory);
  if (!existsSync(folder)) return;
  const folders = [
    folder,
    ...readdirSync(folder)
      .filter((name) => FOLDER.test(name))
      .map((name) => join(folder, name)),
  ];
  const heads: { readonly events: AsyncGenerator<AuditEvent>; next: AuditEvent }[] = [];
  const take = async (events: AsyncGenerator<AuditEvent>): Promise<AuditEvent | undefined> => {
    const { value, done } = await events.next();
    return done === true ? undefined : value;
  };
  try {
    for (const each of folders) {
      const events = readFolder(each, since);
      const next = await take(events);
      if (next !== undefined) heads.push({ events, next });
    }
    while (heads.length > 0) {
      const first = heads.reduce((a, b) => (b.next.eventTime < a.next.eventTime ? b : a));
      yield first.next;
      const next = await take(first.events);
      if (next === undefined) heads.splice(heads.indexOf(first), 1);
      else first.next = next;
    }
  } finally {
    for (const { events } of heads) await events.return(undefined);
  }
}

/** The events of one account's files, in the order in which they were written. */
async function* readFolder(folder: string, since: string | undefined): AsyncGenerator<AuditEvent> {
  // A closed file is named after the time of its end.
  const closed = closedFiles(folder).filter((name) => since === undefined || name >= since.replaceAll(':', '-'));
  for (const name of [...closed, CURRENT]) {
    if (!existsSync(join(folder, name))) continue;
    for await (const line of createInterface({ input: createReadStream(join(folder, name)), crlfDelay: Infinity })) {
      try {
        if (line !== '') yield JSON.parse(line) as AuditEvent;
      } catch {
        // The last line, if a crash or a full disk truncated it.
      }
    }
  }
}

function closedFiles(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => CLOSED.test(name))
        .sort()
    : [];
}
