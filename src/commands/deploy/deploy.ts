/**
 * Makes the resources of a template through the API, as a stranger would: what is the same stays, what can change is
 * updated.
 */
import {
  CreateComponentCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  GetComponentCommand,
  GetDistributionConfigurationCommand,
  GetImagePipelineCommand,
  GetImageRecipeCommand,
  GetInfrastructureConfigurationCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateDistributionConfigurationCommand,
  UpdateImagePipelineCommand,
  UpdateInfrastructureConfigurationCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { resourceArn, type ResourceType as ArnType } from '../../resources/arns.ts';
import { slug } from '../../resources/names.ts';
import type { PlannedResource, RequestValue, ResourceAttributes, ResourceType } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { differences, tagChanges } from '../../templates/compare.ts';

/** What became of one resource. */
export interface Deployed {
  readonly arn: string;
  readonly what: 'unchanged' | 'created' | 'updated';
  readonly answers: ResourceAttributes;
}

type Request = Readonly<Record<string, RequestValue>>;

/** Where resources are made. */
export interface DeployContext {
  readonly client: ImagebuilderClient;
  readonly region: string;
  readonly account: string;
  /** Aborts the request in flight. */
  readonly signal: AbortSignal;
}

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
 * Makes, updates or leaves one resource; an Image is not made here, since that is a build.
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
  try {
    const answer = await context.client.send(new CreateImageCommand(request as never), { abortSignal: context.signal });
    return answer.imageBuildVersionArn!;
  } catch (error) {
    throw explained(resource, error as Error, context.signal);
  }
}

/** The service's error with the place in the template that it is about. */
function explained(resource: PlannedResource, error: Error, signal: AbortSignal): Error {
  signal.throwIfAborted();
  const place = `Resources.${resource.logicalId} (line ${resource.position.line})`;
  if (error instanceof CommandFailed) return new CommandFailed(`${place}: ${error.message}`);
  if ((error as { $fault?: unknown }).$fault !== undefined)
    return new CommandFailed(`${place}: ${error.name}: ${error.message}`);
  return error;
}

const DEPLOYERS = {
  'AWS::ImageBuilder::Component': deployComponent,
  'AWS::ImageBuilder::ImageRecipe': deployRecipe,
  'AWS::ImageBuilder::InfrastructureConfiguration': deployInfrastructure,
  'AWS::ImageBuilder::DistributionConfiguration': deployDistribution,
  'AWS::ImageBuilder::ImagePipeline': deployPipeline,
} satisfies Readonly<
  Record<
    Exclude<ResourceType, 'AWS::ImageBuilder::Image'>,
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

async function deployComponent(context: DeployContext, request: Request): Promise<Deployed> {
  const options = { abortSignal: context.signal };
  const get = (arn: string) => context.client.send(new GetComponentCommand({ componentBuildVersionArn: arn }), options);
  const version = String(request['semanticVersion']);
  const existing = (await found(get(arnOf(context, 'component', request, version))))?.component;
  const attributes = (type: string | undefined): Record<string, string> => ({
    Version: version,
    Encrypted: 'true',
    Type: type ?? 'BUILD',
  });
  // What a uri points at may have changed without the template: only the service can tell.
  const same =
    existing !== undefined &&
    request['uri'] === undefined &&
    differences(request, existing, COMPONENT_MEMBERS).length === 0;
  if (!same) {
    try {
      const { componentBuildVersionArn: arn } = await context.client.send(
        new CreateComponentCommand(request as never),
        options,
      );
      return deployed(arn!, 'created', request, attributes((await get(arn!)).component?.type));
    } catch (error) {
      if (existing === undefined || (error as Error).name !== 'ResourceAlreadyExistsException') throw error;
    }
  }
  const changed = await syncTags(context, existing!.arn!, request, existing!.tags);
  return deployed(existing!.arn!, changed ? 'updated' : 'unchanged', request, attributes(existing!.type));
}

async function deployRecipe(context: DeployContext, request: Request): Promise<Deployed> {
  const options = { abortSignal: context.signal };
  const version = String(request['semanticVersion']);
  const open = version.includes('x');
  // In an ARN all that follows an x is x; in a new version it may be 0.
  const nodes = version.split('.');
  const pattern = nodes.map((node, index) => (nodes.slice(0, index).includes('x') ? 'x' : node)).join('.');
  const existing = (
    await found(
      context.client.send(
        new GetImageRecipeCommand({ imageRecipeArn: arnOf(context, 'image-recipe', request, pattern) }),
        options,
      ),
    )
  )?.imageRecipe;
  const different = existing === undefined ? [] : differences(request, existing, RECIPE_MEMBERS);
  if (existing !== undefined && different.length === 0) {
    const changed = await syncTags(context, existing.arn!, request, existing.tags);
    return deployed(existing.arn!, changed ? 'updated' : 'unchanged', request, { Version: existing.version! });
  }
  if (existing !== undefined && !open) {
    throw new CommandFailed(
      `image recipe ${existing.name} ${version} exists with different content (${different.join(', ')}), and ` +
        'versions are immutable. ' +
        `Use Version: ${version.replace(/\d+$/, 'x')} to create the next version on each change, or choose a new ` +
        'version',
    );
  }
  const { imageRecipeArn: arn } = await context.client.send(new CreateImageRecipeCommand(request as never), options);
  return deployed(arn!, 'created', request, { Version: arn!.slice(arn!.lastIndexOf('/') + 1) });
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
  },
): Promise<Deployed> {
  const existing = await found(operations.get());
  if (existing === undefined) {
    await operations.create();
    return deployed(arn, 'created', request);
  }
  const content = differences(request, existing, members).length > 0;
  if (content) await operations.update();
  const tags = await syncTags(context, arn, request, existing.tags);
  return deployed(arn, content || tags ? 'updated' : 'unchanged', request);
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
    get: async () =>
      (await client.send(new GetImagePipelineCommand({ imagePipelineArn: arn }), { abortSignal })).imagePipeline,
    create: () => client.send(new CreateImagePipelineCommand(request as never), { abortSignal }),
    update: () =>
      client.send(new UpdateImagePipelineCommand({ ...updateOf(request), imagePipelineArn: arn } as never), {
        abortSignal,
      }),
  });
}
