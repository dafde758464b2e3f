/** Log groups and streams: the names under which images' logs are found, and the logs of pipelines. */
import type { Kysely } from 'kysely';
import { groupOfImage } from '../../resources/log-names.ts';
import type { Tables } from '../tables.ts';

/** Adds their tables, with the existing images. */
export async function up(untyped: Kysely<unknown>): Promise<void> {
  const db = untyped as Kysely<Tables>;
  await db.schema
    .createTable('log_groups')
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .addColumn('retention_days', 'integer')
    .addPrimaryKeyConstraint('log_groups_key', ['account', 'region', 'name'])
    .execute();
  await db.schema
    .createTable('log_streams')
    .addColumn('image_arn', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('group_name', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('log_streams_by_group')
    .on('log_streams')
    .columns(['account', 'region', 'group_name', 'name'])
    .execute();
  await db.schema
    .createTable('pipeline_log')
    .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('account', 'text', (c) => c.notNull())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('group_name', 'text', (c) => c.notNull())
    .addColumn('stream', 'text', (c) => c.notNull())
    .addColumn('time', 'text', (c) => c.notNull())
    .addColumn('record', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('pipeline_log_by_stream')
    .on('pipeline_log')
    .columns(['account', 'region', 'group_name', 'stream', 'seq'])
    .execute();
  const images = await db
    .selectFrom('images')
    .select(['arn', 'account', 'region', 'record', 'name', 'date_created'])
    .execute();
  for (const { arn, account, region, record, name, date_created: created } of images) {
    const { version, loggingConfiguration } = JSON.parse(record) as {
      readonly version: string;
      readonly loggingConfiguration?: { readonly logGroupName?: string };
    };
    const group_name = groupOfImage(name, loggingConfiguration?.logGroupName);
    await db
      .insertInto('log_groups')
      .values({ account, region, name: group_name, created })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    await db
      .insertInto('log_streams')
      .values({ image_arn: arn, account, region, group_name, name: version, created })
      .execute();
  }
}
