/** Where the work on images goes on when it is interrupted. */
import type { Kysely } from 'kysely';

/** Creates their table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('work_points')
    .addColumn('image_arn', 'text', (c) => c.primaryKey())
    .addColumn('state', 'text')
    .addColumn('tries', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
}
