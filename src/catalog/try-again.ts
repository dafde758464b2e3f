/** Images that are worked on again. */
import type { Queryable } from './catalog.ts';
import type { ImageTask } from './image-task.ts';
import { transitionImage } from './images.ts';

/**
 * Has an image that failed or was cancelled worked on again. What ran of the stages that run again counts no more.
 * @throws {IllegalMoveError} for one in another state
 */
export async function tryAgain(trx: Queryable, arn: string, task: ImageTask): Promise<void> {
  await transitionImage(trx, arn, 'PENDING');
  await trx
    .updateTable('images')
    .set({ task: JSON.stringify(task), cancel_requested: 0 })
    .where('arn', '=', arn)
    .execute();
  const types =
    task.kind === 'retry' && task.stage === 'TEST' ? (['TEST', 'DISTRIBUTION'] as const) : (['DISTRIBUTION'] as const);
  await trx
    .updateTable('workflow_executions')
    .set({ retried: 1 })
    .where('image_arn', '=', arn)
    .where('type', 'in', [...types])
    .execute();
}
