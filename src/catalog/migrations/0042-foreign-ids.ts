/** Layers with owners or accounts that a system container does not have. */
import type { Kysely } from 'kysely';

/** Adds their mark. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('layers').addColumn('foreign_id', 'text').execute();
}
