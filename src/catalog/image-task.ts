/** Where the work on an image begins, if not with the build stage. Queries. */
import type { Queryable } from './catalog.ts';

/**
 * A retry of a stage (of the build: from where it failed), the distribution of an existing AMI, that of an existing
 * container image (whose output is on record for the new image, too), or an import.
 */
export type ImageTask =
  | { readonly kind: 'retry'; readonly stage: 'BUILD' | 'TEST' | 'DISTRIBUTION' }
  | { readonly kind: 'distribute'; readonly amiId: string }
  | { readonly kind: 'push' }
  | { readonly kind: 'import'; readonly importTaskId: string; readonly description?: string };

/** An image's task, or `undefined` if its work begins with the build stage. */
export async function imageTask(db: Queryable, arn: string): Promise<ImageTask | undefined> {
  const row = await db.selectFrom('images').select('task').where('arn', '=', arn).executeTakeFirst();
  return row?.task == null ? undefined : (JSON.parse(row.task) as ImageTask);
}
