/** Queries on steps that wait for an answer: the waiting process and the answer communicate through these records. */
import type { Insertable, Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import type { WaitingStepTable } from './engine-tables.ts';
import { standsAfter, type Place, type Slice } from './slices.ts';

/** A waiting step. */
export type WaitingStep = Selectable<WaitingStepTable>;

/** Records that a step waits. */
export async function beginWaiting(
  db: Queryable,
  step: Omit<Insertable<WaitingStepTable>, 'action' | 'reason'>,
): Promise<void> {
  await db
    .insertInto('waiting_steps')
    .values({ ...step, action: null, reason: null })
    .execute();
}

/** The waiting step. After an answer `action` is set, until the step continues. */
export async function waitingStep(db: Queryable, stepId: string): Promise<WaitingStep | undefined> {
  return db.selectFrom('waiting_steps').selectAll().where('step_id', '=', stepId).executeTakeFirst();
}

/** Answers a waiting step. */
export async function answerStep(
  db: Queryable,
  stepId: string,
  action: 'RESUME' | 'STOP',
  reason: string | undefined,
): Promise<void> {
  await db
    .updateTable('waiting_steps')
    .set({ action, reason: reason ?? null })
    .where('step_id', '=', stepId)
    .execute();
}

/** Records that a step no longer waits. */
export async function endWaiting(db: Queryable, stepId: string): Promise<void> {
  await db.deleteFrom('waiting_steps').where('step_id', '=', stepId).execute();
}

/** Records that no step of an image waits any more. */
export async function endWaitingOfImage(db: Queryable, imageArn: string): Promise<void> {
  await db.deleteFrom('waiting_steps').where('image_arn', '=', imageArn).execute();
}

/** Steps that wait without an answer, longest wait first, with data of their executions. */
export async function listWaitingSteps(db: Queryable, place: Place, slice: Slice) {
  return db
    .selectFrom('waiting_steps as w')
    .innerJoin('step_executions as s', 's.id', 'w.step_id')
    .innerJoin('workflow_executions as e', 'e.id', 's.workflow_execution_id')
    .select([
      'w.step_id',
      'w.image_arn',
      'w.since',
      's.workflow_execution_id',
      's.name',
      's.action',
      's.start_time',
      'e.workflow_arn',
    ])
    .where('w.account', '=', place.account)
    .where('w.region', '=', place.region)
    .where('w.action', 'is', null)
    .where(standsAfter(['w.since', 'w.step_id'], slice))
    .orderBy('w.since')
    .orderBy('w.step_id')
    .limit(slice.limit + 1)
    .execute();
}
