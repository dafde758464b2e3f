/** The resources that a dry run knows: how each is found, made and changed. */
import { formatArn, type ResourceType } from '../../resources/arns.ts';
import { slug } from '../../resources/names.ts';
import type { Structure } from '../codec.ts';
import type { RequestContext } from '../context.ts';
import { members, OPERATIONS, type OperationName } from '../model.ts';

/** A kind of resource, by the operation that creates it. */
export interface Kind {
  /** Member of the create's answer with the ARN of what was made. */
  readonly answer: string;
  /** How an existing one is found; an image is always a new one. */
  readonly get?: {
    readonly operation: OperationName;
    readonly member: string;
    /** Member of the answer that is the resource. */
    readonly record: string;
    readonly type: ResourceType;
  };
  /** How an existing one is changed in place; one with versions is not. */
  readonly update?: OperationName;
  /** What another content of the same version becomes: another build of it, or nothing. */
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

/** All of them, by their create. */
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

/** Members that name a resource or a request, and are not content. */
const NOT_CONTENT = ['name', 'semanticVersion', 'tags', 'clientToken', 'dryRun', 'uri', 'dockerfileTemplateUri'];

/** The members of a create in which two resources of one name can differ. */
export function contentMembers(operation: OperationName, kind: Kind): readonly string[] {
  const inArn = kind.get?.type === 'workflow' ? ['type'] : [];
  return [...members(OPERATIONS.get(operation)!.input).keys()].filter(
    (member) => !NOT_CONTENT.includes(member) && !inArn.includes(member),
  );
}

const WORKFLOW_TYPES = ['build', 'test', 'distribution'] as const;

/** The ARN that the resource of a create has, its version as it is written (in a recipe's it may be an x). */
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
  // In an ARN all that follows an x is x; in a new version it may be 0.
  return `${arn}/${nodes.map((node, index) => (nodes.slice(0, index).includes('x') ? 'x' : node)).join('.')}`;
}
