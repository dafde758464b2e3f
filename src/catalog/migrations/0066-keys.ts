/** Keys, and the data keys of disks that are sealed with them. */
import type { Kysely } from 'kysely';

/** Creates the tables; a layer names its data key, and an AMI the key that opens it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('keys')
    .addColumn('arn', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('description', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('deletion_date', 'text')
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('key_aliases')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('key_arn', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('key_aliases_key', ['account', 'region', 'name'])
    .execute();
  await db.schema
    .createTable('key_versions')
    .addColumn('key_arn', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('sealed', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('key_versions_key', ['key_arn', 'version'])
    .execute();
  await db.schema
    .createTable('data_keys')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('key_arn', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('wrapped_keys')
    .addColumn('data_key_id', 'text', (c) => c.notNull())
    .addColumn('key_arn', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('sealed', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('wrapped_keys_key', ['data_key_id', 'key_arn'])
    .execute();
  await db.schema.alterTable('layers').addColumn('data_key_id', 'text').execute();
  await db.schema.alterTable('amis').addColumn('kms_key_arn', 'text').execute();
}
