/** Unknown members of requests. */
import type { Kysely } from 'kysely';

/** Creates their table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('unknown_members')
    .addColumn('arn', 'text', (c) => c.notNull())
    .addColumn('member', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('unknown_members_key', ['arn', 'member'])
    .execute();
}
