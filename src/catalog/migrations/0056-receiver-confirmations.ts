/** Subscriptions that a receiver has to confirm. */
import type { Kysely } from 'kysely';

/** Adds the token of a receiver's confirmation, and when it was confirmed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('receivers').addColumn('confirm_token', 'text').execute();
  await db.schema.alterTable('receivers').addColumn('confirmed', 'text').execute();
}
