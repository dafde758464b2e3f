/** Where the work on an image begins, if not with the build stage. Queries. */
import type { Queryable } from './catalog.ts';

/**
 * A retry after the build stage, the distribution of an existing AMI or container image (whose output is also recorded
 * for the new image), or an import.
 */
export type ImageTask =
  | { readonly kind: 'retry'; readonly stage: 'TEST' | 'DISTRIBUTION' }
  | { readonly kind: 'distribute'; readonly amiId: string }
  | { readonly kind: 'push' }
  | { readonly kind: 'import'; readonly importTaskId: string; readonly description?: string };

/** An image's task, or `undefined` if its work begins with the build stage. */
export async function imageTask(db: Queryable, arn: string): Promise<ImageTask | undefined> {
  const row = await db.selectFrom('images').select('task').where('arn', '=', arn).executeTakeFirst();
  return row?.task == null ? undefined : (JSON.parse(row.task) as ImageTask);
}
