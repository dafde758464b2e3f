/** Pages of events from several sources, ordered by time. */
import { comparePlaces, type EventPlace, type LogEvent } from './event.ts';
import type { Batch, OpenSource, Source, Start } from './sources.ts';

/** What to read. Times are milliseconds since 1970. */
export interface PageRequest {
  /** First time that is included. */
  readonly from?: number | undefined;
  /** First time that is excluded. */
  readonly until?: number | undefined;
  /** Maximum number of events on a page. */
  readonly limit: number;
  readonly matches?: (event: LogEvent) => boolean;
}

/** An event of a page. Without its record, which would keep a page of many events in memory several times. */
export type PagedEvent = Omit<LogEvent, 'record'>;

/** A page. */
export interface LogPage {
  /** Ordered by time. */
  readonly events: readonly PagedEvent[];
  /** The last event that was examined, in the direction of reading; absent if none was. */
  readonly reached: PagedEvent | undefined;
  /** Whether the end in that direction was reached. */
  readonly ended: boolean;
}

/** Maximum bytes of messages on a page, as on AWS: each event counts 26 more. */
const PAGE_BYTES = 1 << 20;
/** Maximum bytes read for a page. Without it, a pattern that matches nothing would read the whole log. */
const PAGE_COST = 2 << 20;

/** The page after a position between events, or the first one from `from` on. */
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

/** The page before a position between events, or the last one. */
export async function pageBackward(
  sources: readonly Source[],
  request: PageRequest,
  gap?: EventPlace,
): Promise<LogPage> {
  const { from = 0, until = Infinity } = request;
  const start = ({ key }: Source): Start =>
    // Other sources may have events before the position at the same time.
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

/** Within a source its own order counts, even if the clock was set back. */
function isBefore(event: EventPlace, gap: EventPlace): boolean {
  return event.source === gap.source ? event.at < gap.at : comparePlaces(event, gap) < 0;
}

/** The position before an event, and the one after it. */
export function gapBefore({ time, source, at }: EventPlace): EventPlace {
  return { time, source, at };
}
export function gapBehind({ time, source, end }: PagedEvent): EventPlace {
  return { time, source, at: end };
}

interface Reading {
  readonly limit: number;
  readonly matches?: (event: LogEvent) => boolean;
  readonly begin: (source: Source, open: OpenSource) => AsyncGenerator<Batch>;
  readonly admits: (event: LogEvent) => boolean;
  /** Whether an event and all later ones, in the direction of reading, are out of range. */
  readonly over: (event: LogEvent) => boolean;
  readonly order: (a: EventPlace, b: EventPlace) => number;
  /** Puts a batch into the direction of reading. */
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
  /** Advances to the next event. @returns whether there is one */
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
    // The cost of opening many files does not count against the page.
    cost = 0;
    const events: PagedEvent[] = [];
    let bytes = 0;
    let reached: PagedEvent | undefined;
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
        const { time, source, at, end, stream, message } = event;
        events.push({ time, source, at, end, stream, message });
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
