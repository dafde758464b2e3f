/**
 * Changes of the state of images: deprecated, disabled, deleted or available again, with their AMIs and snapshots.
 * Source: reference, `resources.md` sections 5, 6 and 8.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { amisInForce, updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { changeImageState, getImage, updateImageRecord } from '../catalog/images.ts';
import { lastLaunchOf } from '../catalog/instances.ts';
import {
  dueExecutions,
  getLifecycleExecution,
  recordLifecycleResource,
  updateLifecycleExecution,
  type LifecycleExecution,
  type LifecycleResource,
  type StateUpdate,
} from '../catalog/lifecycle-executions.ts';
import { withdrawAmi } from '../distribution/withdraw.ts';
import { LayerStore } from '../images/layer-store.ts';
import { timestamp } from '../platform/clock.ts';
import { logger } from '../platform/log.ts';
import { exclusionReason } from '../resources/lifecycle-exclusions.ts';

const ACTIONS = { AVAILABLE: 'AVAILABLE', DEPRECATED: 'DEPRECATE', DISABLED: 'DISABLE', DELETED: 'DELETE' } as const;

/** The tag of a deprecated AMI, as AWS sets it. */
const DEPRECATED_TAG = { key: 'DeprecatedBy', value: 'EC2 Image Builder' };

/**
 * Carries out what is due, one after another.
 * @param stopping checked between two; the rest is done at the next start
 */
export async function runDueExecutions(catalog: Catalog, stopping: () => boolean): Promise<void> {
  for (const execution of await dueExecutions(catalog.db)) {
    if (stopping()) return;
    await runStateUpdate(catalog, execution).catch(async (error: unknown) => {
      logger().error({ execution: execution.id, error }, 'a change of state failed');
      await end(catalog, execution.id, 'FAILED', `It failed because of an internal error: ${(error as Error).message}`);
    });
  }
}

/** Carries out one execution. Changes that an earlier attempt made are found done. */
async function runStateUpdate(
  catalog: Catalog,
  { id, image_arn: arn, account, region, start_time, request }: LifecycleExecution,
): Promise<void> {
  const { db } = catalog;
  if (await cancelled(catalog, id)) return;
  const update = JSON.parse(request) as StateUpdate;
  const image = arn === null ? undefined : await getImage(db, arn);
  if (arn === null || image === undefined)
    return end(catalog, id, 'FAILED', `The image '${arn}' does not exist any more.`);
  const action = ACTIONS[update.status];
  const begun = timestamp();
  await updateLifecycleExecution(db, id, { status: 'IN_PROGRESS', start_time: start_time ?? begun });
  const record = (
    resource: Pick<LifecycleResource, 'resource_id' | 'status'> & Partial<LifecycleResource>,
  ): Promise<void> =>
    recordLifecycleResource(db, {
      execution_id: id,
      account,
      region,
      action,
      parent_id: null,
      reason: null,
      snapshot_id: null,
      start_time: begun,
      end_time: resource.status === 'IN_PROGRESS' ? null : timestamp(),
      ...resource,
    });

  await record({ resource_id: arn, status: 'IN_PROGRESS' });
  const outcomes = new Map<string, Outcome>();
  for (const ami of update.include.amis ? await amisInForce(db, arn) : []) {
    if (await cancelled(catalog, id))
      return record({ resource_id: arn, status: 'SKIPPED', reason: 'The execution was cancelled.' });
    const place = {
      resource_id: ami.id,
      parent_id: arn,
      region: ami.region,
      snapshot_id: update.include.snapshots ? snapshotOf(ami) : null,
    };
    await record({ ...place, status: 'IN_PROGRESS' });
    const outcome = await changeAmi(catalog, ami, update);
    await record({ ...place, ...outcome });
    outcomes.set(ami.id, outcome);
  }
  const failed = [...outcomes].find(([, { status }]) => status === 'FAILED');
  const kept =
    update.status === 'DELETED'
      ? [...outcomes].filter(([, { status }]) => status === 'SKIPPED').map(([ami]) => ami)
      : [];
  if (failed !== undefined) {
    await record({ resource_id: arn, status: 'FAILED', reason: `${failed[0]}: ${failed[1].reason}` });
    return end(catalog, id, 'FAILED', `${failed[0]}: ${failed[1].reason}`);
  }
  if (kept.length > 0)
    await record({
      resource_id: arn,
      status: 'SKIPPED',
      reason: `The image stays, since these AMIs of it stay: ${kept.join(', ')}.`,
    });
  else {
    await catalog.transaction((trx) => changeImageState(trx, arn, update.status));
    await record({ resource_id: arn, status: 'SUCCESS' });
  }
  await updateImageRecord(db, arn, { outputResources: outputsAfter(image.outputResources, update, outcomes) });
  await end(catalog, id, 'SUCCESS');
}

