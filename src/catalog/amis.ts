/** Queries on AMIs. */
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';
import type { AmiTable } from './engine-tables.ts';
import type { Tables } from './tables.ts';

/** An AMI on record. */
export type Ami = Selectable<AmiTable>;

/** Records an AMI. */
export async function insertAmi(db: Kysely<Tables>, ami: Insertable<AmiTable>): Promise<void> {
  await db.insertInto('amis').values(ami).execute();
}

/** The AMI with this id, in this Region when one is given, unless it was deregistered. */
export async function findAmi(db: Kysely<Tables>, id: string, region?: string): Promise<Ami | undefined> {
  let query = db.selectFrom('amis').selectAll().where('id', '=', id).where('state', '=', 'available');
  if (region !== undefined) query = query.where('region', '=', region);
  return query.executeTakeFirst();
}

/** The AMI with this id in whatever state, or `undefined`. */
export async function amiOnRecord(db: Kysely<Tables>, id: string): Promise<Ami | undefined> {
  return db.selectFrom('amis').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Every AMI on record, whatever its state, oldest first. */
export async function allAmis(db: Kysely<Tables>): Promise<readonly Ami[]> {
  return db.selectFrom('amis').selectAll().orderBy('created').orderBy('id').execute();
}

/** AMIs of an image that are available, its home Region's first. */
export async function amisOfImage(db: Kysely<Tables>, imageArn: string): Promise<readonly Ami[]> {
  return db.selectFrom('amis').selectAll().where('image_arn', '=', imageArn).where('state', '=', 'available').orderBy('created').execute();
}

/** AMIs of an image that are available or disabled, in order of their making. */
export async function amisInForce(db: Kysely<Tables>, imageArn: string): Promise<readonly Ami[]> {
  return db.selectFrom('amis').selectAll().where('image_arn', '=', imageArn).where('state', 'in', ['available', 'disabled']).orderBy('created').orderBy('id').execute();
}

/** Whether all AMIs that an image had in a Region were deregistered. */
export async function wasDeregistered(db: Kysely<Tables>, imageArn: string, region: string): Promise<boolean> {
  const rows = await db.selectFrom('amis').select('state').where('image_arn', '=', imageArn).where('region', '=', region).execute();
  return rows.some(({ state }) => state === 'deregistered') && !rows.some(({ state }) => state === 'available');
}

/** AMIs that were begun and never finished; of one image, or of all. */
export async function pendingAmis(db: Kysely<Tables>, imageArn?: string): Promise<readonly Ami[]> {
  const query = db.selectFrom('amis').selectAll().where('state', '=', 'pending');
  return (imageArn === undefined ? query : query.where('image_arn', '=', imageArn)).execute();
}

/** Changes an AMI's record. */
export async function updateAmi(db: Kysely<Tables>, id: string, changes: Updateable<AmiTable>): Promise<void> {
  await db.updateTable('amis').set(changes).where('id', '=', id).execute();
}
