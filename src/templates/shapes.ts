import model from '../../data/imagebuilder-api.json' with { type: 'json' };
import { withNewerMembers } from '../resources/newer-members.ts';
import { type Faults, suggestion } from './faults.ts';
import { describe, type ScalarNode, type Value, type ValueMap } from './nodes.ts';

/** A value in a request. */
export type RequestValue =
  | string
  | number
  | boolean
  | readonly RequestValue[]
  | { readonly [member: string]: RequestValue };

/** The resource types that are created here. */
export const RESOURCE_TYPES = [
  'AWS::ImageBuilder::Component',
  'AWS::ImageBuilder::ImageRecipe',
  'AWS::ImageBuilder::ContainerRecipe',
  'AWS::ImageBuilder::InfrastructureConfiguration',
  'AWS::ImageBuilder::DistributionConfiguration',
  'AWS::ImageBuilder::Workflow',
  'AWS::ImageBuilder::ImagePipeline',
  'AWS::ImageBuilder::Image',
  'AWS::ImageBuilder::LifecyclePolicy',
  'AWS::SSM::Parameter',
  'AWS::ECR::Repository',
  'AWS::CloudFormation::Stack',
] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

interface ResourceShape {
  /** The Create operation's input, or a shape of `OWN_SHAPES`. */
  readonly input: string;
  /** Attributes of Fn::GetAtt; a trailing `.*` means any name with that beginning. */
  readonly attributes: readonly string[];
}

const LATEST = ['LatestVersion.Arn', 'LatestVersion.Major', 'LatestVersion.Minor', 'LatestVersion.Patch'];

const RESOURCES: Readonly<Record<ResourceType, ResourceShape>> = {
  'AWS::ImageBuilder::Component': {
    input: 'CreateComponentRequest',
    attributes: ['Arn', 'Encrypted', ...LATEST, 'Name', 'Type', 'Version'],
  },
  'AWS::ImageBuilder::ImageRecipe': {
    input: 'CreateImageRecipeRequest',
    attributes: ['Arn', ...LATEST, 'Name', 'Version'],
  },
  'AWS::ImageBuilder::ContainerRecipe': {
    input: 'CreateContainerRecipeRequest',
    attributes: ['Arn', ...LATEST, 'Name', 'Version'],
  },
  'AWS::ImageBuilder::InfrastructureConfiguration': {
    input: 'CreateInfrastructureConfigurationRequest',
    attributes: ['Arn', 'Name'],
  },
  'AWS::ImageBuilder::DistributionConfiguration': {
    input: 'CreateDistributionConfigurationRequest',
    attributes: ['Arn', 'Name'],
  },
  'AWS::ImageBuilder::Workflow': {
    input: 'CreateWorkflowRequest',
    attributes: ['Arn', ...LATEST, 'Name', 'Type', 'Version'],
  },
  'AWS::ImageBuilder::ImagePipeline': {
    input: 'CreateImagePipelineRequest',
    attributes: ['Arn', 'DeploymentId', 'Name'],
  },
  'AWS::ImageBuilder::Image': {
    input: 'CreateImageRequest',
    attributes: ['Arn', 'ImageId', 'ImageUri', ...LATEST, 'Name', 'Version'],
  },
  'AWS::ImageBuilder::LifecyclePolicy': { input: 'CreateLifecyclePolicyRequest', attributes: ['Arn', 'Name'] },
  'AWS::ECR::Repository': { input: 'EcrRepository', attributes: ['Arn', 'RepositoryUri'] },
  'AWS::SSM::Parameter': { input: 'SsmParameter', attributes: ['Type', 'Value'] },
  'AWS::CloudFormation::Stack': { input: 'NestedStack', attributes: ['Outputs.*'] },
};

/** Members with a different name in CloudFormation: shape, member, property. */
const RENAMED: readonly (readonly [string, string, string])[] = [
  ['CreateComponentRequest', 'semanticVersion', 'Version'],
  ['CreateImageRecipeRequest', 'semanticVersion', 'Version'],
  ['CreateContainerRecipeRequest', 'semanticVersion', 'Version'],
  ['CreateWorkflowRequest', 'semanticVersion', 'Version'],
  ['AmiDistributionConfiguration', 'launchPermission', 'LaunchPermissionConfiguration'],
];

/** Members of requests that concern the caller, not the resource. */
const NOT_PROPERTIES = ['clientToken', 'dryRun'];

/**
 * CloudFormation accepted these as free JSON for a long time, so templates with the API's capitalization exist and
 * work.
 */
const EITHER_CASE = [
  'AmiDistributionConfiguration',
  'ContainerDistributionConfiguration',
  'LaunchPermissionConfiguration',
];

