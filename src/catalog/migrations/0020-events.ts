/** Event delivery: further columns of the outbox, receivers and their deliveries. */
import type { Kysely } from 'kysely';

/** Adds columns and tables. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ['resources', 'snapshot', 'topic_arn', 'topic_payload'])
    await db.schema.alterTable('outbox').addColumn(column, 'text').execute();
  await db.schema.createIndex('outbox_by_time').on('outbox').column('time').execute();

  await db.schema
    .createTable('receivers')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('position', 'integer', (c) => c.notNull())
    .addColumn('settings_hash', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('failures', 'integer', (c) => c.notNull())
    .addColumn('next_attempt', 'text')
    .addColumn('delivered', 'integer', (c) => c.notNull())
    .addColumn('last_success', 'text')
    .addColumn('last_failure', 'text')
    .addColumn('last_error', 'text')
    .execute();

  await db.schema
    .createTable('deliveries')
    .addColumn('receiver', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('event_id', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('attempts', 'integer', (c) => c.notNull())
    .addColumn('next_attempt', 'text')
    .addColumn('first_failure', 'text', (c) => c.notNull())
    .addColumn('last_failure', 'text', (c) => c.notNull())
    .addColumn('error', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('deliveries_key', ['receiver', 'seq'])
    .execute();
  await db.schema.createIndex('deliveries_by_event').on('deliveries').column('event_id').execute();
}
