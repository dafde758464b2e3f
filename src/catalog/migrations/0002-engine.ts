/** Layers, AMIs, instances, what is held, executions, leases. */
import type { Kysely } from 'kysely';

/** Creates the engine's tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = 'text' as const;
  await db.schema
    .createTable('layers')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('key', text, (c) => c.notNull())
    .addColumn('key_record', text, (c) => c.notNull())
    .addColumn('parent_id', text, (c) => c.references('layers.id'))
    .addColumn('path', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('label', text, (c) => c.notNull())
    .addColumn('created', text, (c) => c.notNull())
    .addColumn('last_used', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('layers_by_key').on('layers').columns(['key', 'state']).execute();
  await db.schema.createIndex('layers_by_parent').on('layers').column('parent_id').execute();

  await db.schema.createIndex('layers_by_label').on('layers').columns(['label', 'created']).execute();

  await db.schema
    .createTable('layer_uses')
    .addColumn('layer_id', text, (c) => c.notNull().references('layers.id'))
    .addColumn('owner', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('layer_uses_pk', ['layer_id', 'owner'])
    .execute();
  await db.schema.createIndex('layer_uses_by_owner').on('layer_uses').column('owner').execute();

  await db.schema
    .createTable('amis')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('region', text, (c) => c.notNull())
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('description', text)
    .addColumn('image_arn', text, (c) => c.notNull())
    .addColumn('layer_id', text, (c) => c.references('layers.id'))
    .addColumn('file', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('tags', text, (c) => c.notNull())
    .addColumn('platform', text, (c) => c.notNull())
    .addColumn('os_version', text)
    .addColumn('architecture', text, (c) => c.notNull())
    .addColumn('created', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('amis_by_image').on('amis').column('image_arn').execute();

  await db.schema
    .createTable('base_images')
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addColumn('layer_id', text, (c) => c.notNull().references('layers.id'))
    .addColumn('os_version', text, (c) => c.notNull())
    .addColumn('created', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('base_images_pk', ['name', 'version'])
    .execute();

  await db.schema
    .createTable('instances')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('purpose', text, (c) => c.notNull())
    .addColumn('account', text, (c) => c.notNull())
    .addColumn('region', text, (c) => c.notNull())
    .addColumn('image_arn', text)
    .addColumn('ami_id', text)
    .addColumn('driver', text, (c) => c.notNull())
    .addColumn('instance_type', text, (c) => c.notNull())
    .addColumn('state', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('handle', text)
    .addColumn('request', text, (c) => c.notNull())
    .addColumn('created', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('instances_by_state').on('instances').columns(['state', 'purpose']).execute();

  // An identity column in PostgreSQL: `generatedByDefaultAsIdentity`; SQLite numbers an integer primary key by itself.
  await db.schema
    .createTable('held_things')
    .addColumn('seq', 'integer', (c) => c.primaryKey().autoIncrement())
    .addColumn('id', text, (c) => c.notNull().unique())
    .addColumn('owner', text, (c) => c.notNull())
    .addColumn('thing', text, (c) => c.notNull())
    .execute();
  await db.schema.createIndex('held_things_by_owner').on('held_things').columns(['owner', 'seq']).execute();

  await db.schema
    .createTable('workflow_executions')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('image_arn', text, (c) => c.notNull())
    .addColumn('workflow_arn', text, (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('message', text)
    .addColumn('parallel_group', text)
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('total_steps', 'integer', (c) => c.notNull())
    .addColumn('start_time', text)
    .addColumn('end_time', text)
    .execute();
  await db.schema
    .createIndex('workflow_executions_by_image')
    .on('workflow_executions')
    .columns(['image_arn', 'position'])
    .execute();

  await db.schema
    .createTable('step_executions')
    .addColumn('id', text, (c) => c.primaryKey())
    .addColumn('workflow_execution_id', text, (c) => c.notNull().references('workflow_executions.id'))
    .addColumn('image_arn', text, (c) => c.notNull())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('action', text, (c) => c.notNull())
    .addColumn('description', text)
    .addColumn('status', text, (c) => c.notNull())
    .addColumn('rollback_status', text)
    .addColumn('message', text)
    .addColumn('inputs', text)
    .addColumn('outputs', text)
    .addColumn('on_failure', text, (c) => c.notNull())
    .addColumn('timeout_seconds', 'integer', (c) => c.notNull())
    .addColumn('start_time', text)
    .addColumn('end_time', text)
    .execute();
  await db.schema
    .createIndex('step_executions_by_workflow')
    .on('step_executions')
    .columns(['workflow_execution_id', 'position'])
    .execute();

  await db.schema
    .createTable('image_packages')
    .addColumn('image_arn', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('image_packages_pk', ['image_arn', 'name', 'version'])
    .execute();

  await db.schema
    .createTable('leases')
    .addColumn('image_arn', text, (c) => c.primaryKey())
    .addColumn('worker', text, (c) => c.notNull())
    .addColumn('host', text, (c) => c.notNull())
    .addColumn('pid', 'integer', (c) => c.notNull())
    .addColumn('process_start', text, (c) => c.notNull())
    .addColumn('deadline', text, (c) => c.notNull())
    .execute();
}
