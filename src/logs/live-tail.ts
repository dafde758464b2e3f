/** New events of log groups, as they are written. */
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
/** Between two looks at the logs: a line is to be with its reader within 200 ms. */
const EVERY_MS = 100;
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
  while (!signal.aborted) {
    // Asked before the logs are read: what an image wrote until its end is then read in this round.
    const written = await writtenStreams(db, place, new Date(since).toISOString());
    for (const { image, group, stream, writing } of written) {
      if (!request.groups.has(group) || !request.admits(stream)) continue;
      const known = followed.get(image);
      if (known === undefined) followed.set(image, { group, stream, at: undefined, ended: false });
      else if (writing) known.ended = false;
    }
    const writing = new Set(written.filter((each) => each.writing).map(({ image }) => image));
    const events: TailedEvent[] = [];
    let budget = COST;
    let more = false;
    for (const [image, each] of followed) {
      if (each.ended) continue;
      const read = await readNew(request, image, each, { room: MOST - events.length, budget });
      events.push(...read.events);
      budget -= read.cost;
      if (read.more) {
        more = true;
        // The others come first in the next batch.
        followed.delete(image);
        followed.set(image, each);
        break;
      }
      if (!writing.has(image)) each.ended = true;
    }
    if (!more) {
      const rows = await pipelineLogAfter(db, seq, MOST - events.length);
      more = rows.length > 0 && rows.length === MOST - events.length;
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
    if (!more) await sleep(EVERY_MS, signal).catch(() => {});
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
