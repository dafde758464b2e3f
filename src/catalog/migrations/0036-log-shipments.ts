/** How far logs were shipped to each destination. */
import type { Kysely } from 'kysely';

/** Adds their tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('log_destinations')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('since', 'text', (c) => c.notNull())
    .addColumn('pipelines_after', 'integer', (c) => c.notNull())
    .addColumn('failing_since', 'text')
    .addColumn('error', 'text')
    .execute();
  await db.schema
    .createTable('log_shipments')
    .addColumn('destination', 'text', (c) => c.notNull())
    .addColumn('image_arn', 'text', (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('done', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('log_shipments_key', ['destination', 'image_arn'])
    .execute();
}
