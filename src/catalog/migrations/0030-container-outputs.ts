/** Container images that builds made, and their copies in repositories. */
import type { Kysely } from 'kysely';

/** Adds their tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('container_outputs')
    .addColumn('image_arn', 'text', (c) => c.notNull().primaryKey())
    .addColumn('layer_id', 'text', (c) => c.notNull())
    .addColumn('output_key', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('media_type', 'text', (c) => c.notNull())
    .addColumn('size', 'integer', (c) => c.notNull())
    .addColumn('blobs', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('container_outputs_key').on('container_outputs').column('output_key').execute();
  await db.schema
    .createTable('container_copies')
    .addColumn('image_arn', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('uri', 'text', (c) => c.notNull())
    .addColumn('digest', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('container_copies_key', ['image_arn', 'region', 'uri'])
    .execute();
}
