/** Queries on log destinations, and how far each log was shipped. */
import type { Selectable } from 'kysely';
import { BUILD_STAGES } from '../resources/statuses.ts';
import type { Queryable } from './catalog.ts';
import type { LogTables } from './log-tables.ts';

/** A destination of logs. */
export type LogDestination = Selectable<LogTables['log_destinations']>;

/** Records a new destination, which gets logs from now on. */
export async function addLogDestination(trx: Queryable, name: string, since: string): Promise<void> {
  const last = await trx
    .selectFrom('pipeline_log')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .executeTakeFirst();
  await trx
    .insertInto('log_destinations')
    .values({ name, since, pipelines_after: Number(last?.seq ?? 0), failing_since: null, error: null })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
}

/**
 * Removes destinations that are no longer configured, and records of logs that no longer exist. A destination that is
 * configured again is a new one.
 * @param names of the destinations that there are
 */
export async function removeOtherDestinations(trx: Queryable, names: readonly string[]): Promise<void> {
  await trx.deleteFrom('log_destinations').where('name', 'not in', names).execute();
  await trx
    .deleteFrom('log_shipments')
    .where((e) =>
      e.or([
        e('destination', 'not in', names),
        e('image_arn', 'not in', trx.selectFrom('log_streams').select('image_arn')),
      ]),
    )
    .execute();
}

/** A destination, or `undefined`. */
export async function logDestination(db: Queryable, name: string): Promise<LogDestination | undefined> {
  return db.selectFrom('log_destinations').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Records the state of a destination. */
export async function updateLogDestination(
  trx: Queryable,
  name: string,
  change: Partial<Omit<LogDestination, 'name' | 'since'>>,
): Promise<void> {
  await trx.updateTable('log_destinations').set(change).where('name', '=', name).execute();
}

/** The log of an image that a destination may not have completely. */
export interface Unshipped {
  readonly image_arn: string;
  readonly account: string;
  readonly region: string;
  readonly group_name: string;
  readonly name: string;
  readonly created: string;
  /** Number of shipped bytes. */
  readonly position: number;
  /** Whether the image is still being built. */
  readonly writing: boolean;
}

/** Logs that a destination may not have completely, the oldest first. */
export async function unshippedLogs(
  db: Queryable,
  { name, since }: Pick<LogDestination, 'name' | 'since'>,
): Promise<readonly Unshipped[]> {
  const rows = await db
    .selectFrom('log_streams as s')
    .leftJoin('log_shipments as h', (join) =>
      join.onRef('h.image_arn', '=', 's.image_arn').on('h.destination', '=', name),
    )
    .leftJoin('images as i', 'i.arn', 's.image_arn')
    .select(['s.image_arn', 's.account', 's.region', 's.group_name', 's.name', 's.created', 'h.position', 'i.status'])
    .where('s.created', '>=', since)
    .where((e) => e.or([e('h.done', 'is', null), e('h.done', '=', 0), e('i.status', 'in', BUILD_STAGES)]))
    .orderBy('s.created')
    .execute();
  return rows.map(({ position, status, ...row }) => ({
    ...row,
    position: position ?? 0,
    writing: (BUILD_STAGES as readonly (string | null)[]).includes(status),
  }));
}

/** Records how far a log is shipped. */
export async function setShipped(
  trx: Queryable,
  destination: string,
  image_arn: string,
  position: number,
  done: boolean,
): Promise<void> {
  const change = { position, done: done ? 1 : 0 };
  await trx
    .insertInto('log_shipments')
    .values({ destination, image_arn, ...change })
    .onConflict((conflict) => conflict.columns(['destination', 'image_arn']).doUpdateSet(change))
    .execute();
}

/** Events of pipelines after a number, in order. */
export async function pipelineLogAfter(
  db: Queryable,
  seq: number,
  limit: number,
): Promise<readonly Selectable<LogTables['pipeline_log']>[]> {
  return db.selectFrom('pipeline_log').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit).execute();
}
