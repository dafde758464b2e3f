/** Parameters that templates create, as in Systems Manager. */
import type { Kysely } from 'kysely';

/** Adds their table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('parameters')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addColumn('description', 'text')
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('updated', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('parameters_key', ['account', 'region', 'name'])
    .execute();
}
