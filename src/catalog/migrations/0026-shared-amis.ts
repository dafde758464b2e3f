/** AMIs: who may use them, when they are deprecated, what they are copies of. Launch templates. */
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('amis')
    .addColumn('launch_permission', 'text', (c) => c.notNull().defaultTo('{}'))
    .execute();
  for (const name of ['deprecation_time', 'source_ami', 'source_region'])
    await db.schema.alterTable('amis').addColumn(name, 'text').execute();
  await db.schema.createIndex('amis_by_place').on('amis').columns(['region', 'account']).execute();
  await db.schema
    .createTable('launch_templates')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('default_version', 'integer', (c) => c.notNull())
    .addColumn('latest_version', 'integer', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('launch_templates_by_name')
    .on('launch_templates')
    .columns(['account', 'region', 'name'])
    .unique()
    .execute();
  await db.schema
    .createTable('launch_template_versions')
    .addColumn('template', 'text', (c) => c.notNull().references('launch_templates.id'))
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('description', 'text')
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('launch_template_versions_key', ['template', 'version'])
    .execute();
}
