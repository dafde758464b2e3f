/** Disks of others: whose a chain is, and the sources that were named for imports. */
import type { Kysely } from 'kysely';

/** Adds the origin of layers, and the tasks of imports. What there is was made here. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('layers')
    .addColumn('origin', 'text', (c) => c.notNull().defaultTo('made'))
    .execute();
  await db.schema
    .createTable('import_tasks')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('source', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text')
    .addColumn('trusted', 'integer', (c) => c.notNull())
    .addColumn('image_arn', 'text')
    .addColumn('created', 'text', (c) => c.notNull())
    .execute();
}
