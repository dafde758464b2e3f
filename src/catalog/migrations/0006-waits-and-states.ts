/** Steps that wait for an answer, executions of state updates, images that begin after the build stage. */
import type { Kysely } from 'kysely';

/** Creates their tables and columns. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = 'text' as const;
  await db.schema
    .createTable('waiting_steps')
    .addColumn('step_id', text, (c) => c.primaryKey())
    .addColumn('image_arn', text, (c) => c.notNull())
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('region', text, (c) => c.notNull())
    .addColumn('since', text, (c) => c.notNull())
    .addColumn('action', text)
    .addColumn('reason', text)
    .execute();
  await db.schema
    .createIndex('waiting_steps_by_place')
    .on('waiting_steps')
    .columns(['account', 'region', 'since', 'step_id'])
    .execute();

  await db.schema
    .createTable('lifecycle_executions')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('region', text, (c) => c.notNull())
    .addColumn('image_arn', text)
    .addColumn('policy_arn', text)
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('request', text, (c) => c.notNull())
    .addColumn('due', text, (c) => c.notNull())
    .addColumn('created', text, (c) => c.notNull())
    .addColumn('start_time', text)
    .addColumn('end_time', text)
    .execute();
  await db.schema
    .createIndex('lifecycle_executions_by_status')
    .on('lifecycle_executions')
    .columns(['status', 'due'])
    .execute();
  await db.schema
    .createIndex('lifecycle_executions_by_image')
    .on('lifecycle_executions')
    .columns(['image_arn', 'created'])
    .execute();
  await db.schema
    .createIndex('lifecycle_executions_by_policy')
    .on('lifecycle_executions')
    .columns(['policy_arn', 'created'])
    .execute();

  await db.schema
    .createTable('lifecycle_resources')
    .addColumn('execution_id', text, (c) => c.notNull().references('lifecycle_executions.id'))
    .addColumn('resource_id', text, (c) => c.notNull())
    .addColumn('parent_id', text)
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('region', text, (c) => c.notNull())
    .addColumn('action', text, (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('snapshot_id', text)
    .addColumn('start_time', text, (c) => c.notNull())
    .addColumn('end_time', text)
    .addPrimaryKeyConstraint('lifecycle_resources_pk', ['execution_id', 'resource_id'])
    .execute();

  await db.schema.alterTable('images').addColumn('task', text).execute();
  await db.schema.alterTable('workflow_executions').addColumn('outputs', text).execute();
  await db.schema
    .alterTable('workflow_executions')
    .addColumn('retried', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
}
