/**
 * The permissions that each operation needs: its own action on a resource, and further ones. Source: Service
 * Authorization Reference, "Actions, resources, and condition keys for Amazon EC2 Image Builder". An operation without
 * an entry does not compile.
 */
import type { InfrastructureConfiguration } from '@aws-sdk/client-imagebuilder';
import type { Place } from '../../catalog/slices.ts';
import { tagValues } from '../../policies/tag-keys.ts';
import { invalidParameterValue, type ApiError } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { readS3ObjectUri } from '../../resources/s3-uri.ts';
import { parameterArn } from '../../resources/store-arns.ts';
import type { OperationInput, OperationName } from '../model.ts';

/** One permission that is needed. */
export interface Need {
  /** `imagebuilder:GetComponent` */
  readonly action: string;
  /** ARN, with `*` for parts that are not known yet; `*` if the action has no resource. */
  readonly resource: string;
  /** Tags in the request (`aws:RequestTag`, `aws:TagKeys`). */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Keys of tags, if the request has no values. */
  readonly tagKeys?: readonly string[];
  /** Context keys for this need only. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  /** The error to throw instead of an AccessDeniedException. */
  readonly refusal?: ApiError;
  /** Allowed unless a policy denies it explicitly. */
  readonly unlessDenied?: true;
  /** Name of a parent image (`ami-…`, `ssm:…`, an ARN). The need is about the image that it resolves to. */
  readonly parentImage?: string;
  /** ARN of a recipe, optionally with wildcards. The need is about the image that is made from it. */
  readonly recipe?: string | undefined;
  /** With wildcards: every version counts, not only the latest. */
  readonly everyVersion?: true;
  /** The request created the resource, so it had no tags before. */
  readonly made?: true;
}

/** The resource of an operation's own action, and further needs. */
type Demand = Omit<Need, 'action'> & { readonly also?: readonly Need[] };
type Demands = { readonly [O in OperationName]: (input: OperationInput<O>, place: Place) => Demand };
type Tags = Readonly<Record<string, string>> | undefined;

/** All permissions that an operation needs; its own action first. */
export function needsOf<O extends OperationName>(
  operation: O,
  input: OperationInput<O>,
  place: Place,
): readonly Need[] {
  const { also = [], ...own } = (DEMANDS[operation] as (input: OperationInput<O>, place: Place) => Demand)(
    input,
    place,
  );
  // Creating something with tags needs permission to tag it.
  const tagging: readonly Need[] =
    own.tags !== undefined && Object.keys(own.tags).length > 0 && operation !== 'TagResource'
      ? [{ ...own, action: 'imagebuilder:TagResource' }]
      : [];
  return [{ ...own, action: `imagebuilder:${operation}` }, ...also, ...tagging];
}

/** The output member with the ARN of the created resource. */
const MADE: Partial<Record<OperationName, string>> = {
  CreateComponent: 'componentBuildVersionArn',
  ImportComponent: 'componentBuildVersionArn',
  CreateImageRecipe: 'imageRecipeArn',
  CreateContainerRecipe: 'containerRecipeArn',
  CreateImage: 'imageBuildVersionArn',
  DistributeImage: 'imageBuildVersionArn',
  ImportVmImage: 'imageArn',
  CreateWorkflow: 'workflowBuildVersionArn',
};

/** What must not be denied for a created resource: its version or build number is known only after the operation. */
export function madeBy(operation: OperationName, output: Readonly<Record<string, unknown>>): readonly Need[] {
  const member = MADE[operation];
  const resource = member === undefined ? undefined : output[member];
  return typeof resource === 'string'
    ? [{ action: `imagebuilder:${operation}`, resource, unlessDenied: true, made: true }]
    : [];
}

const EC2 = 'ec2.amazonaws.com';
const IMAGE_BUILDER = 'imagebuilder.amazonaws.com';