/** Enumerations whose values the CDK writes as `Abort` and `Continue`. */
const ANY_CASE = ['OnWorkflowFailure'];

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly required?: readonly string[];
  readonly member?: string | { readonly shape: string };
  readonly value?: string | { readonly shape: string };
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
}

/** Members that CloudFormation's types have and the API's model lacks: input, member, shape. */
const MORE_MEMBERS: readonly (readonly [string, string, string])[] = [
  ['CreateImageRequest', 'deletionSettings', 'DeletionSettings'],
  ['CreateImageRequest', 'imagePipelineExecutionSettings', 'ImagePipelineExecutionSettings'],
];

const STRING = { shape: 'FreeText' };

/** Shapes of resources that are not requests to Image Builder. */
const OWN_SHAPES: Readonly<Record<string, Shape>> = {
  FreeText: { type: 'string' },
  FreeTextList: { type: 'list', member: 'FreeText' },
  FreeTextMap: { type: 'map', value: 'FreeText' },
  FreeTextOrList: { type: 'text or list' },
  StackParameters: { type: 'map', value: 'FreeTextOrList' },
  DeletionSettings: { type: 'structure', required: ['executionRole'], members: { executionRole: STRING } },
  ImagePipelineExecutionSettings: {
    type: 'structure',
    members: { deploymentId: STRING, onUpdate: { shape: 'NullableBoolean' } },
  },
  SsmParameterType: { type: 'string', enum: ['String', 'StringList', 'SecureString'] },
  SsmParameter: {
    type: 'structure',
    required: ['type', 'value'],
    members: {
      allowedPattern: STRING,
      dataType: STRING,
      description: STRING,
      name: STRING,
      policies: STRING,
      tags: { shape: 'FreeTextMap' },
      tier: STRING,
      type: { shape: 'SsmParameterType' },
      value: STRING,
    },
  },
  FreeBoolean: { type: 'boolean' },
  FreeJson: { type: 'json' },
  FreeJsonText: { type: 'json text' },
  EcrEncryption: {
    type: 'structure',
    required: ['encryptionType'],
    members: { encryptionType: STRING, kmsKey: STRING },
  },
  EcrExclusion: {
    type: 'structure',
    required: ['imageTagMutabilityExclusionFilterType', 'imageTagMutabilityExclusionFilterValue'],
    members: { imageTagMutabilityExclusionFilterType: STRING, imageTagMutabilityExclusionFilterValue: STRING },
  },
  EcrExclusions: { type: 'list', member: 'EcrExclusion' },
  EcrLifecyclePolicy: {
    type: 'structure',
    members: { lifecyclePolicyText: { shape: 'FreeJsonText' }, registryId: STRING },
  },
  EcrMutability: {
    type: 'string',
    enum: ['MUTABLE', 'IMMUTABLE', 'IMMUTABLE_WITH_EXCLUSION', 'MUTABLE_WITH_EXCLUSION'],
  },
  EcrRepository: {
    type: 'structure',
    members: {
      emptyOnDelete: { shape: 'FreeBoolean' },
      encryptionConfiguration: { shape: 'EcrEncryption' },
      imageScanningConfiguration: { shape: 'EcrScanning' },
      imageTagMutability: { shape: 'EcrMutability' },
      imageTagMutabilityExclusionFilters: { shape: 'EcrExclusions' },
      lifecyclePolicy: { shape: 'EcrLifecyclePolicy' },
      repositoryName: STRING,
      repositoryPolicyText: { shape: 'FreeJson' },
      tags: { shape: 'KeysAndValues' },
    },
  },
  EcrScanning: { type: 'structure', members: { scanOnPush: { shape: 'FreeBoolean' } } },
  KeyAndValue: { type: 'structure', required: ['key', 'value'], members: { key: STRING, value: STRING } },
  KeysAndValues: { type: 'list', member: 'KeyAndValue' },
  NestedStack: {
    type: 'structure',
    required: ['templateURL'],
    members: {
      notificationARNs: { shape: 'FreeTextList' },
      parameters: { shape: 'StackParameters' },
      tags: { shape: 'KeysAndValues' },
      templateURL: STRING,
      timeoutInMinutes: { shape: 'WaitMinutes' },
    },
  },
  WaitMinutes: { type: 'integer', min: 1 },
};

const SHAPES: Readonly<Record<string, Shape>> = withMoreMembers({
  ...withNewerMembers(model.shapes as unknown as Readonly<Record<string, Shape>>),
  ...OWN_SHAPES,
});

function withMoreMembers(shapes: Readonly<Record<string, Shape>>): Readonly<Record<string, Shape>> {
  const result: Record<string, Shape> = { ...shapes };
  for (const [name, member, shape] of MORE_MEMBERS) {
    const before = result[name]!;
    result[name] = { ...before, members: { ...before.members, [member]: { shape } } };
  }
  return result;
}

