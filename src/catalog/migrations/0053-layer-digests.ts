/** Checksums of layers, which stores name them with. */
import type { Kysely } from 'kysely';

/** Adds them; each is computed when it is first needed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('layers').addColumn('sha256', 'text').execute();
  await db.schema.alterTable('layers').addColumn('bytes', 'integer').execute();
}
