/** Pipelines that rules for events start. */
import type { Kysely } from 'kysely';

/** Creates the table: how far the events are read for each of them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pipeline_rules')
    .addColumn('pipeline_arn', 'text', (column) => column.primaryKey().notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .execute();
}