const arnOf = (place: Place, tail: string): string => `arn:aws:imagebuilder:${place.region}:${place.account}:${tail}`;
const on = (resource: string): Demand => ({ resource });
const every =
  (type: string) =>
  (_input: unknown, place: Place): Demand =>
    on(arnOf(place, `${type}/*`));
const get = (type: string, resource: string | undefined): readonly Need[] =>
  resource === undefined ? [] : [{ action: `imagebuilder:Get${type}`, resource }];

/** Permission to pass a role, given by ARN or name, to a service. */
function passRole(place: Place, role: string | undefined, service: string): readonly Need[] {
  if (role === undefined) return [];
  const resource = role.startsWith('arn:') ? role : `arn:aws:iam::${place.account}:role/${role}`;
  return [{ action: 'iam:PassRole', resource, keys: { 'iam:passedtoservice': [service] } }];
}

/** Permission to give an instance profile to instances, which passes its role to EC2. */
export function passProfile(place: Place, name: string | undefined): readonly Need[] {
  return passRole(place, name, EC2);
}

/** The image that will be made from a recipe. */
export function imageOf(place: Place, recipeArn: string | undefined): string {
  const [, name, version] = /:(?:image|container)-recipe\/([^/]+)\/([^/]+)$/.exec(recipeArn ?? '') ?? [];
  return arnOf(place, `image/${name ?? '*'}/${version ?? '*'}/*`);
}

interface Build {
  readonly imageRecipeArn?: string | undefined;
  readonly containerRecipeArn?: string | undefined;
  readonly infrastructureConfigurationArn?: string | undefined;
  readonly distributionConfigurationArn?: string | undefined;
  readonly workflows?: readonly { readonly workflowArn?: string | undefined }[] | undefined;
  readonly executionRole?: string | undefined;
}

/** Permission to read the parts of a build and to pass its role. */
function parts(place: Place, build: Build): readonly Need[] {
  return [
    ...get('ImageRecipe', build.imageRecipeArn),
    ...get('ContainerRecipe', build.containerRecipeArn),
    ...get('InfrastructureConfiguration', build.infrastructureConfigurationArn),
    ...get('DistributionConfiguration', build.distributionConfigurationArn),
    ...(build.workflows ?? []).flatMap(({ workflowArn }) => get('Workflow', workflowArn)),
    ...passRole(place, build.executionRole, IMAGE_BUILDER),
  ];
}

/** Permission to read a document in S3. */
export function readUri(uri: string | undefined): readonly Need[] {
  const place = uri === undefined ? undefined : readS3ObjectUri(uri);
  if (place === undefined) return [];
  return [{ action: 's3:GetObject', resource: `arn:aws:s3:::${place.bucket}/${place.key}` }];
}

/** The resources that a recipe is made from. */
function ingredients(
  place: Place,
  parentImage: string,
  components: readonly { readonly componentArn?: string | undefined }[] | undefined,
): readonly Need[] {
  return [
    ...(components ?? []).flatMap(({ componentArn }) => get('Component', componentArn)),
    ...useOfImage(place, parentImage, 'parentImage'),
  ];
}

/** Permission to use an image: to read the resource that names it, and no deny for the image that it resolves to. */
function useOfImage(place: Place, image: string | undefined, path: string): readonly Need[] {
  if (image === undefined) return [];
  const refusal = invalidParameterValue(path, 'You are not authorized to use the provided image.');
  const behind: Need = { action: 'imagebuilder:GetImage', resource: image, parentImage: image, unlessDenied: true };
  if (image.startsWith('arn:')) return [...get('Image', image), behind];
  if (image.startsWith('ami-'))
    return [
      { action: 'ec2:DescribeImages', resource: '*', refusal },
      { ...behind, refusal },
    ];
  if (image.startsWith('ssm:'))
    return [
      { action: 'ssm:GetParameter', resource: parameterArn(image.slice('ssm:'.length), place), refusal },
      { ...behind, refusal },
    ];
  return [];
}

