/** Images whose worker died while it was building several: each is built again, with no other beside it. */
import type { Kysely } from 'kysely';

/** Adds the column. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('images')
    .addColumn('alone', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
}
