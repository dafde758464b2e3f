/**
 * Makes the resources of a template through the API, as a stranger would: what is the same stays, what can change is
 * updated.
 */
import {
  CreateComponentCommand,
  CreateContainerRecipeCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateLifecyclePolicyCommand,
  CreateWorkflowCommand,
  GetComponentCommand,
  GetContainerRecipeCommand,
  GetDistributionConfigurationCommand,
  GetImagePipelineCommand,
  GetImageRecipeCommand,
  GetInfrastructureConfigurationCommand,
  GetLifecyclePolicyCommand,
  GetWorkflowCommand,
  ListImagePipelinesCommand,
  StartImagePipelineExecutionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDistributionConfigurationCommand,
  UpdateImagePipelineCommand,
  UpdateInfrastructureConfigurationCommand,
  UpdateLifecyclePolicyCommand,
} from '@aws-sdk/client-imagebuilder';
import { createHash } from 'node:crypto';
import type { DryRunAnswer } from '../../api/dry-run/dry-run.ts';
import {
  formatArn,
  latestVersionReferences,
  parseArn,
  resourceArn,
  type ResourceType as ArnType,
} from '../../resources/arns.ts';
import { isVersion } from '../../resources/versions.ts';
import { slug } from '../../resources/names.ts';
import type { PlannedResource, RequestValue, ResourceType } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { RequestRefused, signedJson } from '../../platform/api-client.ts';
import { differences, tagChanges } from '../../templates/compare.ts';
import type { DeployContext, Deployed } from './context.ts';
import { deployParameter } from './parameters.ts';
import { withText } from './files.ts';

type Request = Readonly<Record<string, RequestValue>>;

const COMPONENT_MEMBERS = ['data', 'platform', 'description', 'changeDescription', 'supportedOsVersions', 'kmsKeyId'];
const RECIPE_MEMBERS = [
  'description',
  'components',
  'parentImage',
  'blockDeviceMappings',
  'workingDirectory',
  'additionalInstanceConfiguration',
  'amiTags',
];
const CONTAINER_RECIPE_MEMBERS = [
  'containerType',
  'description',
  'components',
  'instanceConfiguration',
  'dockerfileTemplateData',
  'platformOverride',
  'parentImage',
  'workingDirectory',
  'targetRepository',
  'kmsKeyId',
];
const WORKFLOW_MEMBERS = ['data', 'type', 'description', 'changeDescription', 'kmsKeyId'];
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

/**
 * Makes, updates or leaves one resource; an Image is not made here, since that is a build, and no nested stack.
 * @throws {CommandFailed} naming the logical id and its line, with the service's own words
 */
export async function deployResource(
  context: DeployContext,
  resource: PlannedResource,
  request: Request,
): Promise<Deployed> {
  try {
    return await DEPLOYERS[resource.type as keyof typeof DEPLOYERS](context, request);
  } catch (error) {
    throw explained(resource, error as Error, context.signal);
  }
}

/** Starts the build of an Image resource. Throws as `deployResource` does. */
export async function createImage(
  context: DeployContext,
  resource: PlannedResource,
  request: Request,
): Promise<string> {
  // What becomes of the image with its stack is no matter of the build.
  const { imagePipelineExecutionSettings: execution, deletionSettings: _, ...create } = request;
  try {
    if (execution !== undefined)
      return await runPipeline(context, execution as { readonly deploymentId?: string }, create);
    const answer = await context.client.send(new CreateImageCommand(create as never), { abortSignal: context.signal });
    return answer.imageBuildVersionArn!;
  } catch (error) {
    throw explained(resource, error as Error, context.signal);
  }
}

