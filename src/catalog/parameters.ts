/** Queries on parameters: names with values, as Systems Manager keeps them. */
import { timestamp } from '../platform/clock.ts';
import type { Queryable } from './catalog.ts';
import type { Place } from './slices.ts';

/** Kinds of values. A SecureString is a secret, and not kept here. */
export const PARAMETER_TYPES = ['String', 'StringList'] as const;

/** A parameter. */
export interface StoredParameter {
  readonly name: string;
  readonly type: (typeof PARAMETER_TYPES)[number];
  readonly value: string;
  readonly description?: string;
  /** 1 when it is new, one more for each new value. */
  readonly version: number;
  /** ISO-8601. */
  readonly updated: string;
}

/** All parameters of an account in a Region, by name. */
export async function listParameters(db: Queryable, place: Place): Promise<readonly StoredParameter[]> {
  const rows = await parametersOf(db, place).orderBy('name').execute();
  return rows.map(parameterOf);
}

/** One, or `undefined`. */
export async function getParameter(db: Queryable, place: Place, name: string): Promise<StoredParameter | undefined> {
  const row = await parametersOf(db, place).where('name', '=', name).executeTakeFirst();
  return row === undefined ? undefined : parameterOf(row);
}

function parametersOf(db: Queryable, { account, region }: Place) {
  return db.selectFrom('parameters').selectAll().where('account', '=', account).where('region', '=', region);
}

function parameterOf(row: {
  readonly name: string;
  readonly type: string;
  readonly value: string;
  readonly description: string | null;
  readonly version: number;
  readonly updated: string;
}): StoredParameter {
  const { name, value, description, version, updated } = row;
  return {
    name,
    type: row.type as StoredParameter['type'],
    value,
    description: description ?? undefined,
    version,
    updated,
  };
}

/** Keeps a parameter in place of the one before; the same again changes nothing. */
export async function putParameter(
  db: Queryable,
  place: Place,
  parameter: Pick<StoredParameter, 'name' | 'type' | 'value' | 'description'>,
): Promise<StoredParameter> {
  const { name, type, value, description } = parameter;
  const before = await getParameter(db, place, name);
  if (before?.type === type && before.value === value && before.description === description) return before;
  const content = {
    type,
    value,
    description: description ?? null,
    version: (before?.version ?? 0) + 1,
    updated: timestamp(),
  };
  await db
    .insertInto('parameters')
    .values({ account: place.account, region: place.region, name, ...content })
    .onConflict((conflict) => conflict.columns(['account', 'region', 'name']).doUpdateSet(content))
    .execute();
  return parameterOf({ name, ...content });
}

/** Whether there was one. */
export async function removeParameter(db: Queryable, { account, region }: Place, name: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('parameters')
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
