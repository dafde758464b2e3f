/** Resources without versions, which are updated in place. */
import {
  CreateDistributionConfigurationCommand,
  CreateImagePipelineCommand,
  CreateInfrastructureConfigurationCommand,
  CreateLifecyclePolicyCommand,
  GetDistributionConfigurationCommand,
  GetImagePipelineCommand,
  GetInfrastructureConfigurationCommand,
  GetLifecyclePolicyCommand,
  UpdateDistributionConfigurationCommand,
  UpdateImagePipelineCommand,
  UpdateInfrastructureConfigurationCommand,
  UpdateLifecyclePolicyCommand,
} from '@aws-sdk/client-imagebuilder';
import { differences } from '../../templates/compare.ts';
import type { DeployContext, Deployed } from './context.ts';
import { deploymentIdOf } from './deployment-id.ts';
import { arnOf, deployed, found, syncTags, type Request } from './existing.ts';

const LIFECYCLE_MEMBERS = [
  'description',
  'status',
  'executionRole',
  'resourceType',
  'policyDetails',
  'resourceSelection',
];
const INFRASTRUCTURE_MEMBERS = [
  'description',
  'instanceTypes',
  'instanceProfileName',
  'securityGroupIds',
  'subnetId',
  'logging',
  'keyPair',
  'terminateInstanceOnFailure',
  'terminateInstanceOnCompletion',
  'parentInstance',
  'snsTopicArn',
  'resourceTags',
  'instanceMetadataOptions',
  'placement',
];
const DISTRIBUTION_MEMBERS = ['description', 'distributions'];
const PIPELINE_MEMBERS = [
  'description',
  'imageRecipeArn',
  'containerRecipeArn',
  'infrastructureConfigurationArn',
  'distributionConfigurationArn',
  'imageTestsConfiguration',
  'enhancedImageMetadataEnabled',
  'schedule',
  'status',
  'imageScanningConfiguration',
  'workflows',
  'executionRole',
  'loggingConfiguration',
  'imageTags',
];

/** The content of an update: that of a create without the name and the tags, which have separate operations or none. */
function updateOf(request: Request): Request {
  return Object.fromEntries(Object.entries(request).filter(([member]) => member !== 'name' && member !== 'tags'));
}

/** Resources without versions, which are updated in place. */
async function deployInPlace(
  context: DeployContext,
  request: Request,
  arn: string,
  members: readonly string[],
  operations: {
    readonly get: () => Promise<{ readonly tags?: Record<string, string> | undefined } | undefined>;
    readonly create: () => Promise<unknown>;
    readonly update: () => Promise<unknown>;
    readonly attributes?: Readonly<Record<string, string>>;
  },
): Promise<Deployed> {
  const existing = await found(operations.get());
  if (existing === undefined) {
    await operations.create();
    return deployed(arn, 'created', request, operations.attributes);
  }
  const content = differences(request, existing, members).length > 0;
  if (content) await operations.update();
  const tags = await syncTags(context, arn, request, existing.tags);
  return deployed(arn, content || tags ? 'updated' : 'unchanged', request, operations.attributes);
}

export function deployInfrastructure(context: DeployContext, request: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const arn = arnOf(context, 'infrastructure-configuration', request);
  return deployInPlace(context, request, arn, INFRASTRUCTURE_MEMBERS, {
    get: async () =>
      (
        await client.send(new GetInfrastructureConfigurationCommand({ infrastructureConfigurationArn: arn }), {
          abortSignal,
        })
      ).infrastructureConfiguration,
    create: () => client.send(new CreateInfrastructureConfigurationCommand(request as never), { abortSignal }),
    update: () =>
      client.send(
        new UpdateInfrastructureConfigurationCommand({
          ...updateOf(request),
          infrastructureConfigurationArn: arn,
        } as never),
        { abortSignal },
      ),
  });
}

export function deployDistribution(context: DeployContext, request: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const arn = arnOf(context, 'distribution-configuration', request);
  return deployInPlace(context, request, arn, DISTRIBUTION_MEMBERS, {
    get: async () =>
      (
        await client.send(new GetDistributionConfigurationCommand({ distributionConfigurationArn: arn }), {
          abortSignal,
        })
      ).distributionConfiguration,
    create: () => client.send(new CreateDistributionConfigurationCommand(request as never), { abortSignal }),
    update: () =>
      client.send(
        new UpdateDistributionConfigurationCommand({
          ...updateOf(request),
          distributionConfigurationArn: arn,
        } as never),
        { abortSignal },
      ),
  });
}

export function deployPipeline(context: DeployContext, request: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const arn = arnOf(context, 'image-pipeline', request);
  return deployInPlace(context, request, arn, PIPELINE_MEMBERS, {
    attributes: { DeploymentId: deploymentIdOf(arn) },
    get: async () =>
      (await client.send(new GetImagePipelineCommand({ imagePipelineArn: arn }), { abortSignal })).imagePipeline,
    create: () => client.send(new CreateImagePipelineCommand(request as never), { abortSignal }),
    update: () =>
      client.send(new UpdateImagePipelineCommand({ ...updateOf(request), imagePipelineArn: arn } as never), {
        abortSignal,
      }),
  });
}

export function deployLifecyclePolicy(context: DeployContext, request: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const arn = arnOf(context, 'lifecycle-policy', request);
  return deployInPlace(context, request, arn, LIFECYCLE_MEMBERS, {
    get: async () =>
      (await client.send(new GetLifecyclePolicyCommand({ lifecyclePolicyArn: arn }), { abortSignal })).lifecyclePolicy,
    create: () => client.send(new CreateLifecyclePolicyCommand(request as never), { abortSignal }),
    update: () =>
      client.send(new UpdateLifecyclePolicyCommand({ ...updateOf(request), lifecyclePolicyArn: arn } as never), {
        abortSignal,
      }),
  });
}
