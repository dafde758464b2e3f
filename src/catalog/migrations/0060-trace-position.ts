/** How far traces of builds were exported. */
import type { Kysely } from 'kysely';

/** Adds the position in the outbox. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('trace_positions')
    .addColumn('exporter', 'text', (column) => column.primaryKey())
    .addColumn('position', 'integer', (column) => column.notNull())
    .execute();
}
