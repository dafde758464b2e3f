/** What the order of waiting builds depends on. */
import type { Kysely } from 'kysely';
import type { ImageTable } from '../tables.ts';

/** Marks images that started automatically, and creates the table of turns. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('images')
    .addColumn('by_itself', 'integer', (c) => c.notNull().defaultTo(0))
    .execute();
  await (db as Kysely<{ images: ImageTable }>)
    .updateTable('images')
    .set({ by_itself: 1 })
    .where('build_type', '=', 'SCHEDULED')
    .where('status', '=', 'PENDING')
    .execute();
  await db.schema
    .createTable('build_turns')
    .addColumn('queue', 'text', (c) => c.primaryKey())
    .addColumn('last', 'text', (c) => c.notNull())
    .execute();
}
