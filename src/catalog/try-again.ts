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
 * Restarts the work on an image, with no other image beside it: its worker died, and any of its images may be the
 * cause.
 * @throws {IllegalMoveError} if the image is not being worked on
 */
export async function workAlone(trx: Queryable, arn: string, reason: string): Promise<void> {
  await transitionImage(trx, arn, 'PENDING', { reason });
  await trx.updateTable('images').set({ alone: 1 }).where('arn', '=', arn).execute();
  await countNoMore(trx, arn, stagesOf(await imageTask(trx, arn)));
}

/** The stages of a task. */
function stagesOf(task: ImageTask | undefined): readonly Stage[] {
  if (task === undefined) return ['BUILD', 'TEST', 'DISTRIBUTION'];
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