/** Runs the pipeline that an image names by its deployment. */
async function runPipeline(
  { client, signal: abortSignal }: DeployContext,
  { deploymentId }: { readonly deploymentId?: string },
  { tags }: Request,
): Promise<string> {
  if (deploymentId === undefined)
    throw new CommandFailed(
      'ImagePipelineExecutionSettings needs the DeploymentId of a pipeline: !GetAtt Pipeline.DeploymentId',
    );
  let nextToken: string | undefined;
  do {
    const page = await client.send(new ListImagePipelinesCommand({ nextToken }), { abortSignal });
    const pipeline = page.imagePipelineList!.find(({ arn }) => deploymentIdOf(arn!) === deploymentId);
    if (pipeline !== undefined) {
      const start = { imagePipelineArn: pipeline.arn!, tags };
      const answer = await client.send(new StartImagePipelineExecutionCommand(start as never), { abortSignal });
      return answer.imageBuildVersionArn!;
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  throw new CommandFailed(
    `no pipeline of this account and Region has the deployment id '${deploymentId}': use !GetAtt Pipeline.DeploymentId`,
  );
}

/** What stands for a pipeline in the settings of an image that runs it. The same as long as the pipeline has its name. */
export function deploymentIdOf(pipelineArn: string): string {
  const hex = createHash('sha256').update(pipelineArn).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** The service's error with the place in the template that it is about. */
function explained(resource: PlannedResource, error: Error, signal: AbortSignal): Error {
  signal.throwIfAborted();
  const place = `Resources.${resource.logicalId} (line ${resource.position.line})`;
  if (error instanceof CommandFailed) return new CommandFailed(`${place}: ${error.message}`);
  if ((error as { $fault?: unknown }).$fault !== undefined || error instanceof RequestRefused)
    return new CommandFailed(`${place}: ${error.name}: ${error.message}`);
  return error;
}

const DEPLOYERS = {
  'AWS::ImageBuilder::Component': deployComponent,
  'AWS::ImageBuilder::ImageRecipe': deployRecipe,
  'AWS::ImageBuilder::ContainerRecipe': deployContainerRecipe,
  'AWS::ImageBuilder::Workflow': deployWorkflow,
  'AWS::ImageBuilder::LifecyclePolicy': deployLifecyclePolicy,
  'AWS::ImageBuilder::InfrastructureConfiguration': deployInfrastructure,
  'AWS::ImageBuilder::DistributionConfiguration': deployDistribution,
  'AWS::ImageBuilder::ImagePipeline': deployPipeline,
  'AWS::SSM::Parameter': deployParameter,
} satisfies Readonly<
  Record<
    Exclude<ResourceType, 'AWS::ImageBuilder::Image' | 'AWS::CloudFormation::Stack'>,
    (context: DeployContext, request: Request) => Promise<Deployed>
  >
>;

/** The ARN that a name has here, with a version as it is written (it may hold an `x`). */
function arnOf(context: DeployContext, type: ArnType, request: Request, version?: string): string {
  const arn = resourceArn({ region: context.region, account: context.account }, type, slug(String(request['name'])));
  return version === undefined ? arn : `${arn}/${version}`;
}

/** What `get` answers, or `undefined` when there is no such resource. */
async function found<T>(get: Promise<T>): Promise<T | undefined> {
  try {
    return await get;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

async function syncTags(
  context: DeployContext,
  arn: string,
  request: Request,
  existing: Readonly<Record<string, string>> | undefined,
): Promise<boolean> {
  const { set, remove } = tagChanges(request['tags'] as Record<string, string> | undefined, existing);
  if (remove.length > 0)
    await context.client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: remove }), {
      abortSignal: context.signal,
    });
  if (Object.keys(set).length > 0)
    await context.client.send(new TagResourceCommand({ resourceArn: arn, tags: set }), { abortSignal: context.signal });
  return remove.length > 0 || Object.keys(set).length > 0;
}

function deployed(
  arn: string,
  what: Deployed['what'],
  request: Request,
  more: Readonly<Record<string, string>> = {},
): Deployed {
  return { arn, what, answers: { ref: arn, attributes: { Arn: arn, Name: String(request['name']), ...more } } };
}

/** The ARNs that `LatestVersion.*` are, of a resource that has versions. */
export function latestOf(arn: string): Readonly<Record<string, string>> {
  const parsed = parseArn(arn);
  if (parsed?.version === undefined || !isVersion(parsed.version)) return {};
  const latest = latestVersionReferences({ ...parsed, version: parsed.version });
  return {
    'LatestVersion.Arn': latest.latestVersionArn,
    'LatestVersion.Major': latest.latestMajorVersionArn,
    'LatestVersion.Minor': latest.latestMinorVersionArn,
    'LatestVersion.Patch': latest.latestPatchVersionArn,
  };
}

/** For components and workflows, whose versions get a new build when their content changes. */
async function deployBuild(
  context: DeployContext,
  request: Request,
  members: readonly string[],
  operations: {
    readonly get: () => Promise<Existing | undefined>;
    readonly create: () => Promise<string>;
    readonly attributes: (arn: string) => Promise<Readonly<Record<string, string>>>;
  },
): Promise<Deployed> {
  const existing = await found(operations.get());
  const done = async (arn: string, what: Deployed['what']): Promise<Deployed> =>
    deployed(arn, what, request, {
      Version: String(request['semanticVersion']),
      ...latestOf(arn),
      ...(await operations.attributes(arn)),
    });
  // What a uri points at may have changed without the template: only the service can tell.
  const same =
    existing !== undefined && request['uri'] === undefined && differences(request, existing, members).length === 0;
  if (!same) {
    try {
      return await done(await operations.create(), 'created');
    } catch (error) {
      if (existing === undefined || (error as Error).name !== 'ResourceAlreadyExistsException') throw error;
    }
  }
  const changed = await syncTags(context, existing!.arn!, request, existing!.tags);
  return done(existing!.arn!, changed ? 'updated' : 'unchanged');
}

/** What a resource that exists has, as far as it matters to all types. */
interface Existing {
  readonly arn?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly tags?: Record<string, string> | undefined;
}

async function deployComponent(context: DeployContext, asked: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const request = await withText(context.folder, asked, 'uri', 'data');
  const get = async (arn: string) =>
    (await client.send(new GetComponentCommand({ componentBuildVersionArn: arn }), { abortSignal })).component;
  return deployBuild(context, request, COMPONENT_MEMBERS, {
    get: () => get(arnOf(context, 'component', request, String(request['semanticVersion']))),
    create: async () =>
      (await client.send(new CreateComponentCommand(request as never), { abortSignal })).componentBuildVersionArn!,
    attributes: async (arn) => ({ Encrypted: 'true', Type: (await get(arn))?.type ?? 'BUILD' }),
  });
}

async function deployWorkflow(context: DeployContext, asked: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const request = await withText(context.folder, asked, 'uri', 'data');
  const type = String(request['type']);
  // The type is a part of the ARN.
  const arn = formatArn({
    partition: 'aws',
    region: context.region,
    owner: context.account,
    type: 'workflow',
    workflowType: type.toLowerCase() as 'build' | 'test' | 'distribution',
    slug: slug(String(request['name'])),
  });
  return deployBuild(context, request, WORKFLOW_MEMBERS, {
    get: async () =>
      (
        await client.send(
          new GetWorkflowCommand({ workflowBuildVersionArn: `${arn}/${String(request['semanticVersion'])}` }),
          { abortSignal },
        )
      ).workflow,
    create: async () =>
      (await client.send(new CreateWorkflowCommand(request as never), { abortSignal })).workflowBuildVersionArn!,
    attributes: async () => ({ Type: type }),
  });
}

/** For recipes, whose versions never change. */
async function deployVersion(
  context: DeployContext,
  request: Request,
  type: 'image-recipe' | 'container-recipe',
  members: readonly string[],
  operations: {
    readonly get: (arn: string) => Promise<Existing | undefined>;
    readonly create: () => Promise<string>;
  },
): Promise<Deployed> {
  const version = String(request['semanticVersion']);
  const open = version.includes('x');
  // In an ARN all that follows an x is x; in a new version it may be 0.
  const nodes = version.split('.');
  const pattern = nodes.map((node, index) => (nodes.slice(0, index).includes('x') ? 'x' : node)).join('.');
  const existing = await found(operations.get(arnOf(context, type, request, pattern)));
  const different =
    existing === undefined
      ? []
      : request['dockerfileTemplateUri'] === undefined
        ? differences(request, existing, members)
        : await differencesByServer(context, request);
  if (existing !== undefined && different.length === 0) {
    const arn = existing.arn!;
    const changed = await syncTags(context, arn, request, existing.tags);
    const attributes = { Version: existing.version!, ...latestOf(arn) };
    return deployed(arn, changed ? 'updated' : 'unchanged', request, attributes);
  }
  if (existing !== undefined && !open) {
    throw new CommandFailed(
      `${type.replace('-', ' ')} ${existing.name} ${version} exists with different content ` +
        `(${different.join(', ')}), and versions are immutable. Use Version: ${version.replace(/\d+$/, 'x')} to ` +
        'create the next version on each change, or choose a new version',
    );
  }
  const arn = await operations.create();
  return deployed(arn, 'created', request, { Version: arn.slice(arn.lastIndexOf('/') + 1), ...latestOf(arn) });
}

/** Of a container recipe whose template only the server can read. */
async function differencesByServer(context: DeployContext, request: Request): Promise<readonly string[]> {
  const { answers } = await signedJson<{ answers: readonly DryRunAnswer[] }>(context.connection, {
    method: 'POST',
    path: '/ingot/dry-run',
    body: { requests: [{ id: 'recipe', operation: 'CreateContainerRecipe', input: request }] },
  });
  return (answers[0]?.changes ?? []).filter((member) => member !== 'tags');
}

function deployRecipe(context: DeployContext, request: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  return deployVersion(context, request, 'image-recipe', RECIPE_MEMBERS, {
    get: async (imageRecipeArn) =>
      (await client.send(new GetImageRecipeCommand({ imageRecipeArn }), { abortSignal })).imageRecipe,
    create: async () =>
      (await client.send(new CreateImageRecipeCommand(request as never), { abortSignal })).imageRecipeArn!,
  });
}

async function deployContainerRecipe(context: DeployContext, asked: Request): Promise<Deployed> {
  const { client, signal: abortSignal } = context;
  const request = await withText(context.folder, asked, 'dockerfileTemplateUri', 'dockerfileTemplateData');
  return deployVersion(context, request, 'container-recipe', CONTAINER_RECIPE_MEMBERS, {
    get: async (containerRecipeArn) => {
      const { containerRecipe } = await client.send(new GetContainerRecipeCommand({ containerRecipeArn }), {
        abortSignal,
      });
      // What is answered is the platform, wherever it comes from.
      const platformOverride = request['platformOverride'] === undefined ? undefined : containerRecipe?.platform;
      return containerRecipe === undefined ? undefined : { ...containerRecipe, platformOverride };
    },
    create: async () =>
      (await client.send(new CreateContainerRecipeCommand(request as never), { abortSignal })).containerRecipeArn!,
  });
}

/**
 * The content of an update: all that a create has but the name and the tags, which have their own operations or none.
 */
function updateOf(request: Request): Request {
  return Object.fromEntries(Object.entries(request).filter(([member]) => member !== 'name' && member !== 'tags'));
}

/** For what has one version, which is updated in place. */
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

function deployInfrastructure(context: DeployContext, request: Request): Promise<Deployed> {
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

function deployDistribution(context: DeployContext, request: Request): Promise<Deployed> {
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

function deployPipeline(context: DeployContext, request: Request): Promise<Deployed> {
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

function deployLifecyclePolicy(context: DeployContext, request: Request): Promise<Deployed> {
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
