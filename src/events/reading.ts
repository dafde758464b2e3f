/** Reads events from the outbox. */
import type { Catalog } from '../catalog/catalog.ts';
import { eventsAfter, lastEvent } from '../catalog/outbox.ts';
import { sleep } from '../platform/clock.ts';
import { envelopeOf, type EventEnvelope } from './envelope.ts';

/** Interval between checks for new events, in milliseconds. */
const LOOK_MS = 100;
const AT_ONCE = 500;

/** How to read events. */
export interface ReadOptions {
  /** Position after which reading begins. */
  readonly after: number;
  /** Whether to wait for new events. */
  readonly follow: boolean;
  readonly wanted: (event: EventEnvelope) => boolean;
  readonly signal: AbortSignal;
}

/** Events in order, each with its position. */
export async function* readEventsAfter(
  { db }: Pick<Catalog, 'db'>,
  { after, follow, wanted, signal }: ReadOptions,
): AsyncGenerator<{ readonly seq: number; readonly event: EventEnvelope }> {
  const end = follow ? Infinity : await lastEvent(db);
  for (let place = after; place < end && !signal.aborted; ) {
    const rows = await eventsAfter(db, place, AT_ONCE);
    for (const row of rows) {
      place = row.seq;
      if (place > end) return;
      const event = envelopeOf(row);
      if (wanted(event)) yield { seq: row.seq, event };
    }
    if (rows.length < AT_ONCE && follow) await sleep(LOOK_MS, signal).catch(() => {});
  }
}
