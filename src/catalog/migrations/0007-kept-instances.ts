/** Instances of failed builds that are kept for a while. */
import type { Kysely } from 'kysely';

/** Adds when the time of a kept instance is over. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('instances').addColumn('kept_until', 'text').execute();
}
