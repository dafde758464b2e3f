/** Pages of events over several sources, in order of time. */
import { comparePlaces, type EventPlace, type LogEvent } from './event.ts';
import type { Batch, OpenSource, Source, Start } from './sources.ts';

/** What is read. Times are milliseconds since 1970. */
export interface PageRequest {
  /** First time that counts. */
  readonly from?: number | undefined;
  /** First time that does not count. */
  readonly until?: number | undefined;
  /** Most events of a page. */
  readonly limit: number;
  readonly matches?: (event: LogEvent) => boolean;
}

/** A page. */
export interface LogPage {
  /** In order of time. */
  readonly events: readonly LogEvent[];
  /** The last event that was looked at, in the direction of reading; absent when none was. */
  readonly reached: LogEvent | undefined;
  /** Whether the direction's end was reached. */
  readonly ended: boolean;
}

/** Most bytes of messages on a page, as AWS: each event counts 26 more. */
const PAGE_BYTES = 1 << 20;
/** Most that is read for a page: a pattern that matches nothing would else read all that there is. */
const PAGE_COST = 2 << 20;

/** A page of what is behind a gap between events, or from `from` on. */
export function pageForward(sources: readonly Source[], request: PageRequest, gap?: EventPlace): Promise<LogPage> {
  const { from = 0, until = Infinity } = request;
  const start = ({ key }: Source): Start =>
    gap === undefined ? { time: from } : key === gap.source ? { at: gap.at } : { time: Math.max(from, gap.time) };
  return page(sources, {
    ...request,
    begin: (source, open) => open.forward(start(source)),
    admits: (event) => event.time >= from && (gap === undefined || !isBefore(event, gap)),
    over: ({ time }) => time >= until,
    order: comparePlaces,
    pick: (events) => events,
  });
}

/** A page of what is before a gap between events, or the last one. */
export async function pageBackward(
  sources: readonly Source[],
  request: PageRequest,
  gap?: EventPlace,
): Promise<LogPage> {
  const { from = 0, until = Infinity } = request;
  const start = ({ key }: Source): Start =>
    // Of other sources, what has the same time as the gap may be before it.
    gap === undefined ? { time: until } : key === gap.source ? { at: gap.at } : { time: gap.time + 1 };
  const found = await page(sources, {
    ...request,
    begin: (source, open) => open.backward(start(source)),
    admits: (event) => event.time < until && (gap === undefined || isBefore(event, gap)),
    over: ({ time }) => time < from,
    order: (a, b) => comparePlaces(b, a),
    pick: (events) => events.toReversed(),
  });
  return { ...found, events: found.events.toReversed() };
}

/** Within a source its own order counts, whatever the clock did. */
function isBefore(event: EventPlace, gap: EventPlace): boolean {
  return event.source === gap.source ? event.at < gap.at : comparePlaces(event, gap) < 0;
}

/** The gap before an event, and the one behind it. */
export function gapBefore({ time, source, at }: LogEvent): EventPlace {
  return { time, source, at };
}
export function gapBehind({ time, source, end }: LogEvent): EventPlace {
  return { time, source, at: end };
}

interface Reading {
  readonly limit: number;
  readonly matches?: (event: LogEvent) => boolean;
  readonly begin: (source: Source, open: OpenSource) => AsyncGenerator<Batch>;
  readonly admits: (event: LogEvent) => boolean;
  /** Whether an event and all behind it, in the direction of reading, do not count. */
  readonly over: (event: LogEvent) => boolean;
  readonly order: (a: EventPlace, b: EventPlace) => number;
  /** A batch in the direction of reading. */
  readonly pick: (events: readonly LogEvent[]) => readonly LogEvent[];
}

/** A source with its next event. */
interface Head {
  readonly batches: AsyncGenerator<Batch>;
  events: readonly LogEvent[];
  index: number;
}

async function page(sources: readonly Source[], reading: Reading): Promise<LogPage> {
  const { limit, matches, begin, admits, over, order, pick } = reading;
  const opened: OpenSource[] = [];
  let cost = 0;
  /** Moves a head to its next event. @returns whether there is one */
  const advance = async (head: Head): Promise<boolean> => {
    for (;;) {
      while (++head.index < head.events.length) {
        const event = head.events[head.index]!;
        if (over(event)) return false;
        if (admits(event)) return true;
      }
      const next = await head.batches.next();
      if (next.done === true) return false;
      cost += next.value.cost;
      head.events = pick(next.value.events);
      head.index = -1;
    }
  };
  try {
    const heads: Head[] = [];
    for (const source of sources) {
      const open = await source.open();
      if (open === undefined) continue;
      opened.push(open);
      const head: Head = { batches: begin(source, open), events: [], index: -1 };
      if (await advance(head)) heads.push(head);
    }
    // What opening many files costs is not the reader's to pay.
    cost = 0;
    const events: LogEvent[] = [];
    let bytes = 0;
    let reached: LogEvent | undefined;
    while (heads.length > 0) {
      let best = 0;
      for (let each = 1; each < heads.length; each++)
        if (order(eventOf(heads[each]!), eventOf(heads[best]!)) < 0) best = each;
      const head = heads[best]!;
      const event = eventOf(head);
      if (matches === undefined || matches(event)) {
        const size = Buffer.byteLength(event.message) + 26;
        if (events.length > 0 && bytes + size > PAGE_BYTES) return { events, reached, ended: false };
        bytes += size;
        events.push(event);
      }
      reached = event;
      if (!(await advance(head))) heads.splice(best, 1);
      if ((events.length >= limit || cost > PAGE_COST) && heads.length > 0) return { events, reached, ended: false };
    }
    return { events, reached, ended: true };
  } finally {
    for (const open of opened) await open.close();
  }
}

function eventOf({ events, index }: Head): LogEvent {
  return events[index]!;
}
