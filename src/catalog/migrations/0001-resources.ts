/** Resources, their tags and references, client tokens, the outbox. */
import type { CreateTableBuilder, Kysely } from 'kysely';

/** Creates the resources' tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await versioned(resource(db, 'components'))
    .addColumn('build', 'integer', (c) => c.notNull())
    .addColumn('platform', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('data', 'text', (c) => c.notNull())
    .addColumn('content_hash', 'text', (c) => c.notNull())
    .execute();
  await uniqueVersion(db, 'components', true);

  await versioned(resource(db, 'image_recipes'))
    .addColumn('platform', 'text', (c) => c.notNull())
    .addColumn('parent_image', 'text', (c) => c.notNull())
    .execute();
  await uniqueVersion(db, 'image_recipes', false);

  for (const table of ['infrastructure_configurations', 'distribution_configurations']) {
    await resource(db, table).execute();
    await uniqueSlug(db, table);
  }

  await resource(db, 'image_pipelines')
    .addColumn('recipe_arn', 'text', (c) => c.notNull())
    .addColumn('infrastructure_configuration_arn', 'text', (c) => c.notNull())
    .addColumn('distribution_configuration_arn', 'text')
    .addColumn('status', 'text', (c) => c.notNull())
    .execute();
  await uniqueSlug(db, 'image_pipelines');

  await versioned(resource(db, 'images'))
    .addColumn('build', 'integer', (c) => c.notNull())
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('platform', 'text', (c) => c.notNull())
    .addColumn('pipeline_arn', 'text')
    .addColumn('cancel_requested', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await uniqueVersion(db, 'images', true);
  await db.schema.createIndex('images_by_status').on('images').columns(['status', 'date_created']).execute();
  await db.schema
    .createIndex('images_by_date')
    .on('images')
    .columns(['account', 'region', 'date_created', 'arn'])
    .execute();
  await db.schema.createIndex('images_by_pipeline').on('images').columns(['pipeline_arn', 'date_created']).execute();
  await db.schema
    .createTable('image_builds')
    .addColumn('version_arn', 'text', (c) => c.primaryKey())
    .addColumn('last_build', 'integer', (c) => c.notNull())
    .execute();

  await db.schema
    .createTable('tags')
    .addColumn('arn', 'text', (c) => c.notNull())
    .addColumn('key', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('tags_pk', ['arn', 'key'])
    .execute();

  await db.schema
    .createTable('resource_references')
    .addColumn('dependent', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('reference', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('resource_references_pk', ['dependent', 'reference'])
    .execute();
  await db.schema.createIndex('resource_references_by_target').on('resource_references').column('target').execute();

  await db.schema
    .createTable('client_tokens')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('operation', 'text', (c) => c.notNull())
    .addColumn('token', 'text', (c) => c.notNull())
    .addColumn('request_hash', 'text', (c) => c.notNull())
    .addColumn('response', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('client_tokens_pk', ['account', 'region', 'operation', 'token'])
    .execute();
  await db.schema.createIndex('client_tokens_by_age').on('client_tokens').column('created').execute();

  await db.schema
    .createTable('outbox')
    .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('id', 'text', (c) => c.notNull().unique())
    .addColumn('time', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('resource', 'text', (c) => c.notNull())
    .addColumn('previous_status', 'text')
    .addColumn('status', 'text', (c) => c.notNull())
    .addColumn('payload', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('outbox_by_resource').on('outbox').columns(['resource', 'seq']).execute();
}

function resource(db: Kysely<unknown>, table: string): CreateTableBuilder<string> {
  return db.schema
    .createTable(table)
    .addColumn('arn', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('slug', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('date_created', 'text', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull());
}

function versioned(table: CreateTableBuilder<string>): CreateTableBuilder<string> {
  return table
    .addColumn('major', 'integer', (c) => c.notNull())
    .addColumn('minor', 'integer', (c) => c.notNull())
    .addColumn('patch', 'integer', (c) => c.notNull());
}

async function uniqueVersion(db: Kysely<unknown>, table: string, builds: boolean): Promise<void> {
  const columns = ['account', 'region', 'slug', 'major', 'minor', 'patch', ...(builds ? ['build'] : [])];
  await db.schema.createIndex(`${table}_by_version`).unique().on(table).columns(columns).execute();
}

async function uniqueSlug(db: Kysely<unknown>, table: string): Promise<void> {
  await db.schema.createIndex(`${table}_by_slug`).unique().on(table).columns(['account', 'region', 'slug']).execute();
}