/** Attributes of a type for `Fn::GetAtt`. */
export function attributesOf(type: ResourceType): readonly string[] {
  return RESOURCES[type].attributes;
}

/**
 * The request that creates a resource.
 * @param path of the properties, such as `Resources.Recipe.Properties`
 * @returns the request's members, without unknown values. Faults are in `faults`
 */
export function requestOf(
  type: ResourceType,
  properties: ValueMap,
  path: string,
  faults: Faults,
): Record<string, RequestValue> {
  const before = faults.all.length;
  const request = structure(RESOURCES[type].input, properties, path, type, faults);
  if (request['imagePipelineExecutionSettings'] === undefined) return request;
  // Such an image is made by its pipeline, which has the other settings.
  const made = faults.all.splice(before);
  faults.all.push(...made.filter(({ code, path: at }) => code !== 'missing' || at !== path));
  return request;
}

function propertyName(shape: string, member: string): string {
  const renamed = RENAMED.find((entry) => entry[0] === shape && entry[1] === member);
  return renamed?.[2] ?? `${member[0]!.toUpperCase()}${member.slice(1)}`;
}

/** @param owner of the properties, for messages */
function structure(
  name: string,
  value: ValueMap,
  path: string,
  owner: string,
  faults: Faults,
): Record<string, RequestValue> {
  const shape = SHAPES[name]!;
  const members = new Map<string, string>();
  for (const member of Object.keys(shape.members!)) {
    if (!NOT_PROPERTIES.includes(member)) members.set(propertyName(name, member), member);
  }
  const properties = [...members.keys()];
  const request: Record<string, RequestValue> = {};
  const seen = new Set<string>();
  for (const [property, entry] of value.entries) {
    const own = EITHER_CASE.includes(name) && Object.hasOwn(shape.members!, property) ? property : undefined;
    const member = members.get(property) ?? own;
    if (member === undefined) {
      faults.add(
        'unknown-property',
        entry.position,
        `${path}.${property}`,
        `unknown property of ${owner}${suggestion(property, properties)}`,
      );
      continue;
    }
    seen.add(member);
    const converted = convert(shape.members![member]!.shape, entry.value, `${path}.${property}`, property, faults);
    if (converted !== undefined) request[member] = converted;
  }
  for (const member of shape.required ?? []) {
    if (seen.has(member) || NOT_PROPERTIES.includes(member)) continue;
    faults.add('missing', value.position, path, `${owner} needs the property '${propertyName(name, member)}'`);
  }
  return request;
}

function convert(name: string, value: Value, path: string, property: string, faults: Faults): RequestValue | undefined {
  if (value.kind === 'unknown') return undefined;
  const shape = SHAPES[name]!;
  switch (shape.type) {
    case 'text or list':
      if (value.kind === 'list') return convert('FreeTextList', value, path, property, faults);
      return convert('FreeText', value, path, property, faults);
    case 'json':
      return json(value);
    case 'json text':
      return value.kind === 'scalar' ? value.text : JSON.stringify(json(value));
    case 'structure':
      if (value.kind === 'map') return structure(name, value, path, property, faults);
      return wrong(value, path, 'a map', faults);
    case 'list':
      return list(shape, value, path, property, faults);
    case 'map':
      return map(shape, value, path, property, faults);
    default:
      if (value.kind === 'scalar') return scalar(shape, ANY_CASE.includes(name) ? upper(value) : value, path, faults);
      return wrong(value, path, shape.type === 'boolean' ? 'true or false' : `a ${shape.type}`, faults);
  }
}

/** A value as JSON, its scalars as they are written. */
function json(value: Value): RequestValue | undefined {
  if (value.kind === 'unknown') return undefined;
  if (value.kind === 'scalar') return value.value;
  if (value.kind === 'list') return value.items.flatMap((item) => json(item) ?? []);
  return Object.fromEntries(
    [...value.entries].flatMap(([key, entry]) => {
      const member = json(entry.value);
      return member === undefined ? [] : [[key, member]];
    }),
  );
}

function wrong(value: Value, path: string, expected: string, faults: Faults): undefined {
  faults.add('wrong-type', value.position, path, `expected ${expected}, found ${describe(value)}`);
  return undefined;
}

function shapeName(reference: string | { readonly shape: string } | undefined): string {
  return typeof reference === 'object' ? reference.shape : reference!;
}

