/** Events: written in the transaction of the change that they report, read in order. */
import type { Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import { newUuid } from '../platform/ids.ts';
import type { Queryable } from './catalog.ts';
import type { OutboxTable } from './event-tables.ts';

/** An event. */
export interface OutboxEvent {
  /** Detail type, such as `EC2 Image Builder Image State Change`. */
  readonly type: string;
  /** ARN. */
  readonly resource: string;
  /** ARNs that follow it in the envelope. */
  readonly moreResources?: readonly string[];
  readonly previousStatus?: string | undefined;
  readonly status: string;
  /** The detail. */
  readonly payload: object;
  /** The current image with its tags, from which messages to people and topics are made. */
  readonly snapshot?: object | undefined;
  /** Topic that also gets it. */
  readonly topic?: { readonly arn: string; readonly payload?: string | undefined } | undefined;
}

/** Writes an event. Returns its id. */
export async function writeEvent(
  trx: Queryable,
  { type, resource, moreResources, previousStatus, status, payload, snapshot, topic }: OutboxEvent,
): Promise<string> {
  const id = newUuid();
  await trx
    .insertInto('outbox')
    .values({
      id,
      time: timestamp(),
      type,
      resource,
      previous_status: previousStatus ?? null,
      status,
      payload: JSON.stringify(payload),
      resources: moreResources === undefined ? null : JSON.stringify(moreResources),
      snapshot: snapshot === undefined ? null : JSON.stringify(snapshot),
      topic_arn: topic?.arn ?? null,
      topic_payload: topic?.payload ?? null,
    })
    .execute();
  return id;
}

/** A recorded event. */
export type OutboxRow = Readonly<Selectable<OutboxTable>>;

/** The events after a position, oldest first. @param seq 0 for all */
export async function eventsAfter(db: Queryable, seq: number, limit: number): Promise<readonly OutboxRow[]> {
  return db.selectFrom('outbox').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit).execute();
}

/** The event with an id, or `undefined`. */
export async function eventOfId(db: Queryable, id: string): Promise<OutboxRow | undefined> {
  return db.selectFrom('outbox').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The previous event of the same resource, or `undefined`. */
export async function previousEvent(
  db: Queryable,
  { resource, seq }: Pick<OutboxRow, 'resource' | 'seq'>,
): Promise<Pick<OutboxRow, 'status' | 'time'> | undefined> {
  return db
    .selectFrom('outbox')
    .select(['status', 'time'])
    .where('resource', '=', resource)
    .where('seq', '<', seq)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The last events of a resource before a position, newest first. */
export async function eventsBefore(
  db: Queryable,
  { resource, seq }: Pick<OutboxRow, 'resource' | 'seq'>,
  limit: number,
): Promise<readonly Pick<OutboxRow, 'type' | 'status' | 'time'>[]> {
  return db
    .selectFrom('outbox')
    .select(['type', 'status', 'time'])
    .where('resource', '=', resource)
    .where('seq', '<', seq)
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
}

/** How far an exporter of traces is; `undefined` if it never ran. */
export async function tracePosition(db: Queryable, exporter: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('trace_positions')
    .select('position')
    .where('exporter', '=', exporter)
    .executeTakeFirst();
  return row?.position;
}

/** Records how far an exporter of traces is. */
export async function setTracePosition(db: Queryable, exporter: string, position: number): Promise<void> {
  await db
    .insertInto('trace_positions')
    .values({ exporter, position })
    .onConflict((conflict) => conflict.column('exporter').doUpdateSet({ position }))
    .execute();
}

/** Events at these positions. */
export async function eventsAt(db: Queryable, places: readonly number[]): Promise<readonly OutboxRow[]> {
  return places.length === 0
    ? []
    : db.selectFrom('outbox').selectAll().where('seq', 'in', places).orderBy('seq').execute();
}

/** The position of the newest event; 0 if there is none. */
export async function lastEvent(db: Queryable): Promise<number> {
  const { last } = await db
    .selectFrom('outbox')
    .select((e) => e.fn.max('seq').as('last'))
    .executeTakeFirstOrThrow();
  return last ?? 0;
}

/** The position before the first event at or after a time, for `eventsAfter`. */
export async function placeBefore(db: Queryable, time: string): Promise<number> {
  const { first } = await db
    .selectFrom('outbox')
    .select((e) => e.fn.min('seq').as('first'))
    .where('time', '>=', time)
    .executeTakeFirstOrThrow();
  return first === null ? lastEvent(db) : first - 1;
}

/** Maximum number of events that one call removes: other writers wait for it. */
const REMOVED_AT_ONCE = 1000;

/**
 * Removes events before a time, and their failed deliveries. Call it until it returns 0.
 * @returns how many were removed
 */
export async function removeEventsBefore(trx: Queryable, time: string): Promise<number> {
  const old = await trx
    .selectFrom('outbox')
    .select('seq')
    .where('time', '<', time)
    .orderBy('time')
    .limit(REMOVED_AT_ONCE)
    .execute();
  const places = old.map(({ seq }) => seq);
  if (places.length === 0) return 0;
  await trx.deleteFrom('deliveries').where('seq', 'in', places).execute();
  await trx.deleteFrom('outbox').where('seq', 'in', places).execute();
  return places.length;
}
