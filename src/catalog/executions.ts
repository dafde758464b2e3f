/** Queries on workflow executions, step executions and the packages of an image. */
import type { Insertable, Kysely, Selectable, Updateable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { StepExecutionTable, WorkflowExecutionTable } from './engine-tables.ts';
import type { Tables } from './tables.ts';
import { endWaitingOfImage } from './waiting-steps.ts';

/** A run of a workflow on record. */
export type WorkflowExecution = Selectable<WorkflowExecutionTable>;
/** A run of a step on record. */
export type StepExecution = Selectable<StepExecutionTable>;

/** Records a run of a workflow before it begins. */
export async function insertWorkflowExecution(
  db: Kysely<Tables>,
  execution: Insertable<WorkflowExecutionTable>,
): Promise<void> {
  await db.insertInto('workflow_executions').values(execution).execute();
}

/** Changes the record of a workflow's run. */
export async function updateWorkflowExecution(
  db: Kysely<Tables>,
  id: string,
  changes: Updateable<WorkflowExecutionTable>,
): Promise<void> {
  await db.updateTable('workflow_executions').set(changes).where('id', '=', id).execute();
}

/** The workflow's run, or `undefined`. */
export async function getWorkflowExecution(db: Kysely<Tables>, id: string): Promise<WorkflowExecution | undefined> {
  return db.selectFrom('workflow_executions').selectAll().where('id', '=', id).executeTakeFirst();
}

/** An image's workflow runs in order. */
export async function workflowExecutionsOfImage(
  db: Kysely<Tables>,
  imageArn: string,
): Promise<readonly WorkflowExecution[]> {
  return db
    .selectFrom('workflow_executions')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .orderBy('position')
    .execute();
}

/** Records a run of a step before it begins. */
export async function insertStepExecution(
  db: Kysely<Tables>,
  execution: Insertable<StepExecutionTable>,
): Promise<void> {
  await db.insertInto('step_executions').values(execution).execute();
}

/** Changes the record of a step's run. */
export async function updateStepExecution(
  db: Kysely<Tables>,
  id: string,
  changes: Updateable<StepExecutionTable>,
): Promise<void> {
  await db.updateTable('step_executions').set(changes).where('id', '=', id).execute();
}

/** The step's run, or `undefined`. */
export async function getStepExecution(db: Kysely<Tables>, id: string): Promise<StepExecution | undefined> {
  return db.selectFrom('step_executions').selectAll().where('id', '=', id).executeTakeFirst();
}

/** A workflow run's steps in order. */
export async function stepExecutionsOfWorkflow(
  db: Kysely<Tables>,
  workflowExecutionId: string,
): Promise<readonly StepExecution[]> {
  return db
    .selectFrom('step_executions')
    .selectAll()
    .where('workflow_execution_id', '=', workflowExecutionId)
    .orderBy('position')
    .execute();
}

/** The steps of an image's workflow runs that count, with the type of their workflow. */
export async function stepExecutionsOfImage(
  db: Kysely<Tables>,
  imageArn: string,
): Promise<readonly (StepExecution & Pick<WorkflowExecution, 'type'>)[]> {
  return db
    .selectFrom('step_executions as s')
    .innerJoin('workflow_executions as w', 'w.id', 's.workflow_execution_id')
    .selectAll('s')
    .select('w.type')
    .where('s.image_arn', '=', imageArn)
    .where('w.retried', '=', 0)
    .orderBy('w.position')
    .orderBy('s.position')
    .execute();
}

/** Gives every run of an image that a crash left open this `status`. */
export async function closeExecutions(
  db: Kysely<Tables>,
  imageArn: string,
  status: 'FAILED' | 'CANCELLED',
  message: string,
): Promise<void> {
  const end = { status, message, end_time: timestamp() };
  await endWaitingOfImage(db, imageArn);
  await db
    .updateTable('step_executions')
    .set(end)
    .where('image_arn', '=', imageArn)
    .where('status', 'in', ['PENDING', 'RUNNING'])
    .execute();
  await db
    .updateTable('workflow_executions')
    .set(end)
    .where('image_arn', '=', imageArn)
    .where('status', 'in', ['PENDING', 'RUNNING', 'ROLLBACK_IN_PROGRESS'])
    .execute();
}

/** Copies the packages of one image to another, replacing its own. */
export async function copyImagePackages(db: Kysely<Tables>, from: string, to: string): Promise<void> {
  const packages = await db
    .selectFrom('image_packages')
    .select(['name', 'version'])
    .where('image_arn', '=', from)
    .execute();
  await saveImagePackages(db, to, packages);
}

/** Replaces the package inventory of an image. */
export async function saveImagePackages(
  db: Kysely<Tables>,
  imageArn: string,
  packages: readonly { readonly name: string; readonly version: string }[],
): Promise<void> {
  await db.deleteFrom('image_packages').where('image_arn', '=', imageArn).execute();
  // Every database limits the number of values in a statement.
  for (let start = 0; start < packages.length; start += 200) {
    await db
      .insertInto('image_packages')
      .values(
        packages
          .slice(start, start + 200)
          .map((each) => ({ image_arn: imageArn, name: each.name, version: each.version })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}
