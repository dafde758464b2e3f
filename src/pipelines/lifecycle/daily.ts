/** Starts lifecycle policies once a day and on request. */
import type { Catalog, Queryable } from '../../catalog/catalog.ts';
import { insertLifecycleExecution, openExecutionOfPolicy } from '../../catalog/lifecycle-executions.ts';
import { lifecyclePolicies, type StoredLifecyclePolicy } from '../../catalog/lifecycle-policies.ts';
import { duePolicies, setPolicyDue, takePolicy } from '../../catalog/lifecycle-schedules.ts';
import { newLifecycleExecutionId } from '../../platform/ids.ts';
import { parseArn } from '../../resources/arns.ts';

const DAY_MS = 86_400_000;

/** Sets when a new or changed policy first runs: a day later, so that its author can check it first. */
export async function schedulePolicy(
  db: Queryable,
  policy: StoredLifecyclePolicy,
  now: number,
  before?: string,
): Promise<void> {
  const due = policy.status === 'DISABLED' ? undefined : (before ?? new Date(now + DAY_MS).toISOString());
  await setPolicyDue(db, policy.arn!, due);
}

/** Records executions of the policies that are due. Returns their number. @param now milliseconds since 1970 */
export async function startDuePolicies(catalog: Catalog, now: number): Promise<number> {
  const at = new Date(now).toISOString();
  let started = 0;
  for (const row of await duePolicies(catalog.db, at)) {
    const id = await catalog.transaction(async (trx) => {
      // Missed days count as one run. The next run is at the same time of the day.
      const days = Math.floor((now - Date.parse(row.due)) / DAY_MS) + 1;
      if (!(await takePolicy(trx, row, new Date(Date.parse(row.due) + days * DAY_MS).toISOString()))) return undefined;
      const policy = await lifecyclePolicies.get(trx, row.policy_arn);
      if (policy !== undefined) return startPolicy(trx, policy, at);
      await setPolicyDue(trx, row.policy_arn, undefined);
      return undefined;
    });
    if (id !== undefined) started++;
  }
  return started;
}

/**
 * Records an execution of a policy. The worker carries executions out one at a time.
 * @param at ISO-8601
 * @returns its id, or `undefined` while another execution of the policy is running
 */
export async function startPolicy(
  trx: Queryable,
  policy: StoredLifecyclePolicy,
  at: string,
): Promise<string | undefined> {
  const arn = policy.arn!;
  if ((await openExecutionOfPolicy(trx, arn)) !== undefined) return undefined;
  const { owner: account, region } = parseArn(arn)!;
  const id = newLifecycleExecutionId();
  await insertLifecycleExecution(trx, { id, account, region, image_arn: null, policy_arn: arn, due: at, request: {} });
  await lifecyclePolicies.replace(trx, { ...policy, dateLastRun: at });
  return id;
}
