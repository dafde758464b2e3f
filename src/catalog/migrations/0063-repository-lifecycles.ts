/** Lifecycle policies of repositories are carried out. */
import type { Kysely } from 'kysely';

/** Adds when the next run of a repository's policy is due. Policies that exist are due a day later. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('repositories').addColumn('lifecycle_due', 'text').execute();
  await db.schema.createIndex('repositories_lifecycle').on('repositories').column('lifecycle_due').execute();
  await (db as Kysely<{ repositories: { lifecycle_policy: string | null; lifecycle_due: string | null } }>)
    .updateTable('repositories')
    .set({ lifecycle_due: new Date(Date.now() + 86_400_000).toISOString() })
    .where('lifecycle_policy', 'is not', null)
    .execute();
}
