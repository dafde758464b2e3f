/** Policies on resources, which open them to other accounts. */
import type { Kysely } from 'kysely';

/** Creates their table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('resource_policies')
    .addColumn('arn', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('policy', 'text', (c) => c.notNull())
    .addColumn('date_updated', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('resource_policies_by_type')
    .on('resource_policies')
    .columns(['region', 'type', 'account'])
    .execute();
}
