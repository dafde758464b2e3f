/** When lifecycle policies run next. */
import type { Kysely } from 'kysely';
import { timestampAfter } from '../../platform/clock.ts';

/** Adds the table. An existing policy first runs after a day, so that it can be checked. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('lifecycle_schedules')
    .addColumn('policy_arn', 'text', (c) => c.primaryKey())
    .addColumn('due', 'text', (c) => c.notNull())
    .execute();
  await db.schema.createIndex('lifecycle_schedules_by_due').on('lifecycle_schedules').column('due').execute();
  const tables = db as Kysely<{
    lifecycle_policies: { arn: string; status: string };
    lifecycle_schedules: { policy_arn: string; due: string };
  }>;
  const policies = await tables
    .selectFrom('lifecycle_policies')
    .select('arn')
    .where('status', '=', 'ENABLED')
    .execute();
  for (const { arn } of policies)
    await tables
      .insertInto('lifecycle_schedules')
      .values({ policy_arn: arn, due: timestampAfter(86_400) })
      .execute();
}
