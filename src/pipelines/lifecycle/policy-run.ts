/** Carries out a lifecycle policy: decides on all its images, then applies the decisions one image after another. */
import type { Catalog } from '../../catalog/catalog.ts';
import { lifecyclePolicies } from '../../catalog/lifecycle-policies.ts';
import {
  imagesOfExecution,
  recordLifecycleResource,
  updateLifecycleExecution,
  type LifecycleExecution,
  type StateUpdate,
} from '../../catalog/lifecycle-executions.ts';
import { getImage } from '../../catalog/images.ts';
import { timestamp } from '../../platform/clock.ts';
import type { Decision, LifecycleAction } from './decide.ts';
import { decisionsOf } from './decisions.ts';
import { endExecution, endIfCancelled } from './ends.ts';
import { instanceOn } from './facts.ts';
import { updateOne } from './state-updates.ts';

const STATUSES = { DEPRECATE: 'DEPRECATED', DISABLE: 'DISABLED', DELETE: 'DELETED' } as const;

/**
 * Carries out one execution of a policy. Each image is a separate step: if the worker dies, the next one decides again
 * on the images without a result.
 */
export async function runPolicy(
  catalog: Catalog,
  execution: LifecycleExecution,
  stopping: () => boolean,
): Promise<void> {
  const { id } = execution;
  if (await endIfCancelled(catalog, id)) return;
  const policy = await lifecyclePolicies.get(catalog.db, execution.policy_arn!);
  if (policy === undefined)
    return endExecution(catalog, id, 'FAILED', `The policy '${execution.policy_arn}' does not exist any more.`);
  const begun = execution.start_time ?? timestamp();
  await updateLifecycleExecution(catalog.db, id, { status: 'IN_PROGRESS', start_time: begun });
  const over = await imagesOfExecution(catalog.db, id);
  const failures: string[] = [];
  for (const decision of await decisionsOf(catalog, policy, Date.parse(begun))) {
    if (over.has(decision.arn)) continue;
    // The rest continues at the next start.
    if (stopping()) return;
    if (await endIfCancelled(catalog, id)) return;
    const failure = await carryOut(catalog, execution, decision);
    if (failure === 'cancelled') return;
    if (failure !== undefined) failures.push(failure);
  }
  if (failures.length === 0) return endExecution(catalog, id, 'SUCCESS');
  return endExecution(catalog, id, 'FAILED', `${failures.length} images failed. The first: ${failures[0]!}`);
}

/** Returns why an image failed, if it did. */
async function carryOut(
  catalog: Catalog,
  execution: LifecycleExecution,
  { arn, action, spared, why, detail }: Decision,
): Promise<string | undefined> {
  if (action === 'KEEP') {
    if (spared !== undefined) await recordSpared(catalog, execution, arn, spared, why);
    return undefined;
  }
  // Since the decision, an instance may have been launched, or the image deleted.
  const instance = action === 'DELETE' ? await instanceOn(catalog.db, arn) : undefined;
  if (instance !== undefined) {
    await recordSpared(catalog, execution, arn, action, `The instance ${instance} runs from it.`);
    return undefined;
  }
  if ((await getImage(catalog.db, arn)) === undefined) return undefined;
  const update: StateUpdate = {
    status: STATUSES[action],
    include: {
      amis: detail!.action!.includeResources?.amis === true,
      // The CDK's construct names them in rules of every action; only a deletion has a meaning for them.
      snapshots: action === 'DELETE' && detail!.action!.includeResources?.snapshots === true,
      containers: detail!.action!.includeResources?.containers === true,
    },
    exclusionRules: detail!.exclusionRules?.amis,
  };
  const outcome = await updateOne(catalog, execution, arn, update);
  if (outcome === 'cancelled') return 'cancelled';
  return outcome.status === 'FAILED' ? `${arn}: ${outcome.reason}` : undefined;
}

async function recordSpared(
  { db }: Catalog,
  { id, account, region }: LifecycleExecution,
  arn: string,
  action: LifecycleAction,
  reason: string,
): Promise<void> {
  const now = timestamp();
  await recordLifecycleResource(db, {
    execution_id: id,
    resource_id: arn,
    parent_id: null,
    account,
    region,
    action,
    status: 'SKIPPED',
    reason,
    snapshot_id: null,
    start_time: now,
    end_time: now,
  });
}
