/** Queries on executions of state updates, and on their results for each resource. */
import type { LifecyclePolicyDetailExclusionRulesAmis } from '@aws-sdk/client-imagebuilder';
import type { Insertable, Selectable, Updateable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { Queryable } from './catalog.ts';
import type { LifecycleExecutionTable, LifecycleResourceTable } from './engine-tables.ts';
import { standsAfter, type Slice } from './slices.ts';

/** A recorded execution. */
export type LifecycleExecution = Selectable<LifecycleExecutionTable>;
/** The result of an execution for one resource. */
export type LifecycleResource = Selectable<LifecycleResourceTable>;

/** The requested change of an image: the `request` of its execution. */
export interface StateUpdate {
  readonly status: 'AVAILABLE' | 'DEPRECATED' | 'DISABLED' | 'DELETED';
  readonly include: {
    readonly amis: boolean;
    readonly snapshots: boolean;
    /** Absent in records of older versions. */
    readonly containers?: boolean;
  };
  readonly exclusionRules?: LifecyclePolicyDetailExclusionRulesAmis;
}

const OPEN = ['PENDING', 'IN_PROGRESS', 'CANCELLING'] as const;

/** Records an execution that is to begin at its `due`. */
export async function insertLifecycleExecution(
  db: Queryable,
  execution: Pick<LifecycleExecution, 'id' | 'account' | 'region' | 'image_arn' | 'policy_arn' | 'due'> & {
    /** Empty for a policy's execution, because the policy defines the actions. */
    readonly request: StateUpdate | Readonly<Record<string, never>>;
  },
): Promise<void> {
  await db
    .insertInto('lifecycle_executions')
    .values({
      ...execution,
      request: JSON.stringify(execution.request),
      status: 'PENDING',
      reason: null,
      created: timestamp(),
      start_time: null,
      end_time: null,
    })
    .execute();
}

/** The execution, or `undefined`. */
export async function getLifecycleExecution(db: Queryable, id: string): Promise<LifecycleExecution | undefined> {
  return db.selectFrom('lifecycle_executions').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Changes an execution's record. */
export async function updateLifecycleExecution(
  db: Queryable,
  id: string,
  changes: Updateable<LifecycleExecutionTable>,
): Promise<void> {
  await db.updateTable('lifecycle_executions').set(changes).where('id', '=', id).execute();
}

/** The unfinished execution of an image, or `undefined`. */
export async function openExecutionOf(db: Queryable, imageArn: string): Promise<LifecycleExecution | undefined> {
  return db
    .selectFrom('lifecycle_executions')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .where('status', 'in', [...OPEN])
    .executeTakeFirst();
}

/** The unfinished execution of a policy, or `undefined`. */
export async function openExecutionOfPolicy(db: Queryable, policyArn: string): Promise<LifecycleExecution | undefined> {
  return db
    .selectFrom('lifecycle_executions')
    .selectAll()
    .where('policy_arn', '=', policyArn)
    .where('status', 'in', [...OPEN])
    .executeTakeFirst();
}

/** ARNs of the images that have a result in an execution. */
export async function imagesOfExecution(db: Queryable, executionId: string): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom('lifecycle_resources')
    .select('resource_id')
    .where('execution_id', '=', executionId)
    .where('parent_id', 'is', null)
    .where('status', '!=', 'IN_PROGRESS')
    .execute();
  return new Set(rows.map(({ resource_id }) => resource_id));
}

/** Executions to work on now, the longest overdue first, including those that a worker left unfinished. */
export async function dueExecutions(db: Queryable): Promise<readonly LifecycleExecution[]> {
  return db
    .selectFrom('lifecycle_executions')
    .selectAll()
    .where('status', 'in', [...OPEN])
    .where('due', '<=', timestamp())
    .orderBy('due')
    .orderBy('id')
    .execute();
}

/** Executions for an image, or of a policy, the newest first. */
export async function listLifecycleExecutions(
  db: Queryable,
  of: { readonly imageArn: string } | { readonly policyArn: string },
  slice: Slice,
): Promise<readonly LifecycleExecution[]> {
  const query = db.selectFrom('lifecycle_executions').selectAll();
  return ('imageArn' in of ? query.where('image_arn', '=', of.imageArn) : query.where('policy_arn', '=', of.policyArn))
    .where(standsAfter(['created', 'id'], slice, 'desc'))
    .orderBy('created', 'desc')
    .orderBy('id', 'desc')
    .limit(slice.limit + 1)
    .execute();
}

/** Records the result of an execution for a resource; replaces an earlier one. */
export async function recordLifecycleResource(
  db: Queryable,
  resource: Insertable<LifecycleResourceTable>,
): Promise<void> {
  await db
    .insertInto('lifecycle_resources')
    .values(resource)
    .onConflict((conflict) =>
      conflict
        .columns(['execution_id', 'resource_id'])
        .doUpdateSet({ status: resource.status, reason: resource.reason ?? null, end_time: resource.end_time ?? null }),
    )
    .execute();
}

/** Images of an execution, or with a parent the AMIs of an image, ordered by id. */
export async function listLifecycleResources(
  db: Queryable,
  executionId: string,
  parentId: string | undefined,
  slice: Slice,
): Promise<readonly LifecycleResource[]> {
  const query = db.selectFrom('lifecycle_resources').selectAll().where('execution_id', '=', executionId);
  return (parentId === undefined ? query.where('parent_id', 'is', null) : query.where('parent_id', '=', parentId))
    .where(standsAfter(['resource_id'], slice))
    .orderBy('resource_id')
    .limit(slice.limit + 1)
    .execute();
}

/** Whether an execution has changed anything yet. */
export async function hasImpact(db: Queryable, executionId: string): Promise<boolean> {
  const row = await db
    .selectFrom('lifecycle_resources')
    .select('resource_id')
    .where('execution_id', '=', executionId)
    .where('status', 'in', ['SUCCESS', 'IN_PROGRESS'])
    .executeTakeFirst();
  return row !== undefined;
}
