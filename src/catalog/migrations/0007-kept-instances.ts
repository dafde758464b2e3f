/** Instances of failed builds that are kept for a while. */
import type { Kysely } from 'kysely';

/** Adds the time until which an instance is kept. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('instances').addColumn('kept_until', 'text').execute();
}
