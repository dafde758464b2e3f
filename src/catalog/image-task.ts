/** Where the work on an image begins when it is not the build stage. Queries. */
import type { Queryable } from './catalog.ts';
import { transitionImage } from './images.ts';

/**
 * An image that is tried again behind its build stage, one that distributes an AMI that is there, or one that is
 * imported.
 */
export type ImageTask =
  | { readonly kind: 'retry'; readonly stage: 'TEST' | 'DISTRIBUTION' }
  | { readonly kind: 'distribute'; readonly amiId: string }
  | { readonly kind: 'import'; readonly importTaskId: string; readonly description?: string };

/** An image's task, or `undefined` when its work begins with the build stage. */
export async function imageTask(db: Queryable, arn: string): Promise<ImageTask | undefined> {
  const row = await db.selectFrom('images').select('task').where('arn', '=', arn).executeTakeFirst();
  return row?.task == null ? undefined : (JSON.parse(row.task) as ImageTask);
}

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
