/** Queries on parameters: names with values, as in Systems Manager. Versions are kept, up to `MOST_VERSIONS`. */
import { type Selectable, sql } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { Queryable } from './catalog.ts';
import type { Place } from './slices.ts';
import type { ParameterTable } from './tables.ts';

/** Types whose values are not secret. */
export const PARAMETER_TYPES = ['String', 'StringList'] as const;

/** Maximum number of versions of a parameter. Source: Systems Manager User Guide, "Parameter versions". */
export const MOST_VERSIONS = 100;

/** The content of a parameter, without its account and Region. */
export interface ParameterContent {
  /** The value of a SecureString is sealed. */
  readonly type: (typeof PARAMETER_TYPES)[number] | 'SecureString';
  readonly value: string;
  readonly description?: string | undefined;
  /** Default: `text`. */
  readonly dataType?: string | undefined;
  /** Default: `Standard`. */
  readonly tier?: string | undefined;
  /** RE2. */
  readonly allowedPattern?: string | undefined;
  /** ARN of the principal that wrote this version. */
  readonly updatedBy?: string | undefined;
}

/** A parameter. */
export interface StoredParameter extends ParameterContent {
  readonly name: string;
  readonly dataType: string;
  readonly tier: string;
  /** 1 for a new parameter, one more for each new value. */
  readonly version: number;
  /** ISO-8601. */
  readonly updated: string;
}

/** One version of a parameter. */
export interface ParameterVersion extends StoredParameter {
  readonly labels: readonly string[];
}

/** All parameters of an account in a Region, by name. */
export async function listParameters(db: Queryable, place: Place): Promise<readonly StoredParameter[]> {
  const rows = await parametersOf(db, place).selectAll().orderBy('name').execute();
  return rows.map(parameterOf);
}

/** The number of parameters. */
export async function countParameters(db: Queryable, place: Place): Promise<number> {
  const { count } = await parametersOf(db, place)
    .select((e) => e.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** One parameter, or `undefined`. */
export async function getParameter(db: Queryable, place: Place, name: string): Promise<StoredParameter | undefined> {
  const row = await parametersOf(db, place).selectAll().where('name', '=', name).executeTakeFirst();
  return row === undefined ? undefined : parameterOf(row);
}

/** The stored versions of a parameter, oldest first. */
export async function parameterVersions(
  db: Queryable,
  { account, region }: Place,
  name: string,
): Promise<readonly ParameterVersion[]> {
  const rows = await db
    .selectFrom('parameter_versions')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .orderBy('version')
    .execute();
  return rows.map(({ labels, ...row }) => ({ ...parameterOf(row), labels: JSON.parse(labels) as string[] }));
}

/** Parameters with a label on some version: their labels, by name. */
export async function labelledParameters(
  db: Queryable,
  { account, region }: Place,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await db
    .selectFrom('parameter_versions')
    .select(['name', 'labels'])
    .where('account', '=', account)
    .where('region', '=', region)
    .where('labels', '<>', '[]')
    .execute();
  const found = new Map<string, string[]>();
  for (const { name, labels } of rows)
    found.set(name, [...(found.get(name) ?? []), ...(JSON.parse(labels) as string[])]);
  return found;
}

function parametersOf(db: Queryable, { account, region }: Place) {
  return db.selectFrom('parameters').where('account', '=', account).where('region', '=', region);
}

function parameterOf(row: Selectable<ParameterTable>): StoredParameter {
  return {
    name: row.name,
    type: row.type as StoredParameter['type'],
    value: row.value,
    description: row.description ?? undefined,
    dataType: row.data_type,
    tier: row.tier,
    allowedPattern: row.allowed_pattern ?? undefined,
    version: row.version,
    updated: row.updated,
    updatedBy: row.updated_by ?? undefined,
  };
}

/** Stores a parameter, replacing the previous value; the same value again changes nothing. */
export async function putParameter(
  db: Queryable,
  place: Place,
  parameter: ParameterContent & { readonly name: string },
): Promise<StoredParameter> {
  const { type, value, description } = parameter;
  const before = await getParameter(db, place, parameter.name);
  if (before?.type === type && before.value === value && before.description === description) return before;
  return addParameterVersion(db, place, parameter);
}

/** Creates the first or next version of a parameter. If there are too many, the oldest are deleted. */
export async function addParameterVersion(
  db: Queryable,
  { account, region }: Place,
  { name, ...content }: ParameterContent & { readonly name: string },
): Promise<StoredParameter> {
  const before = await getParameter(db, { account, region }, name);
  const columns = {
    type: content.type,
    value: content.value,
    description: content.description ?? null,
    data_type: content.dataType ?? 'text',
    tier: content.tier ?? 'Standard',
    allowed_pattern: content.allowedPattern ?? null,
    version: (before?.version ?? 0) + 1,
    updated: timestamp(),
    updated_by: content.updatedBy ?? null,
  };
  const key = { account, region, name };
  await db
    .insertInto('parameters')
    .values({ ...key, ...columns })
    .onConflict((conflict) => conflict.columns(['account', 'region', 'name']).doUpdateSet(columns))
    .execute();
  await db
    .insertInto('parameter_versions')
    .values({ ...key, ...columns, labels: '[]' })
    .execute();
  await db
    .deleteFrom('parameter_versions')
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .where('version', '<=', columns.version - MOST_VERSIONS)
    .execute();
  return parameterOf({ ...key, ...columns });
}

/** Replaces the labels of a version. */
export async function setLabels(
  db: Queryable,
  { account, region }: Place,
  { name, version, labels }: Pick<ParameterVersion, 'name' | 'version' | 'labels'>,
): Promise<void> {
  await db
    .updateTable('parameter_versions')
    .set({ labels: JSON.stringify(labels) })
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .where('version', '=', version)
    .execute();
}

/** Deletes a parameter with its versions and labels. Returns whether it existed. */
export async function removeParameter(db: Queryable, { account, region }: Place, name: string): Promise<boolean> {
  let removed = 0n;
  for (const table of ['parameter_versions', 'parameters'] as const) {
    const { numDeletedRows } = await db
      .deleteFrom(table)
      .where('account', '=', account)
      .where('region', '=', region)
      .where(sql.ref('name'), '=', name)
      .executeTakeFirst();
    removed = numDeletedRows;
  }
  return removed > 0n;
}
