/** Queries on stacks, their exports and imports. */
import { timestamp } from '../platform/clock.ts';
import { newUuid } from '../platform/ids.ts';
import type { Queryable } from './catalog.ts';
import type { Place } from './slices.ts';

/** Status of a stack, in CloudFormation's terms. */
export const STACK_STATUSES = [
  'CREATE_IN_PROGRESS',
  'CREATE_FAILED',
  'CREATE_COMPLETE',
  'UPDATE_IN_PROGRESS',
  'UPDATE_FAILED',
  'UPDATE_COMPLETE',
  'DELETE_IN_PROGRESS',
  'DELETE_FAILED',
] as const;
export type StackStatus = (typeof STACK_STATUSES)[number];

/** What happens to a resource that is removed from its stack. */
export const DELETION_POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'] as const;

/** Maximum number of earlier ARNs of a resource; older ones are dropped. */
export const MOST_EARLIER = 100;

/** A resource of a stack. */
export interface StackResource {
  readonly logicalId: string;
  /** Such as `AWS::ImageBuilder::Component`. */
  readonly type: string;
  /** ARN. */
  readonly physicalId: string;
  readonly deletionPolicy?: (typeof DELETION_POLICIES)[number];
  /** Earlier ARNs of the resource that still exist, such as other versions. The latest is last. */
  readonly earlier?: readonly string[];
  /** Of a repository: it is deleted with its images. */
  readonly emptyOnDelete?: boolean;
  /** Of an image: the role of `DeletionSettings`, by which its AMIs are deleted with it. */
  readonly deletionRole?: string;
}

/** An output of a stack. */
export interface StackOutput {
  readonly name: string;
  readonly value: string;
  readonly description?: string;
  readonly exportName?: string;
}

/** The content of a stack's record. */
export interface StackContent {
  readonly description?: string;
  /** In order of creation. */
  readonly resources: readonly StackResource[];
  readonly outputs: readonly StackOutput[];
}

/** A stack. */
export interface Stack extends StackContent {
  readonly name: string;
  /** ARN. */
  readonly stackId: string;
  readonly status: StackStatus;
  /** ISO-8601. */
  readonly created: string;
  readonly updated: string;
}

/** An export with the stacks that import it. */
export interface StackExport {
  readonly name: string;
  readonly value: string;
  readonly stack: string;
  readonly importedBy: readonly string[];
}

/** All stacks of an account in a Region, by name. */
export async function listStacks(db: Queryable, { account, region }: Place): Promise<readonly Stack[]> {
  const rows = await db
    .selectFrom('stacks')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .orderBy('name')
    .execute();
  return rows.map(stackOf);
}

/** One stack, or `undefined`. */
export async function getStack(db: Queryable, { account, region }: Place, name: string): Promise<Stack | undefined> {
  const row = await db
    .selectFrom('stacks')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? undefined : stackOf(row);
}

function stackOf(row: {
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly id: string;
  readonly status: string;
  readonly record: string;
  readonly created: string;
  readonly updated: string;
}): Stack {
  return {
    name: row.name,
    stackId: `arn:aws:cloudformation:${row.region}:${row.account}:stack/${row.name}/${row.id}`,
    status: row.status as StackStatus,
    created: row.created,
    updated: row.updated,
    ...(JSON.parse(row.record) as StackContent),
  };
}

/** Records a stack, replacing the previous record. */
export async function putStack(
  db: Queryable,
  { account, region }: Place,
  name: string,
  status: StackStatus,
  content: StackContent,
): Promise<void> {
  const now = timestamp();
  const record = JSON.stringify(content);
  await db
    .insertInto('stacks')
    .values({ account, region, name, id: newUuid(), status, record, created: now, updated: now })
    .onConflict((conflict) =>
      conflict.columns(['account', 'region', 'name']).doUpdateSet({ status, record, updated: now }),
    )
    .execute();
}

/** Deletes the record of a stack, with its exports and imports. */
export async function removeStack(db: Queryable, { account, region }: Place, name: string): Promise<void> {
  await db
    .deleteFrom('stacks')
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .execute();
  await putExports(db, { account, region }, name, []);
  await putImports(db, { account, region }, name, []);
}

/** All exports of an account in a Region, by name. */
export async function listExports(db: Queryable, { account, region }: Place): Promise<readonly StackExport[]> {
  const rows = await db
    .selectFrom('stack_exports')
    .select(['name', 'value', 'stack'])
    .where('account', '=', account)
    .where('region', '=', region)
    .orderBy('name')
    .execute();
  const imports = await db
    .selectFrom('stack_imports')
    .select(['name', 'stack'])
    .where('account', '=', account)
    .where('region', '=', region)
    .orderBy('stack')
    .execute();
  const importers = Map.groupBy(imports, ({ name }) => name);
  return rows.map((row) => ({ ...row, importedBy: (importers.get(row.name) ?? []).map(({ stack }) => stack) }));
}

/** Deletes a stack's rows in a table, before the new ones are written. */
async function clear(
  db: Queryable,
  table: 'stack_exports' | 'stack_imports',
  { account, region }: Place,
  stack: string,
): Promise<void> {
  await db
    .deleteFrom(table)
    .where('account', '=', account)
    .where('region', '=', region)
    .where('stack', '=', stack)
    .execute();
}

/** Replaces the exports of a stack. */
export async function putExports(
  db: Queryable,
  { account, region }: Place,
  stack: string,
  exports: readonly { readonly name: string; readonly value: string }[],
): Promise<void> {
  await clear(db, 'stack_exports', { account, region }, stack);
  if (exports.length > 0)
    await db
      .insertInto('stack_exports')
      .values(exports.map(({ name, value }) => ({ account, region, name, value, stack })))
      .execute();
}

/** Replaces the imports of a stack. */
export async function putImports(
  db: Queryable,
  { account, region }: Place,
  stack: string,
  names: readonly string[],
): Promise<void> {
  await clear(db, 'stack_imports', { account, region }, stack);
  if (names.length > 0)
    await db
      .insertInto('stack_imports')
      .values(names.map((name) => ({ account, region, name, stack })))
      .execute();
}