function infrastructureKeys({
  resourceTags,
  instanceMetadataOptions,
  snsTopicArn,
}: {
  resourceTags?: Tags;
  instanceMetadataOptions?: InfrastructureConfiguration['instanceMetadataOptions'];
  snsTopicArn?: string | undefined;
}): Record<string, readonly string[]> {
  const tags = Object.entries(resourceTags ?? {});
  return {
    ...Object.fromEntries(
      tags.map(([key]) => [
        `imagebuilder:createdresourcetag/${key.toLowerCase()}`,
        tagValues(resourceTags!, key.toLowerCase())!,
      ]),
    ),
    ...(tags.length === 0 ? {} : { 'imagebuilder:createdresourcetagkeys': tags.map(([key]) => key) }),
    ...(instanceMetadataOptions?.httpTokens === undefined
      ? {}
      : { 'imagebuilder:ec2metadatahttptokens': [instanceMetadataOptions.httpTokens] }),
    ...(snsTopicArn === undefined ? {} : { 'imagebuilder:statustopicarn': [snsTopicArn] }),
  };
}

const DEMANDS: Demands = {
  CreateComponent: ({ name, semanticVersion, tags, uri }, place) => ({
    resource: arnOf(place, `component/${slug(name)}/${semanticVersion}/*`),
    tags,
    also: readUri(uri),
  }),
  ImportComponent: ({ name, semanticVersion, tags, uri }, place) => ({
    resource: arnOf(place, `component/${slug(name)}/${semanticVersion}/*`),
    tags,
    also: readUri(uri),
  }),
  GetComponent: ({ componentBuildVersionArn }) => on(componentBuildVersionArn),
  ListComponents: every('component'),
  ListComponentBuildVersions: ({ componentVersionArn }, place) => ({
    ...on(componentVersionArn ?? arnOf(place, 'component/*')),
    everyVersion: true,
  }),
  DeleteComponent: ({ componentBuildVersionArn }) => on(componentBuildVersionArn),
  GetComponentPolicy: ({ componentArn }) => on(componentArn),
  PutComponentPolicy: ({ componentArn }) => on(componentArn),

  CreateImageRecipe: ({ name, semanticVersion, tags, parentImage, components }, place) => ({
    resource: arnOf(place, `image-recipe/${slug(name)}/${semanticVersion}`),
    tags,
    also: ingredients(place, parentImage, components),
  }),
  GetImageRecipe: ({ imageRecipeArn }) => on(imageRecipeArn),
  ListImageRecipes: every('image-recipe'),
  DeleteImageRecipe: ({ imageRecipeArn }) => on(imageRecipeArn),
  GetImageRecipePolicy: ({ imageRecipeArn }) => on(imageRecipeArn),
  PutImageRecipePolicy: ({ imageRecipeArn }) => on(imageRecipeArn),

  CreateContainerRecipe: (input, place) => ({
    resource: arnOf(place, `container-recipe/${slug(input.name)}/${input.semanticVersion}`),
    tags: input.tags,
    also: [
      ...ingredients(place, input.parentImage, input.components),
      ...useOfImage(place, input.instanceConfiguration?.image, 'instanceConfiguration.image'),
      ...readUri(input.dockerfileTemplateUri),
    ],
  }),
  GetContainerRecipe: ({ containerRecipeArn }) => on(containerRecipeArn),
  ListContainerRecipes: every('container-recipe'),
  DeleteContainerRecipe: ({ containerRecipeArn }) => on(containerRecipeArn),
  GetContainerRecipePolicy: ({ containerRecipeArn }) => on(containerRecipeArn),
  PutContainerRecipePolicy: ({ containerRecipeArn }) => on(containerRecipeArn),

  CreateInfrastructureConfiguration: (input, place) => ({
    resource: arnOf(place, `infrastructure-configuration/${slug(input.name)}`),
    tags: input.tags,
    keys: infrastructureKeys(input),
    also: passProfile(place, input.instanceProfileName),
  }),
  GetInfrastructureConfiguration: ({ infrastructureConfigurationArn }) => on(infrastructureConfigurationArn),
  ListInfrastructureConfigurations: every('infrastructure-configuration'),
  UpdateInfrastructureConfiguration: (input, place) => ({
    resource: input.infrastructureConfigurationArn,
    keys: infrastructureKeys(input),
    also: passProfile(place, input.instanceProfileName),
  }),
  DeleteInfrastructureConfiguration: ({ infrastructureConfigurationArn }) => on(infrastructureConfigurationArn),

  CreateDistributionConfiguration: ({ name, tags }, place) => ({
    resource: arnOf(place, `distribution-configuration/${slug(name)}`),
    tags,
  }),
  GetDistributionConfiguration: ({ distributionConfigurationArn }) => on(distributionConfigurationArn),
  ListDistributionConfigurations: every('distribution-configuration'),
  UpdateDistributionConfiguration: ({ distributionConfigurationArn }) => on(distributionConfigurationArn),
  DeleteDistributionConfiguration: ({ distributionConfigurationArn }) => on(distributionConfigurationArn),

  CreateImagePipeline: (input, place) => ({
    resource: arnOf(place, `image-pipeline/${slug(input.name)}`),
    tags: input.tags,
    also: parts(place, input),
  }),
  GetImagePipeline: ({ imagePipelineArn }) => on(imagePipelineArn),
  ListImagePipelines: every('image-pipeline'),
  UpdateImagePipeline: (input, place) => ({ resource: input.imagePipelineArn, also: parts(place, input) }),
  DeleteImagePipeline: ({ imagePipelineArn }) => on(imagePipelineArn),
  StartImagePipelineExecution: ({ imagePipelineArn, tags }) => ({ resource: imagePipelineArn, tags }),
  ListImagePipelineImages: ({ imagePipelineArn }) => on(imagePipelineArn),

  CreateImage: (input, place) => {
    const recipe = input.imageRecipeArn ?? input.containerRecipeArn;
    return { resource: imageOf(place, recipe), recipe, tags: input.tags, also: parts(place, input) };
  },
  GetImage: ({ imageBuildVersionArn }) => on(imageBuildVersionArn),
  ListImages: every('image'),
  ListImageBuildVersions: ({ imageVersionArn }, place) => on(imageVersionArn ?? arnOf(place, 'image/*')),
  ListImagePackages: ({ imageBuildVersionArn }) => on(imageBuildVersionArn),
  ListImageScanFindings: every('image'),
  ListImageScanFindingAggregations: every('image'),
  CancelImageCreation: ({ imageBuildVersionArn }) => on(imageBuildVersionArn),
  RetryImage: ({ imageBuildVersionArn }) => on(imageBuildVersionArn),
  DeleteImage: ({ imageBuildVersionArn }) => on(imageBuildVersionArn),
  GetImagePolicy: ({ imageArn }) => on(imageArn),
  PutImagePolicy: ({ imageArn }) => on(imageArn),
  DistributeImage: (input, place) => ({
    resource: input.sourceImage.startsWith('arn:') ? input.sourceImage : arnOf(place, 'image/*'),
    tags: input.tags,
    also: [
      {
        action: 'imagebuilder:DistributeImage',
        resource: input.sourceImage,
        parentImage: input.sourceImage,
        unlessDenied: true,
      },
      ...get('DistributionConfiguration', input.distributionConfigurationArn),
      ...passRole(place, input.executionRole, IMAGE_BUILDER),
    ],
  }),
  ImportVmImage: ({ name, semanticVersion, tags }, place) => ({
    resource: arnOf(place, `image/${slug(name)}/${semanticVersion}/*`),
    tags,
  }),
  ImportDiskImage: (input, place) => ({
    resource: arnOf(place, `image/${slug(input.name)}/${input.semanticVersion}/*`),
    tags: input.tags,
    also: [
      ...get('InfrastructureConfiguration', input.infrastructureConfigurationArn),
      ...passRole(place, input.executionRole, IMAGE_BUILDER),
    ],
  }),
  StartResourceStateUpdate: ({ resourceArn, executionRole }, place) => ({
    resource: resourceArn,
    also: passRole(place, executionRole, IMAGE_BUILDER),
  }),
  GetMarketplaceResource: () => on('*'),

  CreateWorkflow: ({ name, semanticVersion, type, tags, uri }, place) => ({
    resource: arnOf(place, `workflow/${type.toLowerCase()}/${slug(name)}/${semanticVersion}/*`),
    tags,
    also: readUri(uri),
  }),
  GetWorkflow: ({ workflowBuildVersionArn }) => on(workflowBuildVersionArn),
  ListWorkflows: every('workflow'),
  ListWorkflowBuildVersions: ({ workflowVersionArn }, place) => ({
    ...on(workflowVersionArn ?? arnOf(place, 'workflow/*')),
    everyVersion: true,
  }),
  DeleteWorkflow: ({ workflowBuildVersionArn }) => on(workflowBuildVersionArn),
  GetWorkflowExecution: ({ workflowExecutionId }, place) =>
    on(arnOf(place, `workflow-execution/${workflowExecutionId}`)),
  ListWorkflowExecutions: ({ imageBuildVersionArn }) => on(imageBuildVersionArn),
  GetWorkflowStepExecution: ({ stepExecutionId }, place) =>
    on(arnOf(place, `workflow-step-execution/${stepExecutionId}`)),
  ListWorkflowStepExecutions: ({ workflowExecutionId }, place) =>
    on(arnOf(place, `workflow-execution/${workflowExecutionId}`)),
  ListWaitingWorkflowSteps: every('workflow-step-execution'),
  SendWorkflowStepAction: ({ stepExecutionId, imageBuildVersionArn }, place) => ({
    ...on(arnOf(place, `workflow-step-execution/${stepExecutionId}`)),
    also: [{ action: 'imagebuilder:SendWorkflowStepAction', resource: imageBuildVersionArn, unlessDenied: true }],
  }),

  CreateLifecyclePolicy: ({ name, tags, resourceType, executionRole }, place) => ({
    resource: arnOf(place, `lifecycle-policy/${slug(name)}`),
    tags,
    keys: { 'imagebuilder:lifecyclepolicyresourcetype': [resourceType] },
    also: passRole(place, executionRole, IMAGE_BUILDER),
  }),
  GetLifecyclePolicy: ({ lifecyclePolicyArn }) => on(lifecyclePolicyArn),
  ListLifecyclePolicies: every('lifecycle-policy'),
  UpdateLifecyclePolicy: ({ lifecyclePolicyArn, resourceType, executionRole }, place) => ({
    resource: lifecyclePolicyArn,
    keys: { 'imagebuilder:lifecyclepolicyresourcetype': [resourceType] },
    also: passRole(place, executionRole, IMAGE_BUILDER),
  }),
  DeleteLifecyclePolicy: ({ lifecyclePolicyArn }) => on(lifecyclePolicyArn),
  GetLifecycleExecution: ({ lifecycleExecutionId }, place) =>
    on(arnOf(place, `lifecycle-execution/${lifecycleExecutionId}`)),
  ListLifecycleExecutions: ({ resourceArn }) => on(resourceArn),
  ListLifecycleExecutionResources: ({ lifecycleExecutionId }, place) =>
    on(arnOf(place, `lifecycle-execution/${lifecycleExecutionId}`)),
  CancelLifecycleExecution: ({ lifecycleExecutionId }, place) =>
    on(arnOf(place, `lifecycle-execution/${lifecycleExecutionId}`)),

  ListTagsForResource: ({ resourceArn }) => on(resourceArn),
  TagResource: ({ resourceArn, tags }) => ({ resource: resourceArn, tags }),
  UntagResource: ({ resourceArn, tagKeys }) => ({ resource: resourceArn, tagKeys }),
};
