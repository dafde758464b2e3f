/**
 * Operations on state updates of images, and on lifecycle executions. Source: reference, `resources.md` sections 5, 6
 * and 8.
 */
import { dependentsOf } from '../../catalog/dependents.ts';
import { resourceExists } from '../../catalog/existence.ts';
import { changeImageState, getImage, imageVersions, updateImageRecord } from '../../catalog/images.ts';
import {
  getLifecycleExecution,
  hasImpact,
  insertLifecycleExecution,
  listLifecycleExecutions,
  listLifecycleResources,
  openExecutionOf,
  updateLifecycleExecution,
  type LifecycleExecution,
  type LifecycleResource,
  type StateUpdate,
} from '../../catalog/lifecycle-executions.ts';
import { timestamp } from '../../platform/clock.ts';
import { newLifecycleExecutionId } from '../../platform/ids.ts';
import { parseArn } from '../../resources/arns.ts';
import {
  invalidParameterValue,
  invalidRequest,
  resourceDependency,
  resourceInUse,
  resourceNotFound,
} from '../../resources/errors.ts';
import { isLegalMove, type ImageStatus } from '../../resources/statuses.ts';
import type { Handlers, OperationContext } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { openPage } from '../paging.ts';
import { compact, isVisible, ownArn, placeOf } from './common.ts';

/** Handlers. */
export const lifecycleExecutionOperations = {
  async StartResourceStateUpdate(input, context) {
    const { resourceArn, updateAt, executionRole } = input;
    const arn = ownArn(context, resourceArn, 'image', 'resourceArn');
    const image = await getImage(context.db, resourceArn);
    if (image === undefined) throw resourceNotFound(resourceArn);
    const from = image.state!.status!;
    const update = validUpdate(input, from, image.type === 'DOCKER');
    const open = await openExecutionOf(context.db, resourceArn);
    if (open !== undefined) throw resourceInUse(resourceArn, `The lifecycle execution '${open.id}' is ${open.status}.`);
    if (update.status === 'DELETED') {
      const available = (await imageVersions(context.db, placeOf(context), arn.slug)).filter(
        ({ status }) => status === 'AVAILABLE',
      );
      const dependents = await dependentsOf(context.db, resourceArn, available);
      if (dependents.length > 0) throw resourceDependency(resourceArn, dependents);
    }
    if (executionRole === undefined && updateAt === undefined) {
      await changeImageState(context.db, resourceArn, update.status);
      return { resourceArn };
    }
    const id = newLifecycleExecutionId();
    await insertLifecycleExecution(context.db, {
      id,
      ...placeOf(context),
      image_arn: resourceArn,
      policy_arn: null,
      due: updateAt?.toISOString() ?? timestamp(),
      request: update,
    });
    await updateImageRecord(context.db, resourceArn, {
      lifecycleExecutionId: id,
      deprecationTime: updateAt,
    });
    context.afterCommit(context.services.wakeWorker);
    return { lifecycleExecutionId: id, resourceArn };
  },

  async CancelLifecycleExecution({ lifecycleExecutionId }, context) {
    const execution = await existing(context, lifecycleExecutionId);
    if (execution.status === 'PENDING') {
      await updateLifecycleExecution(context.db, execution.id, { status: 'CANCELLED', end_time: timestamp() });
      if (execution.image_arn !== null)
        await updateImageRecord(context.db, execution.image_arn, { deprecationTime: undefined });
    } else if (execution.status === 'IN_PROGRESS')
      await updateLifecycleExecution(context.db, execution.id, { status: 'CANCELLING' });
    else
      throw invalidRequest(
        `The lifecycle execution '${lifecycleExecutionId}' is ${execution.status}: there is nothing to cancel.`,
      );
    return { lifecycleExecutionId };
  },

  async GetLifecycleExecution({ lifecycleExecutionId }, context) {
    return { lifecycleExecution: await described(context, await existing(context, lifecycleExecutionId)) };
  },

  async ListLifecycleExecutions(input, context) {
    const { resourceArn } = input;
    const arn = parseArn(resourceArn);
    if (arn?.type !== 'image' && arn?.type !== 'lifecycle-policy')
      throw invalidParameterValue(
        'resourceArn',
        `'${resourceArn}' is neither the ARN of an image nor that of a lifecycle policy.`,
      );
    if (!isVisible(context, arn) || !(await resourceExists(context.db, resourceArn)))
      throw resourceNotFound(resourceArn);
    const page = openPage(input, context, ['string', 'string']);
    const found = await listLifecycleExecutions(
      context.db,
      arn.type === 'image' ? { imageArn: resourceArn } : { policyArn: resourceArn },
      page,
    );
    const { items, nextToken } = page.cut(found, ({ created, id }) => [created, id]);
    const lifecycleExecutions = [];
    for (const execution of items) lifecycleExecutions.push(await described(context, execution));
    return { lifecycleExecutions, nextToken };
  },

  async ListLifecycleExecutionResources(input, context) {
    const execution = await existing(context, input.lifecycleExecutionId);
    const page = openPage(input, context, ['string']);
    const { items, nextToken } = page.cut(
      await listLifecycleResources(context.db, execution.id, input.parentResourceId, page),
      ({ resource_id }) => [resource_id],
    );
    return {
      lifecycleExecutionId: execution.id,
      lifecycleExecutionState: stateOf(execution),
      resources: items.map(describedResource),
      nextToken,
    };
  },
} satisfies Partial<Handlers>;

