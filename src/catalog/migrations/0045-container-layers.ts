/** Layers of container images that were compressed before. */
import type { Kysely } from 'kysely';

/** Adds their table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('container_layers')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('diff_id', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('out_diff_id', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('size', 'integer', (c) => c.notNull())
    .addColumn('last_used', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('container_layers_key', ['account', 'diff_id', 'epoch'])
    .execute();
  await db.schema
    .createIndex('container_layers_used')
    .on('container_layers')
    .columns(['account', 'last_used'])
    .execute();
  await db.schema.createIndex('container_layers_digest').on('container_layers').column('digest').execute();
}
