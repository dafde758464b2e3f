/** Queries on keys and data keys. */
import type { Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import type { KeyState, KeyTable } from './key-tables.ts';

/** A key on record. */
export type KeyRecord = Selectable<KeyTable>;

/** A data key, sealed with one of the keys that open it. */
export interface WrappedKey {
  readonly data_key_id: string;
  readonly key_arn: string;
  readonly version: number;
  readonly sealed: string;
}

/** Records a key with the first version of its sealed material. */
export async function insertKey(db: Queryable, key: KeyRecord, sealed: string): Promise<void> {
  await db.insertInto('keys').values(key).execute();
  await insertKeyVersion(db, { key_arn: key.arn, version: key.version, sealed, created: key.created });
}

/** Records another version of a key's material, which seals from now on. */
export async function insertKeyVersion(
  db: Queryable,
  version: { readonly key_arn: string; readonly version: number; readonly sealed: string; readonly created: string },
): Promise<void> {
  await db.insertInto('key_versions').values(version).execute();
  await db.updateTable('keys').set({ version: version.version }).where('arn', '=', version.key_arn).execute();
}

/** The key, or `undefined`. */
export async function getKey(db: Queryable, arn: string): Promise<KeyRecord | undefined> {
  return db.selectFrom('keys').selectAll().where('arn', '=', arn).executeTakeFirst();
}

/** Keys of an account, in all Regions; of all accounts if it is `undefined`. */
export async function listKeys(db: Queryable, account: string | undefined): Promise<readonly KeyRecord[]> {
  return db
    .selectFrom('keys')
    .selectAll()
    .$if(account !== undefined, (query) => query.where('account', '=', account!))
    .orderBy('created')
    .execute();
}

/** Sealed material of a key. */
export async function getKeyVersion(db: Queryable, arn: string, version: number): Promise<string | undefined> {
  const found = await db
    .selectFrom('key_versions')
    .select('sealed')
    .where('key_arn', '=', arn)
    .where('version', '=', version)
    .executeTakeFirst();
  return found?.sealed;
}

/** Changes the state of a key. @param deletionDate for `PendingDeletion`, ISO-8601 */
export async function setKeyState(
  db: Queryable,
  arn: string,
  state: KeyState,
  deletionDate: string | null = null,
): Promise<void> {
  await db.updateTable('keys').set({ state, deletion_date: deletionDate }).where('arn', '=', arn).execute();
}

/** Deletes the keys whose time has come, with all that only they open. @param now ISO-8601 */
export async function deleteDueKeys(db: Queryable, now: string): Promise<readonly string[]> {
  const due = await db
    .selectFrom('keys')
    .select('arn')
    .where('state', '=', 'PendingDeletion')
    .where('deletion_date', '<=', now)
    .execute();
  for (const { arn } of due) {
    await db.deleteFrom('wrapped_keys').where('key_arn', '=', arn).execute();
    await db.deleteFrom('key_versions').where('key_arn', '=', arn).execute();
    await db.deleteFrom('key_aliases').where('key_arn', '=', arn).execute();
    await db.deleteFrom('keys').where('arn', '=', arn).execute();
  }
  return due.map(({ arn }) => arn);
}

/** The key that an alias names. @param name `alias/NAME` */
export async function keyOfAlias(
  db: Queryable,
  place: { readonly account: string; readonly region: string },
  name: string,
): Promise<string | undefined> {
  const found = await db
    .selectFrom('key_aliases')
    .select('key_arn')
    .where('account', '=', place.account)
    .where('region', '=', place.region)
    .where('name', '=', name)
    .executeTakeFirst();
  return found?.key_arn;
}

/** Gives an alias to a key of the same account and Region, taking it from another one. @param name `alias/NAME` */
export async function putKeyAlias(
  db: Queryable,
  { account, region, arn }: Pick<KeyRecord, 'account' | 'region' | 'arn'>,
  name: string,
): Promise<void> {
  await db
    .insertInto('key_aliases')
    .values({ account, region, name, key_arn: arn })
    .onConflict((conflict) => conflict.columns(['account', 'region', 'name']).doUpdateSet({ key_arn: arn }))
    .execute();
}

/** Aliases of a key. */
export async function aliasesOf(db: Queryable, arn: string): Promise<readonly string[]> {
  const found = await db.selectFrom('key_aliases').select('name').where('key_arn', '=', arn).orderBy('name').execute();
  return found.map(({ name }) => name);
}

/** Records a data key. */
export async function insertDataKey(
  db: Queryable,
  key: { readonly id: string; readonly key_arn: string; readonly created: string },
): Promise<void> {
  await db.insertInto('data_keys').values(key).execute();
}

/** The key that a data key was made under. */
export async function keyOfDataKey(db: Queryable, id: string): Promise<string | undefined> {
  const found = await db.selectFrom('data_keys').select('key_arn').where('id', '=', id).executeTakeFirst();
  return found?.key_arn;
}

/** Records a sealed data key, replacing the one with the same key. */
export async function putWrappedKey(db: Queryable, wrapped: WrappedKey): Promise<void> {
  const { version, sealed } = wrapped;
  await db
    .insertInto('wrapped_keys')
    .values(wrapped)
    .onConflict((conflict) => conflict.columns(['data_key_id', 'key_arn']).doUpdateSet({ version, sealed }))
    .execute();
}

/** A data key as a key has sealed it. */
export async function wrappedKey(db: Queryable, dataKeyId: string, keyArn: string): Promise<WrappedKey | undefined> {
  return db
    .selectFrom('wrapped_keys')
    .selectAll()
    .where('data_key_id', '=', dataKeyId)
    .where('key_arn', '=', keyArn)
    .executeTakeFirst();
}

/** Everything that a key has sealed. */
export async function wrappedBy(db: Queryable, keyArn: string): Promise<readonly WrappedKey[]> {
  return db.selectFrom('wrapped_keys').selectAll().where('key_arn', '=', keyArn).execute();
}

/** Ids of available AMIs that a key opens. */
export async function amisOfKey(db: Queryable, keyArn: string): Promise<readonly string[]> {
  const found = await db
    .selectFrom('amis')
    .select('id')
    .where('kms_key_arn', '=', keyArn)
    .where('state', '<>', 'deregistered')
    .orderBy('id')
    .execute();
  return found.map(({ id }) => id);
}

/** Deletes the data keys that no layer has any more. @param before ISO-8601; younger ones stay */
export async function deleteUnusedDataKeys(db: Queryable, before: string): Promise<void> {
  await db
    .deleteFrom('data_keys')
    .where('created', '<', before)
    .where((e) =>
      e.not(e.exists(e.selectFrom('layers').select('layers.id').whereRef('layers.data_key_id', '=', 'data_keys.id'))),
    )
    .execute();
  await db.deleteFrom('wrapped_keys').where('data_key_id', 'not in', db.selectFrom('data_keys').select('id')).execute();
}
