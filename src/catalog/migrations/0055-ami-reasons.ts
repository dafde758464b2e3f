/** Why an AMI failed. */
import type { Kysely } from 'kysely';

/** Adds the reason. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('amis').addColumn('state_reason', 'text').execute();
}
