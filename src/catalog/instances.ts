/** Queries on instances. */
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';
import type { InstanceTable } from './engine-tables.ts';
import type { Tables } from './tables.ts';

/** An instance on record. */
export type InstanceRecord = Selectable<InstanceTable>;

/** Records an instance before anything of it is created. */
export async function insertInstance(db: Kysely<Tables>, instance: Insertable<InstanceTable>): Promise<void> {
  await db.insertInto('instances').values(instance).execute();
}

/** The instance, or `undefined`. */
export async function getInstance(db: Kysely<Tables>, id: string): Promise<InstanceRecord | undefined> {
  return db.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Changes an instance's record. */
export async function updateInstance(
  db: Kysely<Tables>,
  id: string,
  changes: Updateable<InstanceTable>,
): Promise<void> {
  await db.updateTable('instances').set(changes).where('id', '=', id).execute();
}

/** Records that a user changes a running instance; called before the change is possible. */
export async function markChangedByHand(db: Kysely<Tables>, id: string, now: string): Promise<void> {
  await db
    .updateTable('instances')
    .set({ changed_by_hand: now })
    .where('id', '=', id)
    .where('changed_by_hand', 'is', null)
    .execute();
}

/** Whether a user may have changed an instance. */
export async function wasChangedByHand(db: Kysely<Tables>, id: string): Promise<boolean> {
  const row = await db.selectFrom('instances').select('changed_by_hand').where('id', '=', id).executeTakeFirst();
  return typeof row?.changed_by_hand === 'string';
}

/** Instances that have not ended, oldest first. */
export async function liveInstances(db: Kysely<Tables>): Promise<readonly InstanceRecord[]> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where('state', 'in', ['pending', 'running', 'shutting-down'])
    .orderBy('created')
    .execute();
}

/**
 * Launched instances that wait to be started, and those (including kept ones) that wait to be terminated, oldest first.
 */
export async function instancesToActOn(db: Kysely<Tables>): Promise<readonly InstanceRecord[]> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where((e) => e.or([e('purpose', '=', 'launch'), e('kept_until', 'is not', null)]))
    .where('state', 'in', ['pending', 'shutting-down'])
    .orderBy('created')
    .execute();
}

/**
 * Requests the termination of kept instances whose keep time has expired.
 * @param now ISO-8601
 */
export async function endExpired(db: Kysely<Tables>, now: string): Promise<void> {
  await db
    .updateTable('instances')
    .set({ state: 'shutting-down', reason: 'its keep time has expired' })
    .where('state', '=', 'running')
    .where('kept_until', '<=', now)
    .execute();
}

/**
 * Whether an instance belongs to a user, not to a build: launched, or kept after a failure. It outlives worker and
 * server.
 */
export function isUsers({ purpose, kept_until }: Pick<InstanceRecord, 'purpose' | 'kept_until'>): boolean {
  return purpose === 'launch' || kept_until !== null;
}

/** The latest instances of an account in a Region, newest first. */
export async function listInstances(
  db: Kysely<Tables>,
  account: string,
  region: string,
  limit = 100,
): Promise<readonly InstanceRecord[]> {
  return db
    .selectFrom('instances')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .orderBy('created', 'desc')
    .limit(limit)
    .execute();
}

/** When an AMI was last launched (ISO-8601), or `undefined`. */
export async function lastLaunchOf(db: Kysely<Tables>, amiId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('instances')
    .select('created')
    .where('ami_id', '=', amiId)
    .where('purpose', '=', 'launch')
    .orderBy('created', 'desc')
    .executeTakeFirst();
  return row?.created;
}
