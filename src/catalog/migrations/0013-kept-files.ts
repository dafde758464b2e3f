/** Files that components name by `file:`, and which component names which. */
import type { Kysely } from 'kysely';

/** Adds their tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('kept_files')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addColumn('size', 'bigint', (c) => c.notNull())
    .addColumn('complete', 'integer', (c) => c.notNull())
    .addColumn('touched', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('kept_files_key', ['account', 'sha256'])
    .execute();
  await db.schema
    .createTable('component_files')
    .addColumn('component', 'text', (c) => c.notNull())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('sha256', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('component_files_key', ['component', 'sha256'])
    .execute();
  await db.schema.createIndex('component_files_by_file').on('component_files').columns(['account', 'sha256']).execute();
}
