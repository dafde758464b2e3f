/**
 * The audit log: one JSON object a line in the shape of CloudTrail's events, in files of the data directory. The file in use is closed at a
 * size or an age; closed ones are kept for some days, and no more than some of them.
 */
import { createReadStream, mkdirSync, openSync, closeSync, fstatSync, writeSync, readdirSync, renameSync, rmSync, statSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

/** How files are closed and kept. */
export interface AuditLimits {
  readonly maxBytes: number;
  readonly maxSeconds: number;
  readonly keepDays: number;
  readonly keepFiles: number;
}

/** The log, open for appending. */
export interface AuditLog {
  /** Takes an event. It is in the file a moment later: what comes at once is written at once. Never throws. */
  write(event: AuditEvent): void;
  /** Writes what waits. */
  flush(): void;
  close(): void;
}

const CURRENT = 'current.jsonl';
const CLOSED = /^\d{4}-\d\d-\d\dT[\d-]+\.\d{3}Z\.jsonl$/;
/** What waits for the disk at most, in bytes of text. */
const WAITING_LIMIT = 1 << 20;

function folderOf(dataDirectory: string): string {
  return join(dataDirectory, 'audit');
}

/** Opens the audit log of a data directory. */
export function openAuditLog(dataDirectory: string, limits: AuditLimits): AuditLog {
  const folder = folderOf(dataDirectory);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let waiting: string[] = [];
  let waitingBytes = 0;
  let lost = 0;
  let scheduled: NodeJS.Immediate | undefined;
  let file = open();

  function open(): { readonly descriptor: number; bytes: number; readonly since: number } {
    const descriptor = openSync(join(folder, CURRENT), 'a', 0o600);
    const { size, birthtimeMs } = fstatSync(descriptor);
    return { descriptor, bytes: size, since: size === 0 ? Date.now() : birthtimeMs };
  }

  function rotate(): void {
    closeSync(file.descriptor);
    renameSync(join(folder, CURRENT), join(folder, `${new Date().toISOString().replaceAll(':', '-')}.jsonl`));
    file = open();
    const closed = closedFiles(folder);
    const oldest = Date.now() - limits.keepDays * 86_400_000;
    for (const [index, name] of closed.entries()) {
      if (closed.length - index > limits.keepFiles || statSync(join(folder, name)).mtimeMs < oldest) rmSync(join(folder, name), { force: true });
    }
  }

  function flush(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    if (waiting.length === 0) return;
    const bytes = Buffer.from(waiting.join(''));
    waiting = [];
    waitingBytes = 0;
    try {
      if (file.bytes > 0 && (file.bytes + bytes.length > limits.maxBytes || Date.now() - file.since > limits.maxSeconds * 1000)) rotate();
      file.bytes += writeSync(file.descriptor, bytes);
    } catch (error) {
      // A full disk must not take the API with it. The server's log tells, once, that events are missing.
      if (lost++ === 0) logger().error({ err: error }, 'events of the audit log are lost');
    }
  }

  return {
    write(event) {
      const line = `${JSON.stringify(event).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}\n`;
      waiting.push(line);
      waitingBytes += line.length;
      if (waitingBytes > WAITING_LIMIT) flush();
      else scheduled ??= setImmediate(flush);
    },
    flush,
    close() {
      flush();
      closeSync(file.descriptor);
    },
  };
}

/** All events of a data directory, oldest first. `since` (ISO 8601) passes over files that ended before. */
export async function* readAuditLog(dataDirectory: string, since?: string): AsyncGenerator<AuditEvent> {
  const folder = folderOf(dataDirectory);
  if (!existsSync(folder)) return;
  // A closed file is named by the time of its end.
  const closed = closedFiles(folder).filter((name) => since === undefined || name >= since.replaceAll(':', '-'));
  for (const name of [...closed, CURRENT]) {
    if (!existsSync(join(folder, name))) continue;
    for await (const line of createInterface({ input: createReadStream(join(folder, name)), crlfDelay: Infinity })) {
      try {
        if (line !== '') yield JSON.parse(line) as AuditEvent;
      } catch {
        // The end of a line that a crash, or a full disk, cut off.
      }
    }
  }
}

function closedFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => CLOSED.test(name)).sort();
}
