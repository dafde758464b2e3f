/** Operations on the policies of resources. Source: reference, `resources.md` section 6. */
import { resourceExists } from '../../catalog/existence.ts';
import { getResourcePolicy, putResourcePolicy } from '../../catalog/resource-policies.ts';
import { parsePolicy } from '../../policies/document.ts';
import type { ResourceType } from '../../resources/arns.ts';
import { ApiError, invalidParameterValue, resourceNotFound } from '../../resources/errors.ts';
import type { Handlers, OperationContext } from '../context.ts';
import { ownArn } from './common.ts';

/** Handlers. */
export const resourcePolicyOperations = {
  async PutComponentPolicy({ componentArn, policy }, context) {
    await put(context, 'component', 'componentArn', componentArn, policy);
    return { componentArn };
  },
  async GetComponentPolicy({ componentArn }, context) {
    return { policy: await get(context, 'component', 'componentArn', componentArn) };
  },
  async PutImagePolicy({ imageArn, policy }, context) {
    await put(context, 'image', 'imageArn', imageArn, policy);
    return { imageArn };
  },
  async GetImagePolicy({ imageArn }, context) {
    return { policy: await get(context, 'image', 'imageArn', imageArn) };
  },
  async PutImageRecipePolicy({ imageRecipeArn, policy }, context) {
    await put(context, 'image-recipe', 'imageRecipeArn', imageRecipeArn, policy);
    return { imageRecipeArn };
  },
  async GetImageRecipePolicy({ imageRecipeArn }, context) {
    return { policy: await get(context, 'image-recipe', 'imageRecipeArn', imageRecipeArn) };
  },
  async PutContainerRecipePolicy({ containerRecipeArn, policy }, context) {
    await put(context, 'container-recipe', 'containerRecipeArn', containerRecipeArn, policy);
    return { containerRecipeArn };
  },
  async GetContainerRecipePolicy({ containerRecipeArn }, context) {
    return { policy: await get(context, 'container-recipe', 'containerRecipeArn', containerRecipeArn) };
  },
} satisfies Partial<Handlers>;

async function put(
  context: OperationContext,
  type: ResourceType,
  path: string,
  arn: string,
  policy: string,
): Promise<void> {
  await existing(context, type, path, arn);
  const read = parsePolicy(policy, 'resource');
  if ('faults' in read) throw invalidParameterValue('policy', read.faults.join('\n'));
  await putResourcePolicy(context.db, arn, policy);
}

/** @throws {ApiError} ResourceNotFoundException, also for a resource without a policy */
async function get(context: OperationContext, type: ResourceType, path: string, arn: string): Promise<string> {
  await existing(context, type, path, arn);
  const policy = await getResourcePolicy(context.db, arn);
  if (policy === undefined) throw new ApiError('ResourceNotFoundException', `The resource '${arn}' has no policy.`);
  return policy;
}

async function existing(context: OperationContext, type: ResourceType, path: string, arn: string): Promise<void> {
  ownArn(context, arn, type, path);
  if (!(await resourceExists(context.db, arn))) throw resourceNotFound(arn);
}
