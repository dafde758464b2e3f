/**
 * State updates of images: deprecated, disabled, deleted or available again, with their AMIs and snapshots. Source:
 * reference, `resources.md` sections 5, 6 and 8.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { amisInForce, updateAmi, type Ami } from '../../catalog/amis.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { containerCopies } from '../../catalog/container-outputs.ts';
import { changeImageState, getImage, updateImageRecord } from '../../catalog/images.ts';
import { lastLaunchOf } from '../../catalog/instances.ts';
import {
  recordLifecycleResource,
  updateLifecycleExecution,
  type LifecycleExecution,
  type LifecycleResource,
  type StateUpdate,
} from '../../catalog/lifecycle-executions.ts';
import { withdrawAmi } from '../../distribution/withdraw.ts';
import { LayerStore } from '../../images/layer-store.ts';
import { timestamp } from '../../platform/clock.ts';
import { exclusionReason } from '../../resources/lifecycle-exclusions.ts';
import { ecrUri } from '../../resources/repositories.ts';
import { deleteCopy } from './container-copies.ts';
import { endExecution, endIfCancelled, type Outcome } from './ends.ts';

/** The names of state updates in records. */
const ACTIONS = {
  AVAILABLE: 'AVAILABLE',
  DEPRECATED: 'DEPRECATE',
  DISABLED: 'DISABLE',
  DELETED: 'DELETE',
} as const;

/** The tag of a deprecated AMI, as AWS sets it. */
const DEPRECATED_TAG = { key: 'DeprecatedBy', value: 'EC2 Image Builder' };

/** Carries out one execution for an image. Changes of an earlier attempt are skipped. */
export async function runStateUpdate(
  catalog: Catalog,
  { id, image_arn: arn, account, region, start_time, request }: LifecycleExecution,
): Promise<void> {
  if (await endIfCancelled(catalog, id)) return;
  const update = JSON.parse(request) as StateUpdate;
  if (arn === null || (await getImage(catalog.db, arn)) === undefined)
    return endExecution(catalog, id, 'FAILED', `The image '${arn}' does not exist any more.`);
  await updateLifecycleExecution(catalog.db, id, { status: 'IN_PROGRESS', start_time: start_time ?? timestamp() });
  const outcome = await updateOne(catalog, { id, account, region }, arn, update);
  if (outcome === 'cancelled') return;
  if (outcome.status === 'FAILED') await endExecution(catalog, id, 'FAILED', outcome.reason!);
  else await endExecution(catalog, id, 'SUCCESS');
}

/**
 * Updates one image with its AMIs and records the result of each. Changes of an earlier attempt are skipped.
 * @returns the result, or that the execution was cancelled meanwhile and is ended
 */
export async function updateOne(
  catalog: Catalog,
  { id, account, region }: Pick<LifecycleExecution, 'id' | 'account' | 'region'>,
  arn: string,
  update: StateUpdate,
): Promise<Outcome | 'cancelled'> {
  const { db } = catalog;
  const action = ACTIONS[update.status];
  const begun = timestamp();
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
    if (await endIfCancelled(catalog, id)) {
      await record({ resource_id: arn, status: 'SKIPPED', reason: 'The execution was cancelled.' });
      return 'cancelled';
    }
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
  for (const copy of update.include.containers === true ? await containerCopies(db, arn) : []) {
    if (await endIfCancelled(catalog, id)) {
      await record({ resource_id: arn, status: 'SKIPPED', reason: 'The execution was cancelled.' });
      return 'cancelled';
    }
    // With the digest: a tag moves from one image to the next.
    const place = { resource_id: `${ecrUri(copy.uri)}@${copy.digest}`, parent_id: arn, region: copy.region };
    await record({ ...place, status: 'IN_PROGRESS' });
    await record({ ...place, ...(await deleteCopy(catalog, copy)) });
  }
  const outcome = imageOutcome(update, outcomes);
  if (outcome.status === 'SUCCESS') await catalog.transaction((trx) => changeImageState(trx, arn, update.status));
  await record({ resource_id: arn, ...outcome });
  if (outcome.status !== 'FAILED') {
    const image = await getImage(db, arn);
    if (image !== undefined)
      await updateImageRecord(db, arn, { outputResources: outputsAfter(image.outputResources, update, outcomes) });
  }
  return outcome;
}

function imageOutcome({ status }: StateUpdate, outcomes: ReadonlyMap<string, Outcome>): Outcome {
  const failed = [...outcomes].find(([, each]) => each.status === 'FAILED');
  if (failed !== undefined) return { status: 'FAILED', reason: `${failed[0]}: ${failed[1].reason}` };
  const kept = [...outcomes].filter(([, each]) => status === 'DELETED' && each.status === 'SKIPPED');
  if (kept.length === 0) return { status: 'SUCCESS', reason: null };
  const ids = kept.map(([ami]) => ami).join(', ');
  return { status: 'SKIPPED', reason: `The image stays, since these AMIs of it stay: ${ids}.` };
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

/** The id of an AMI's snapshot. Each AMI has one disk. */
function snapshotOf({ id }: Ami): string {
  return id.replace(/^ami-/, 'snap-');
}

function outputsAfter(
  outputs: Image['outputResources'],
  { status, include }: StateUpdate,
  outcomes: ReadonlyMap<string, Outcome>,
): Image['outputResources'] {
  const changed = (id: string | undefined): boolean => outcomes.get(id ?? '')?.status === 'SUCCESS';
  const amis = outputs?.amis
    ?.filter(({ image }) => status !== 'DELETED' || !changed(image))
    .map((ami) => (changed(ami.image) ? { ...ami, state: { status } } : ami));
  const after = amis === undefined ? outputs : { ...outputs, amis };
  return status === 'DELETED' && include.containers === true ? { ...after, containers: [] } : after;
}
