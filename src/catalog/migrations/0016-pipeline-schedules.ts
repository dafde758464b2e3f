/** When pipelines are due, what started each of their runs, and how often they failed in a row. */
import type { Kysely } from 'kysely';

/** Adds the tables and the column. A pipeline with a schedule is checked as soon as a server runs. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('image_pipelines')
    .addColumn('consecutive_failures', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('pipeline_schedules')
    .addColumn('pipeline_arn', 'text', (c) => c.primaryKey())
    .addColumn('anchor', 'text', (c) => c.notNull())
    .addColumn('due', 'text')
    .addColumn('look_at', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('pipeline_schedules_by_look')
    .on('pipeline_schedules')
    .columns(['look_at', 'pipeline_arn'])
    .execute();
  await db.schema
    .createTable('pipeline_runs')
    .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('pipeline_arn', 'text', (c) => c.notNull())
    .addColumn('occurrence', 'text', (c) => c.notNull())
    .addColumn('cause', 'text', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('at', 'text', (c) => c.notNull())
    .addColumn('because', 'text', (c) => c.notNull())
    .addColumn('due', 'text')
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('reason', 'text')
    .addColumn('next', 'text')
    .addColumn('image_arn', 'text')
    .addColumn('dependencies', 'text')
    .execute();
  await db.schema
    .createIndex('pipeline_runs_once')
    .on('pipeline_runs')
    .columns(['pipeline_arn', 'occurrence'])
    .unique()
    .execute();
  await db.schema
    .createIndex('pipeline_runs_by_pipeline')
    .on('pipeline_runs')
    .columns(['pipeline_arn', 'seq'])
    .execute();
  await db.schema.createIndex('pipeline_runs_by_image').on('pipeline_runs').column('image_arn').execute();

  const tables = db as Kysely<{
    image_pipelines: { arn: string; status: string; record: string; date_created: string };
    pipeline_schedules: { pipeline_arn: string; anchor: string; due: string | null; look_at: string };
  }>;
  const pipelines = await tables
    .selectFrom('image_pipelines')
    .select(['arn', 'record', 'date_created'])
    .where('status', '=', 'ENABLED')
    .execute();
  for (const { arn, record, date_created: created } of pipelines) {
    const { schedule, dateUpdated } = JSON.parse(record) as { schedule?: object; dateUpdated?: string };
    const anchor = dateUpdated ?? created;
    if (schedule !== undefined)
      await tables
        .insertInto('pipeline_schedules')
        .values({ pipeline_arn: arn, anchor, due: null, look_at: anchor })
        .execute();
  }
}
