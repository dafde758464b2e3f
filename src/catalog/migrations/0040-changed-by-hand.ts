/** Instances of builds in which a user ran a command or opened a shell. */
import type { Kysely } from 'kysely';

/** Adds their mark. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('instances').addColumn('changed_by_hand', 'text').execute();
}
