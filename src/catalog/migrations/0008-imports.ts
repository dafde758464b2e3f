/** Imported disks: the origin of a chain, and the registered import sources. */
import type { Kysely } from 'kysely';

/** Adds the origin of layers, and import tasks. Existing layers were made here. */
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
