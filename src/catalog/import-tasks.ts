/** Queries on import tasks. */
import type { Insertable, Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import type { ImportTaskTable } from './engine-tables.ts';

/** A recorded task. */
export type ImportTask = Selectable<ImportTaskTable>;

/** Records a task. */
export async function insertImportTask(db: Queryable, task: Insertable<ImportTaskTable>): Promise<void> {
  await db.insertInto('import_tasks').values(task).execute();
}

/** The task, or `undefined`. */
export async function getImportTask(db: Queryable, id: string): Promise<ImportTask | undefined> {
  return db.selectFrom('import_tasks').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Records the image that a task becomes. */
export async function useImportTask(db: Queryable, id: string, imageArn: string): Promise<void> {
  await db.updateTable('import_tasks').set({ image_arn: imageArn }).where('id', '=', id).execute();
}