async function existing(context: OperationContext, id: string): Promise<LifecycleExecution> {
  const execution = await getLifecycleExecution(context.db, id);
  if (execution === undefined || execution.account !== context.account || execution.region !== context.region)
    throw resourceNotFound(id);
  return execution;
}

/** @throws {ApiError} InvalidRequestException, InvalidParameterValueException */
function validUpdate(
  { state, executionRole, includeResources, exclusionRules, updateAt }: OperationInput<'StartResourceStateUpdate'>,
  from: ImageStatus,
  isContainer: boolean,
): StateUpdate {
  const status = state.status;
  if (status === undefined) throw invalidParameterValue('state.status', 'It is required.');
  const include = {
    amis: includeResources?.amis === true,
    snapshots: includeResources?.snapshots === true,
    containers: includeResources?.containers === true,
  };
  if (include.containers && !isContainer)
    throw invalidParameterValue('includeResources.containers', 'The image is an AMI image: it has no containers.');
  for (const member of ['amis', 'snapshots'] as const)
    if (include[member] && isContainer)
      throw invalidParameterValue(`includeResources.${member}`, `The image is a container image: it has no ${member}.`);
  if (include.containers && status !== 'DELETED')
    throw invalidParameterValue('includeResources.containers', 'Container images in repositories can only be deleted.');
  if ((includeResources === undefined) !== (executionRole === undefined))
    throw invalidRequest('includeResources and executionRole come together or not at all.');
  if (include.snapshots && status !== 'DELETED')
    throw invalidParameterValue('includeResources.snapshots', 'Snapshots can only be deleted.');
  if (include.snapshots && !include.amis)
    throw invalidParameterValue(
      'includeResources.snapshots',
      'A snapshot cannot be deleted while its AMI exists: include the AMIs too.',
    );
  if (status === 'DELETED' && !include.amis && !include.containers)
    throw invalidRequest(
      'To delete an image with StartResourceStateUpdate include its resources; DeleteImage deletes the image alone.',
    );
  if (exclusionRules !== undefined && includeResources === undefined)
    throw invalidRequest('exclusionRules need includeResources.');
  if (updateAt !== undefined && status !== 'DEPRECATED')
    throw invalidParameterValue('updateAt', 'It is for DEPRECATED only.');
  if (updateAt !== undefined && updateAt.getTime() <= Date.now())
    throw invalidParameterValue('updateAt', 'It must be in the future.');
  // If the image already has the status, its AMIs may not have it yet.
  if (!isLegalMove(from, status) && !(from === status && include.amis))
    throw invalidRequest(`The image is ${from} and cannot become ${status}.`);
  return { status, include, exclusionRules: exclusionRules?.amis };
}

function stateOf({ status, reason }: LifecycleExecution) {
  return compact({ status, reason: reason ?? undefined });
}

function time(text: string | null): Date | undefined {
  return text === null ? undefined : new Date(text);
}

async function described(context: OperationContext, execution: LifecycleExecution) {
  return compact({
    lifecycleExecutionId: execution.id,
    lifecyclePolicyArn: execution.policy_arn ?? undefined,
    resourcesImpactedSummary: { hasImpactedResources: await hasImpact(context.db, execution.id) },
    state: stateOf(execution),
    startTime: time(execution.start_time),
    endTime: time(execution.end_time),
  });
}

function describedResource({
  account,
  resource_id,
  region,
  action,
  status,
  reason,
  snapshot_id,
  start_time,
  end_time,
}: LifecycleResource) {
  const state = compact({ status, reason: reason ?? undefined });
  return compact({
    accountId: account,
    resourceId: resource_id,
    state,
    action: { name: action },
    region,
    snapshots: snapshot_id === null ? undefined : [{ snapshotId: snapshot_id, state }],
    startTime: time(start_time),
    endTime: time(end_time),
  });
}
