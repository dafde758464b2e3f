/** Snapshots that were sent to AWS: what is on each, so that the next one sends what changed. */
import type { Kysely } from 'kysely';

/** Adds them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('aws_snapshots')
    .addColumn('token', 'text', (c) => c.primaryKey())
    .addColumn('region', 'text', (c) => c.notNull())
    .addColumn('lineage', 'text', (c) => c.notNull())
    .addColumn('layer_id', 'text', (c) => c.notNull())
    .addColumn('encryption', 'text', (c) => c.notNull())
    .addColumn('gib', 'integer', (c) => c.notNull())
    .addColumn('snapshot_id', 'text')
    .addColumn('parent_snapshot_id', 'text')
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('blocks', 'text', (c) => c.notNull())
    .addColumn('sent', 'text', (c) => c.notNull())
    .addColumn('created', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex('aws_snapshots_by_lineage')
    .on('aws_snapshots')
    .columns(['region', 'lineage', 'created'])
    .execute();
}
