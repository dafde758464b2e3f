/** Images that are worked on again. */
import type { Queryable } from './catalog.ts';
import { imageTask, type ImageTask } from './image-task.ts';
import { transitionImage } from './images.ts';

type Stage = 'BUILD' | 'TEST' | 'DISTRIBUTION';

/**
 * Has an image that failed or was cancelled worked on again. What ran of the stages that run again counts no more.
 * @throws {IllegalMoveError} for one in another state
 */
export async function tryAgain(trx: Queryable, arn: string, task: ImageTask): Promise<void> {
  await transitionImage(trx, arn, 'PENDING');
  await trx
    .updateTable('images')
    .set({ task: JSON.stringify(task), cancel_requested: 0, alone: 0 })
    .where('arn', '=', arn)
    .execute();
  await countNoMore(trx, arn, stagesOf(task));
}

/**
 * Has an image worked on again from the start of its task, with no other image beside it: its worker ended, and any of
 * the images that it worked on may be why.
 * @throws {IllegalMoveError} for one that nobody works on
 */
export async function workAlone(trx: Queryable, arn: string, reason: string): Promise<void> {
  await transitionImage(trx, arn, 'PENDING', { reason });
  await trx.updateTable('images').set({ alone: 1 }).where('arn', '=', arn).execute();
  await countNoMore(trx, arn, stagesOf(await imageTask(trx, arn)));
}

/** The stages that the work of a task goes through. */
function stagesOf(task: ImageTask | undefined): readonly Stage[] {
  if (task === undefined) return ['BUILD', 'TEST', 'DISTRIBUTION'];
  return task.kind === 'retry' && task.stage === 'TEST' ? ['TEST', 'DISTRIBUTION'] : ['DISTRIBUTION'];
}

/** What ran of these stages counts no more: they run again. */
async function countNoMore(trx: Queryable, arn: string, stages: readonly Stage[]): Promise<void> {
  await trx
    .updateTable('workflow_executions')
    .set({ retried: 1 })
    .where('image_arn', '=', arn)
    .where('type', 'in', [...stages])
    .execute();
}

/** Whether an image is, or is to be, worked on with no other beside it. */
export async function isAlone(db: Queryable, arn: string): Promise<boolean> {
  const row = await db.selectFrom('images').select('alone').where('arn', '=', arn).executeTakeFirst();
  return row?.alone === 1;
}
