/** New events of log groups, as they are written. */
import { watch, type FSWatcher } from 'node:fs';
import { imageLogPath } from '../catalog/image-log.ts';
import { lastPipelineLogRow, writtenStreams } from '../catalog/log-groups.ts';
import { pipelineLogAfter } from '../catalog/log-shipments.ts';
import { sleep } from '../platform/clock.ts';
import { comparePlaces, type LogEvent } from './event.ts';
import { LogFile } from './log-file.ts';
import { eventOfLine, eventOfRow, sourceKey, type LogPlace } from './sources.ts';

/** What a session follows. */
export interface LiveTailRequest extends Omit<LogPlace, 'group'> {
  readonly groups: ReadonlySet<string>;
  readonly admits: (stream: string) => boolean;
  readonly matches?: ((event: LogEvent) => boolean) | undefined;
  /** Milliseconds since 1970: earlier events do not count. */
  readonly since: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** An event, with the group that has it. */
export type TailedEvent = LogEvent & { readonly group: string };

/** Most events of a batch. Source: CloudWatch Logs API Reference, LiveTailSessionUpdate. */
const MOST = 500;
/** Between two looks at the records, and at logs whose changes the system does not report. */
const EVERY_MS = 100;
/** After a change that the system reported: lines that come together make one batch. */
const TOGETHER_MS = 15;
/** Maximum number of logs whose changes the system reports to a session. */
const MOST_WATCHED = 32;
/** A batch comes at least this often, with or without events. */
const SILENCE_MS = 1000;
/** Most bytes that are read for a batch: a pattern may match little. */
const COST = 2 << 20;

/** An image whose log may grow. */
interface Followed {
  readonly group: string;
  readonly stream: string;
  /** The next byte to read, once it is known where the session began. */
  at: number | undefined;
  /** Whether all was read after the image ended. */
  ended: boolean;
  /** Whether the system reported a change since the last reading. */
  changed: boolean;
  watcher?: FSWatcher | undefined;
}

/**
 * Batches of new events, each in order of time, until the signal is aborted. Nothing is left out: who reads slowly gets
 * the events later, since they are read from the logs only when the next batch is asked for.
 */
export async function* liveTail(request: LiveTailRequest): AsyncGenerator<readonly TailedEvent[]> {
  const { signal, since, db, place } = request;
  const followed = new Map<string, Followed>();
  let seq = await lastPipelineLogRow(db);
  let told = Date.now();
  let asked = -Infinity;
  let more = false;
  let change = Promise.withResolvers<void>();
  try {
    while (!signal.aborted) {
      change = Promise.withResolvers<void>();
      const look = Date.now() - asked >= EVERY_MS;
      // Asked before the logs are read: what an image wrote until its end is then read in this round.
      const writing = look ? await readWriting() : undefined;
      if (look) asked = Date.now();
      const events: TailedEvent[] = [];
      let budget = COST;
      more = false;
      for (const [image, each] of followed) {
        if (each.ended || (!look && !each.changed)) continue;
        each.changed = false;
        const read = await readNew(request, image, each, { room: MOST - events.length, budget });
        events.push(...read.events);
        budget -= read.cost;
        if (read.more) {
          more = true;
          each.changed = true;
          // The others come first in the next batch.
          followed.delete(image);
          followed.set(image, each);
          break;
        }
        if (writing?.has(image) === false) end(each);
        else watchLog(image, each);
      }
      if (look && !more) {
        const rows = await pipelineLogAfter(db, seq, MOST - events.length);
        more = rows.length > 0 && rows.length === MOST - events.length;
        if (more) asked = -Infinity;
        seq = rows.at(-1)?.seq ?? seq;
        for (const row of rows) {
          const { group_name: group, stream, account, region } = row;
          if (account !== place.account || region !== place.region) continue;
          if (!request.groups.has(group) || !request.admits(stream)) continue;
          const event = eventOfRow(row, sourceKey(`${group} ${stream}`), stream);
          if (request.matches?.(event) !== false) events.push({ ...event, group });
        }
      }
      if (events.length > 0 || Date.now() - told >= SILENCE_MS) {
        told = Date.now();
        yield events.sort(comparePlaces);
      }
      if (!more) await quiet();
    }
  } finally {
    for (const each of followed.values()) each.watcher?.close();
  }

  /** Follows what is written, and returns the images whose logs may grow. */
  async function readWriting(): Promise<ReadonlySet<string>> {
    const written = await writtenStreams(db, place, new Date(since).toISOString());
    for (const { image, group, stream, writing } of written) {
      if (!request.groups.has(group) || !request.admits(stream)) continue;
      const known = followed.get(image);
      if (known === undefined) followed.set(image, { group, stream, at: undefined, ended: false, changed: true });
      else if (writing) known.ended = false;
    }
    return new Set(written.filter((each) => each.writing).map(({ image }) => image));
  }

  function end(each: Followed): void {
    each.ended = true;
    each.watcher?.close();
    each.watcher = undefined;
  }

  /** Has the system report changes of a log. Without its reports, the log is read at each look. */
  function watchLog(image: string, each: Followed): void {
    if (each.watcher !== undefined || each.at === undefined) return;
    if ([...followed.values()].filter(({ watcher }) => watcher !== undefined).length >= MOST_WATCHED) return;
    try {
      const watcher = watch(imageLogPath(request.dataDirectory, image), { persistent: false }, () => {
        each.changed = true;
        change.resolve();
      });
      watcher.on('error', () => watcher.close());
      each.watcher = watcher;
    } catch {
      // The log does not exist yet, or the host has no watches left.
    }
  }

  /** Waits for the next look, or shortly after a change. */
  async function quiet(): Promise<void> {
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const left = Math.max(0, asked + EVERY_MS - Date.now());
    await Promise.race([sleep(left, until).catch(() => {}), change.promise]);
    over.abort();
    const rest = Math.min(TOGETHER_MS, asked + EVERY_MS - Date.now());
    if (rest > 0) await sleep(rest, signal).catch(() => {});
  }
}

/** What an image's log has behind the last byte that was read. */
async function readNew(
  { dataDirectory, since, matches }: LiveTailRequest,
  image: string,
  followed: Followed,
  most: { readonly room: number; readonly budget: number },
): Promise<{ readonly events: readonly TailedEvent[]; readonly cost: number; readonly more: boolean }> {
  const file = await LogFile.open(imageLogPath(dataDirectory, image));
  if (file === undefined) return { events: [], cost: 0, more: false };
  const events: TailedEvent[] = [];
  let cost = 0;
  try {
    // A log that was deleted begins again.
    if (followed.at !== undefined && followed.at > file.size) followed.at = 0;
    followed.at ??= await file.seek(since);
    const key = sourceKey(image);
    for await (const lines of file.forward(followed.at)) {
      for (const line of lines) {
        if (events.length >= most.room || cost > most.budget) return { events, cost, more: true };
        followed.at = line.end;
        cost += line.end - line.at;
        const event = eventOfLine(line, key, followed.stream);
        if (event !== undefined && matches?.(event) !== false) events.push({ ...event, group: followed.group });
      }
    }
    return { events, cost, more: false };
  } finally {
    await file.close();
  }
}
