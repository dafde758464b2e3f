/** Queries on principals (users and roles), their policies and their access keys. */
import type { Queryable } from './catalog.ts';

/** A user or a role. */
export interface StoredPrincipal {
  /** `arn:aws:iam::123456789012:user/ci` */
  readonly arn: string;
  /** 12 digits. */
  readonly account: string;
  readonly type: 'user' | 'role';
  readonly name: string;
  /** `AIDA…` or `AROA…`; a principal that was deleted and created again has a new one. */
  readonly id: string;
  /** Who may assume it, as JSON; roles only. */
  readonly trustPolicy?: string;
  /** Maximum duration of a session in seconds; roles only. */
  readonly maxSessionSeconds?: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly dateCreated: string;
}

/** An access key; its secret is sealed. */
export interface StoredAccessKey {
  readonly id: string;
  /** Of the user. */
  readonly principal: string;
  readonly secret: string;
  readonly status: 'Active' | 'Inactive';
  readonly dateCreated: string;
}

/** A named policy of a principal, as JSON. */
export interface StoredPrincipalPolicy {
  readonly name: string;
  readonly document: string;
}

/** Records a principal. */
export async function insertPrincipal(db: Queryable, principal: StoredPrincipal): Promise<void> {
  const { arn, account, type, name, id, trustPolicy, maxSessionSeconds, tags, dateCreated } = principal;
  await db
    .insertInto('principals')
    .values({
      arn,
      account,
      type,
      name,
      id,
      trust_policy: trustPolicy ?? null,
      max_session_seconds: maxSessionSeconds ?? null,
      tags: JSON.stringify(tags),
      date_created: dateCreated,
    })
    .execute();
}

/** Updates a principal. Returns whether it exists. */
export async function updatePrincipal(
  db: Queryable,
  arn: string,
  change: Pick<Partial<StoredPrincipal>, 'trustPolicy' | 'maxSessionSeconds' | 'tags'>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('principals')
    .set({
      arn,
      trust_policy: change.trustPolicy,
      max_session_seconds: change.maxSessionSeconds,
      tags: change.tags && JSON.stringify(change.tags),
    })
    .where('arn', '=', arn)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** A principal, or `undefined`. */
export async function getPrincipal(db: Queryable, arn: string): Promise<StoredPrincipal | undefined> {
  const row = await db.selectFrom('principals').selectAll().where('arn', '=', arn).executeTakeFirst();
  return row === undefined ? undefined : principalOf(row);
}

/** All principals of an account, or of all accounts, sorted by ARN. */
export async function listPrincipals(db: Queryable, account?: string): Promise<readonly StoredPrincipal[]> {
  const query = db.selectFrom('principals').selectAll().orderBy('arn');
  return (await (account === undefined ? query : query.where('account', '=', account)).execute()).map(principalOf);
}

/** Removes a principal with its policies and keys. Returns whether it existed. */
export async function removePrincipal(db: Queryable, arn: string): Promise<boolean> {
  await db.deleteFrom('access_keys').where('principal', '=', arn).execute();
  await db.deleteFrom('principal_policies').where('principal', '=', arn).execute();
  return (await db.deleteFrom('principals').where('arn', '=', arn).executeTakeFirstOrThrow()).numDeletedRows > 0n;
}

/** The policies of a principal, by name. */
export async function policiesOf(db: Queryable, arn: string): Promise<readonly StoredPrincipalPolicy[]> {
  return db
    .selectFrom('principal_policies')
    .select(['name', 'document'])
    .where('principal', '=', arn)
    .orderBy('name')
    .execute();
}

/** Sets a policy of a principal, replacing the one with that name. */
export async function putPrincipalPolicy(
  db: Queryable,
  arn: string,
  { name, document }: StoredPrincipalPolicy,
): Promise<void> {
  await db
    .insertInto('principal_policies')
    .values({ principal: arn, name, document })
    .onConflict((conflict) => conflict.columns(['principal', 'name']).doUpdateSet({ document }))
    .execute();
}

/** Removes a policy. Returns whether it existed. */
export async function removePrincipalPolicy(db: Queryable, arn: string, name: string): Promise<boolean> {
  return (
    (
      await db
        .deleteFrom('principal_policies')
        .where('principal', '=', arn)
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
    ).numDeletedRows > 0n
  );
}

/** Records an access key. */
export async function insertAccessKey(db: Queryable, key: StoredAccessKey): Promise<void> {
  await db
    .insertInto('access_keys')
    .values({
      id: key.id,
      principal: key.principal,
      secret: key.secret,
      status: key.status,
      date_created: key.dateCreated,
    })
    .execute();
}

/** An access key, or `undefined`. */
export async function getAccessKey(db: Queryable, id: string): Promise<StoredAccessKey | undefined> {
  const row = await db.selectFrom('access_keys').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : accessKeyOf(row);
}

/** The access keys of a user, oldest first. */
export async function accessKeysOf(db: Queryable, principal: string): Promise<readonly StoredAccessKey[]> {
  return (
    await db
      .selectFrom('access_keys')
      .selectAll()
      .where('principal', '=', principal)
      .orderBy('date_created')
      .orderBy('id')
      .execute()
  ).map(accessKeyOf);
}

/** Activates or deactivates an access key. */
export async function setAccessKeyStatus(db: Queryable, id: string, status: StoredAccessKey['status']): Promise<void> {
  await db.updateTable('access_keys').set({ status }).where('id', '=', id).execute();
}

/** Removes an access key. */
export async function removeAccessKey(db: Queryable, id: string): Promise<void> {
  await db.deleteFrom('access_keys').where('id', '=', id).execute();
}

interface PrincipalRow {
  readonly arn: string;
  readonly account: string;
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly trust_policy: string | null;
  readonly max_session_seconds: number | null;
  readonly tags: string;
  readonly date_created: string;
}

function principalOf(row: PrincipalRow): StoredPrincipal {
  return {
    arn: row.arn,
    account: row.account,
    type: row.type as StoredPrincipal['type'],
    name: row.name,
    id: row.id,
    trustPolicy: row.trust_policy ?? undefined,
    maxSessionSeconds: row.max_session_seconds ?? undefined,
    tags: JSON.parse(row.tags) as Record<string, string>,
    dateCreated: row.date_created,
  };
}

function accessKeyOf(row: {
  readonly id: string;
  readonly principal: string;
  readonly secret: string;
  readonly status: string;
  readonly date_created: string;
}): StoredAccessKey {
  return {
    id: row.id,
    principal: row.principal,
    secret: row.secret,
    status: row.status as StoredAccessKey['status'],
    dateCreated: row.date_created,
  };
}