function list(shape: Shape, value: Value, path: string, property: string, faults: Faults): RequestValue | undefined {
  if (value.kind !== 'list') return wrong(value, path, 'a list', faults);
  checkSize(shape, value.items.length, 'items', value, path, faults);
  const items: RequestValue[] = [];
  for (const [index, item] of value.items.entries()) {
    const converted = convert(shapeName(shape.member), item, `${path}[${index}]`, property, faults);
    if (converted !== undefined) items.push(converted);
  }
  return items;
}

function map(shape: Shape, value: Value, path: string, property: string, faults: Faults): RequestValue | undefined {
  if (value.kind === 'list' && property.endsWith('Tags')) {
    faults.add(
      'wrong-type',
      value.position,
      path,
      'expected a map (Name: value), found a list: the types of Image Builder take tags as a map, not as Key and Value',
    );
    return undefined;
  }
  if (value.kind !== 'map') return wrong(value, path, 'a map', faults);
  checkSize(shape, value.entries.size, 'entries', value, path, faults);
  const result: Record<string, RequestValue> = {};
  for (const [key, entry] of value.entries) {
    const converted = convert(shapeName(shape.value), entry.value, `${path}.${key}`, key, faults);
    if (converted !== undefined)
      Object.defineProperty(result, key, { value: converted, enumerable: true, writable: true, configurable: true });
  }
  return result;
}

function upper(value: ScalarNode): ScalarNode {
  return { ...value, text: value.text.toUpperCase() };
}

/** CloudFormation converts scalars, however they are written: `"true"`, `8`, `"8"`, and `1.0` for a string. */
function scalar(shape: Shape, value: ScalarNode, path: string, faults: Faults): RequestValue | undefined {
  const { text } = value;
  if (shape.type === 'boolean') {
    // CloudFormation reads YAML 1.1, which has more words for them.
    if (/^(true|yes|on)$/i.test(text)) return true;
    if (/^(false|no|off)$/i.test(text)) return false;
    faults.add('wrong-type', value.position, path, `expected true or false, found '${text}'`);
    return undefined;
  }
  if (shape.type === 'string') {
    if (shape.enum !== undefined && !shape.enum.includes(text)) {
      faults.add(
        'invalid-value',
        value.position,
        path,
        `'${text}' is not one of ${shape.enum.join(', ')}${nearestOnly(text, shape.enum)}`,
      );
    }
    const before = faults.all.length;
    checkSize(shape, text.length, 'characters', value, path, faults);
    if (shape.pattern !== undefined && faults.all.length === before && !matches(shape.pattern, text))
      faults.add('invalid-value', value.position, path, `'${text}' ${patternWords(shape.pattern)}`);
    return text;
  }
  const number = Number(text);
  const whole = shape.type === 'integer' || shape.type === 'long';
  if (text.trim() === '' || !Number.isFinite(number) || (whole && !Number.isInteger(number))) {
    faults.add(
      'wrong-type',
      value.position,
      path,
      `expected ${whole ? 'a whole number' : 'a number'}, found '${text}'`,
    );
    return undefined;
  }
  if (shape.min !== undefined && number < shape.min)
    faults.add('invalid-value', value.position, path, `${text} is less than ${shape.min}`);
  if (shape.max !== undefined && number > shape.max)
    faults.add('invalid-value', value.position, path, `${text} is more than ${shape.max}`);
  return number;
}

/**
 * The patterns of AWS's own model, which apply to the whole value. Names and ARNs are short; the service checks the
 * rest.
 */
function matches(pattern: string, text: string): boolean {
  return text.length > LONGEST_MATCHED || new RegExp(`^(?:${pattern})$`).test(text);
}

const LONGEST_MATCHED = 4096;

function patternWords(pattern: string): string {
  if (pattern === SHAPES['VersionNumber']!.pattern)
    return 'is not a version: expected three numbers, such as 1.0.0 (only the Version of a recipe may have an x)';
  if (pattern === SHAPES['WildcardVersionNumber']!.pattern)
    return 'is not a version: expected three numbers, such as 1.0.0, or 1.0.x for the next one of a recipe';
  if (pattern === SHAPES['ResourceName']!.pattern)
    return 'is not a valid name: expected 3 to 128 letters, digits, spaces, hyphens and underscores';
  return `does not match ${pattern}`;
}

function nearestOnly(text: string, known: readonly string[]): string {
  const found = suggestion(text, known);
  return found.startsWith('; did') ? found : '';
}

function checkSize(shape: Shape, size: number, unit: string, value: Value, path: string, faults: Faults): void {
  if (shape.min !== undefined && size < shape.min)
    faults.add('invalid-value', value.position, path, `has ${size} ${unit}, at least ${shape.min} expected`);
  if (shape.max !== undefined && size > shape.max)
    faults.add('invalid-value', value.position, path, `has ${size} ${unit}, at most ${shape.max} allowed`);
}
