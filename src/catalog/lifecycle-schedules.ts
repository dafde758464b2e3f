/** Queries on when lifecycle policies run. */
import type { Queryable } from './catalog.ts';

/** A policy that is due. */
export interface DuePolicy {
  readonly policy_arn: string;
  /** ISO-8601. */
  readonly due: string;
}

/** Sets when a policy runs next; `undefined` for never. */
export async function setPolicyDue(db: Queryable, policyArn: string, due: string | undefined): Promise<void> {
  if (due === undefined) await db.deleteFrom('lifecycle_schedules').where('policy_arn', '=', policyArn).execute();
  else
    await db
      .insertInto('lifecycle_schedules')
      .values({ policy_arn: policyArn, due })
      .onConflict((conflict) => conflict.column('policy_arn').doUpdateSet({ due }))
      .execute();
}

/** When a policy runs next, or `undefined`. */
export async function policyDue(db: Queryable, policyArn: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('lifecycle_schedules')
    .select('due')
    .where('policy_arn', '=', policyArn)
    .executeTakeFirst();
  return row?.due;
}

/** Policies that are due by `now` (ISO-8601). */
export async function duePolicies(db: Queryable, now: string): Promise<readonly DuePolicy[]> {
  return db.selectFrom('lifecycle_schedules').selectAll().where('due', '<=', now).orderBy('due').execute();
}

/** Claims a due policy: of two servers that see it, only one gets it. @param then when it runs next */
export async function takePolicy(trx: Queryable, seen: DuePolicy, then: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('lifecycle_schedules')
    .set({ due: then })
    .where('policy_arn', '=', seen.policy_arn)
    .where('due', '=', seen.due)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Whether any policy has a next run. */
export async function anyPolicyDue(db: Queryable): Promise<boolean> {
  return (await db.selectFrom('lifecycle_schedules').select('policy_arn').limit(1).executeTakeFirst()) !== undefined;
}
