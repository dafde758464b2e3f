/** The types of resources in a dry run: how each is found, created and updated. */
import { formatArn, type ResourceType } from '../../resources/arns.ts';
import { slug } from '../../resources/names.ts';
import type { Structure } from '../codec.ts';
import type { RequestContext } from '../context.ts';
import { members, OPERATIONS, type OperationName } from '../model.ts';

/** A type of resource, by the operation that creates it. */
export interface Kind {
  /** Output member of the create with the resource's ARN. */
  readonly answer: string;
  /** How an existing resource is found; an image is always new. */
  readonly get?: {
    readonly operation: OperationName;
    readonly member: string;
    /** Output member that contains the resource. */
    readonly record: string;
    readonly type: ResourceType;
  };
  /** The operation that updates an existing resource; those with versions have none. */
  readonly update?: OperationName;
  /** What happens if the content of an existing version differs: a new build, or an error. */
  readonly versions?: 'builds' | 'immutable';
}

const named = (type: ResourceType, name: string): Kind => {
  const lower = `${name[0]!.toLowerCase()}${name.slice(1)}`;
  const member = `${lower}Arn`;
  const get = { operation: `Get${name}` as OperationName, member, record: lower, type };
  return { answer: member, get, update: `Update${name}` as OperationName };
};

const documented = (type: 'component' | 'workflow', name: string): Kind => {
  const member = `${type}BuildVersionArn`;
  const get = { operation: `Get${name}` as OperationName, member, record: type, type };
  return { answer: member, get, versions: 'builds' };
};

const recipe = (type: 'image-recipe' | 'container-recipe', name: string): Kind => {
  const { update: _update, ...kind } = named(type, name);
  return { ...kind, versions: 'immutable' };
};

/** All types, by their create operation. */
export const KINDS: Partial<Readonly<Record<OperationName, Kind>>> = {
  CreateComponent: documented('component', 'Component'),
  CreateWorkflow: documented('workflow', 'Workflow'),
  CreateImageRecipe: recipe('image-recipe', 'ImageRecipe'),
  CreateContainerRecipe: recipe('container-recipe', 'ContainerRecipe'),
  CreateInfrastructureConfiguration: named('infrastructure-configuration', 'InfrastructureConfiguration'),
  CreateDistributionConfiguration: named('distribution-configuration', 'DistributionConfiguration'),
  CreateImagePipeline: named('image-pipeline', 'ImagePipeline'),
  CreateLifecyclePolicy: named('lifecycle-policy', 'LifecyclePolicy'),
  CreateImage: { answer: 'imageBuildVersionArn' },
};

/** Members that identify a resource or a request, and are not content. */
const NOT_CONTENT = ['name', 'semanticVersion', 'tags', 'clientToken', 'dryRun', 'uri', 'dockerfileTemplateUri'];

/** The members of a create in which two resources with one name can differ. */
export function contentMembers(operation: OperationName, kind: Kind): readonly string[] {
  const inArn = kind.get?.type === 'workflow' ? ['type'] : [];
  return [...members(OPERATIONS.get(operation)!.input).keys()].filter(
    (member) => !NOT_CONTENT.includes(member) && !inArn.includes(member),
  );
}

const WORKFLOW_TYPES = ['build', 'test', 'distribution'] as const;

/** The ARN of the resource that a create makes. Its version is as written, and may contain an x in a recipe's. */
export function arnOfInput(kind: Kind, input: Structure, place: Pick<RequestContext, 'account' | 'region'>): string {
  const { type } = kind.get!;
  const workflow = WORKFLOW_TYPES.find((each) => each === String(input['type']).toLowerCase());
  const arn = formatArn({
    partition: 'aws',
    region: place.region,
    owner: place.account,
    type,
    slug: slug(String(input['name'])),
    ...(type === 'workflow' && workflow !== undefined ? { workflowType: workflow } : {}),
  });
  if (kind.versions === undefined) return arn;
  const nodes = String(input['semanticVersion']).split('.');
  // In an ARN, everything after an x must be x; in a new version it may be 0.
  return `${arn}/${nodes.map((node, index) => (nodes.slice(0, index).includes('x') ? 'x' : node)).join('.')}`;
}
