/** Images whose worker ended while it worked on several: each is worked on again, with nothing beside it. */
import type { Kysely } from 'kysely';

/** Adds the column. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('images')
    .addColumn('alone', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
}
