/** Images that are built again. */
import type { Queryable } from './catalog.ts';
import { imageTask, type ImageTask } from './image-task.ts';
import { transitionImage } from './images.ts';

type Stage = 'BUILD' | 'TEST' | 'DISTRIBUTION';

/**
 * Retries a failed or canceled image. Earlier runs of the stages that run again no longer count.
 * @throws {IllegalMoveError} for an image in another state
 */
export async function tryAgain(trx: Queryable, arn: string, task: ImageTask): Promise<void> {
  await transitionImage(trx, arn, 'PENDING');
  await trx
    .updateTable('images')
    .set({ task: JSON.stringify(task), cancel_requested: 0, alone: 0, by_itself: 0 })
    .where('arn', '=', arn)
    .execute();
  await countNoMore(trx, arn, stagesOf(task));
}

/**
 * Starts the work on an image over, because it was interrupted.
 * @param options.alone with no other image beside it: its worker died, and any of its images may be the cause
 * @throws {IllegalMoveError} for an image that is not worked on
 */
export async function startOver(
  trx: Queryable,
  arn: string,
  { reason, alone }: { readonly reason: string; readonly alone: boolean },
): Promise<void> {
  await transitionImage(trx, arn, 'PENDING', { reason });
  if (alone) await workAlone(trx, arn);
  await countNoMore(trx, arn, stagesOf(await imageTask(trx, arn)));
}

/** No other image is worked on beside this one from now on. */
export async function workAlone(trx: Queryable, arn: string): Promise<void> {
  await trx.updateTable('images').set({ alone: 1 }).where('arn', '=', arn).execute();
}

/** The stages of a task. */
function stagesOf(task: ImageTask | undefined): readonly Stage[] {
  if (task === undefined || (task.kind === 'retry' && task.stage === 'BUILD')) return ['BUILD', 'TEST', 'DISTRIBUTION'];
  return task.kind === 'retry' && task.stage === 'TEST' ? ['TEST', 'DISTRIBUTION'] : ['DISTRIBUTION'];
}

/** Marks the runs of these stages as outdated, because they run again. */
async function countNoMore(trx: Queryable, arn: string, stages: readonly Stage[]): Promise<void> {
  await trx
    .updateTable('workflow_executions')
    .set({ retried: 1 })
    .where('image_arn', '=', arn)
    .where('type', 'in', [...stages])
    .execute();
}

/** Whether an image is, or will be, built with no other beside it. */
export async function isAlone(db: Queryable, arn: string): Promise<boolean> {
  const row = await db.selectFrom('images').select('alone').where('arn', '=', arn).executeTakeFirst();
  return row?.alone === 1;
}
