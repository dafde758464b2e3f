/** Queries on AMIs. */
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';
import { accountOfArn } from '../resources/arns.ts';
import type { AmiTable } from './engine-tables.ts';
import type { Tables } from './tables.ts';

/** An AMI on record. */
export type Ami = Selectable<AmiTable>;

/** Records an AMI. */
export async function insertAmi(db: Kysely<Tables>, ami: Insertable<AmiTable>): Promise<void> {
  await db.insertInto('amis').values(ami).execute();
}

/** The AMI with this id (in this Region, if given), unless it was deregistered. */
export async function findAmi(db: Kysely<Tables>, id: string, region?: string): Promise<Ami | undefined> {
  let query = db.selectFrom('amis').selectAll().where('id', '=', id).where('state', '=', 'available');
  if (region !== undefined) query = query.where('region', '=', region);
  return query.executeTakeFirst();
}

/** The AMI with this id in any state, or `undefined`. */
export async function amiOnRecord(db: Kysely<Tables>, id: string): Promise<Ami | undefined> {
  return db.selectFrom('amis').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The AMI of EC2 that took the place of a copy that was asked for, or `undefined`. */
export async function copyOf(db: Kysely<Tables>, id: string): Promise<Ami | undefined> {
  return db
    .selectFrom('amis')
    .selectAll()
    .where('image_arn', 'like', `arn:aws:ec2:%:image/${id}`)
    .where('id', '<>', id)
    .executeTakeFirst();
}

/** Every AMI on record, in any state, oldest first. */
export async function allAmis(db: Kysely<Tables>): Promise<readonly Ami[]> {
  return db.selectFrom('amis').selectAll().orderBy('created').orderBy('id').execute();
}

/** AMIs of an image that are available, its home Region's first. */
export async function amisOfImage(db: Kysely<Tables>, imageArn: string): Promise<readonly Ami[]> {
  return db
    .selectFrom('amis')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .where('state', '=', 'available')
    .orderBy('created')
    .execute();
}

/** AMIs of an image that are available or disabled, in order of creation. */
export async function amisInForce(db: Kysely<Tables>, imageArn: string): Promise<readonly Ami[]> {
  return db
    .selectFrom('amis')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .where('state', 'in', ['available', 'disabled'])
    .orderBy('created')
    .orderBy('id')
    .execute();
}

/** Whether all AMIs of an image in a Region were deregistered. */
export async function wasDeregistered(db: Kysely<Tables>, imageArn: string, region: string): Promise<boolean> {
  const rows = await db
    .selectFrom('amis')
    .select('state')
    .where('image_arn', '=', imageArn)
    .where('region', '=', region)
    .execute();
  return rows.some(({ state }) => state === 'deregistered') && !rows.some(({ state }) => state === 'available');
}

/** Whether an AMI is a copy that was requested with `CopyImage`, not made by the work on an image. */
export function isRequestedCopy({ source_ami, image_arn }: Pick<Ami, 'source_ami' | 'image_arn'>): boolean {
  return source_ami !== null && image_arn.startsWith('arn:aws:ec2:');
}

/** The AMI that an image has in a Region for its own account, if it is available. */
export async function ownAmiOfImage(db: Kysely<Tables>, imageArn: string, region: string): Promise<Ami | undefined> {
  const account = accountOfArn(imageArn);
  return (await amisOfImage(db, imageArn)).find((ami) => ami.region === region && ami.account === account);
}

/** AMIs that were started and never finished: of one image, or of all. */
export async function pendingAmis(db: Kysely<Tables>, imageArn?: string): Promise<readonly Ami[]> {
  const query = db.selectFrom('amis').selectAll().where('state', '=', 'pending');
  return (imageArn === undefined ? query : query.where('image_arn', '=', imageArn)).execute();
}

/**
 * The AMI that a failed or canceled image has kept in its own Region and account for a retry, or `undefined`: `failed`
 * if its tests have not passed, `available` if only its distribution failed.
 */
export async function keptAmi(db: Kysely<Tables>, imageArn: string, region: string): Promise<Ami | undefined> {
  return keptIn(db, imageArn, { region, account: accountOfArn(imageArn)! });
}

async function keptIn(
  db: Kysely<Tables>,
  imageArn: string,
  { region, account }: Pick<Ami, 'region' | 'account'>,
): Promise<Ami | undefined> {
  return db
    .selectFrom('amis')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .where('region', '=', region)
    .where('account', '=', account)
    .where('state', 'in', ['failed', 'available'])
    .where('layer_id', 'is not', null)
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** The image of an available AMI with this disk that has an inventory. */
export async function imageWithDisk(
  db: Kysely<Tables>,
  layerId: string,
  account: string,
): Promise<Pick<Ami, 'image_arn' | 'os_version'> | undefined> {
  return db
    .selectFrom('amis')
    .select(['image_arn', 'os_version'])
    .where('layer_id', '=', layerId)
    .where('account', '=', account)
    .where('state', '=', 'available')
    .where((e) =>
      e.exists(
        e
          .selectFrom('image_packages')
          .select('image_packages.name')
          .whereRef('image_packages.image_arn', '=', 'amis.image_arn'),
      ),
    )
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** Makes the kept AMI of a failed image available to the work on it. Returns its id. */
export async function reviveAmi(
  db: Kysely<Tables>,
  imageArn: string,
  place: Pick<Ami, 'region' | 'account'>,
): Promise<string | undefined> {
  const kept = await keptIn(db, imageArn, place);
  if (kept === undefined) return undefined;
  const { numUpdatedRows } = await db
    .updateTable('amis')
    .set({ state: 'available' })
    .where('id', '=', kept.id)
    .where('state', 'in', ['failed', 'available'])
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n ? kept.id : undefined;
}

/**
 * Kept AMIs that no retry will use: of deleted images, and those made at `before` (ISO-8601) or earlier whose images
 * are not waiting.
 */
export async function forsakenAmis(db: Kysely<Tables>, before: string): Promise<readonly Ami[]> {
  return db
    .selectFrom('amis')
    .leftJoin('images', 'images.arn', 'amis.image_arn')
    .selectAll('amis')
    .where('amis.state', '=', 'failed')
    .where('amis.layer_id', 'is not', null)
    .where((e) =>
      e.or([
        e('images.arn', 'is', null),
        e.and([e('images.status', 'in', ['FAILED', 'CANCELLED', 'DELETED']), e('amis.created', '<=', before)]),
      ]),
    )
    .execute();
}

/** Changes an AMI's record. */
export async function updateAmi(db: Kysely<Tables>, id: string, changes: Updateable<AmiTable>): Promise<void> {
  await db.updateTable('amis').set(changes).where('id', '=', id).execute();
}
