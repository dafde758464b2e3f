/** Images whose work is suspended in a record. */
import type { Kysely } from 'kysely';

/** Creates their table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('suspended_images')
    .addColumn('image_arn', 'text', (c) => c.primaryKey())
    .addColumn('step_id', 'text', (c) => c.notNull())
    .addColumn('since', 'text', (c) => c.notNull())
    .addColumn('wake_at', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .execute();
}