/** The result for one AMI. */
interface Outcome {
  readonly status: 'SUCCESS' | 'SKIPPED' | 'FAILED';
  readonly reason: string | null;
}

async function changeAmi(
  catalog: Catalog,
  ami: Ami,
  { status, include, exclusionRules }: StateUpdate,
): Promise<Outcome> {
  const { db } = catalog;
  const tags = JSON.parse(ami.tags) as Record<string, string>;
  const launched = await lastLaunchOf(db, ami.id);
  // Ingot does not support shared or public AMIs yet.
  const facts = {
    region: ami.region,
    tags,
    isPublic: false,
    sharedAccounts: [],
    ...(launched === undefined ? {} : { lastLaunched: Date.parse(launched) }),
  };
  const reason = exclusionReason(facts, exclusionRules, Date.now());
  if (reason !== undefined) return { status: 'SKIPPED', reason };
  try {
    if (status === 'DELETED')
      await withdrawAmi(catalog, new LayerStore(catalog, catalog.dataDirectory), ami, {
        keepReusable: false,
        keepDisk: !include.snapshots,
      });
    else {
      delete tags[DEPRECATED_TAG.key];
      if (status === 'DEPRECATED') tags[DEPRECATED_TAG.key] = DEPRECATED_TAG.value;
      await updateAmi(db, ami.id, {
        state: status === 'DISABLED' ? 'disabled' : 'available',
        tags: JSON.stringify(tags),
      });
    }
    return { status: 'SUCCESS', reason: null };
  } catch (error) {
    return { status: 'FAILED', reason: (error as Error).message.slice(0, 1000) };
  }
}

/** The id of an AMI's snapshot: each AMI has one disk. */
function snapshotOf({ id }: Ami): string {
  return id.replace(/^ami-/, 'snap-');
}

function outputsAfter(
  outputs: Image['outputResources'],
  { status }: StateUpdate,
  outcomes: ReadonlyMap<string, Outcome>,
): Image['outputResources'] {
  const changed = (id: string | undefined): boolean => outcomes.get(id ?? '')?.status === 'SUCCESS';
  const amis = outputs?.amis
    ?.filter(({ image }) => status !== 'DELETED' || !changed(image))
    .map((ami) => (changed(ami.image) ? { ...ami, state: { status } } : ami));
  return amis === undefined ? outputs : { ...outputs, amis };
}

/** Finishes an execution whose cancellation was requested. */
async function cancelled(catalog: Catalog, id: string): Promise<boolean> {
  if ((await getLifecycleExecution(catalog.db, id))?.status !== 'CANCELLING') return false;
  await end(catalog, id, 'CANCELLED');
  return true;
}

async function end(
  catalog: Catalog,
  id: string,
  status: 'SUCCESS' | 'FAILED' | 'CANCELLED',
  reason?: string,
): Promise<void> {
  await updateLifecycleExecution(catalog.db, id, {
    status,
    reason: reason?.slice(0, 1000) ?? null,
    end_time: timestamp(),
  });
}
