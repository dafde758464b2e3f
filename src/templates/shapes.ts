/**
 * Properties of CloudFormation's types to the members of API requests. The members, their types and limits come from
 * the API's model; what CloudFormation names otherwise is listed here.
 */
import type { Position } from '../documents/position.ts';
import { parseIncrement, parseVersionPattern } from '../resources/versions.ts';
import model from '../../data/imagebuilder-api.json' with { type: 'json' };
import { type Faults, suggestion } from './faults.ts';
import { describe, type ScalarNode, type Value, type ValueMap } from './nodes.ts';

/** A value as a request carries it. */
export type RequestValue =
  | string
  | number
  | boolean
  | readonly RequestValue[]
  | { readonly [member: string]: RequestValue };

/** The resource types of a template that can be built. */
export const RESOURCE_TYPES = [
  'AWS::ImageBuilder::Component',
  'AWS::ImageBuilder::ImageRecipe',
  'AWS::ImageBuilder::InfrastructureConfiguration',
  'AWS::ImageBuilder::DistributionConfiguration',
  'AWS::ImageBuilder::ImagePipeline',
  'AWS::ImageBuilder::Image',
] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];

/** Types that CloudFormation has for Image Builder, and a template cannot use yet. */
export const LATER_RESOURCE_TYPES = [
  'AWS::ImageBuilder::ContainerRecipe',
  'AWS::ImageBuilder::Workflow',
  'AWS::ImageBuilder::LifecyclePolicy',
];

interface ResourceShape {
  /** The Create operation's input. */
  readonly input: string;
  /** Attributes of Fn::GetAtt. */
  readonly attributes: readonly string[];
  /** Properties without a member. */
  readonly later?: readonly string[];
}

const RESOURCES: Readonly<Record<ResourceType, ResourceShape>> = {
  'AWS::ImageBuilder::Component': {
    input: 'CreateComponentRequest',
    attributes: ['Arn', 'Encrypted', 'Name', 'Type', 'Version'],
  },
  'AWS::ImageBuilder::ImageRecipe': { input: 'CreateImageRecipeRequest', attributes: ['Arn', 'Name', 'Version'] },
  'AWS::ImageBuilder::InfrastructureConfiguration': {
    input: 'CreateInfrastructureConfigurationRequest',
    attributes: ['Arn', 'Name'],
  },
  'AWS::ImageBuilder::DistributionConfiguration': {
    input: 'CreateDistributionConfigurationRequest',
    attributes: ['Arn', 'Name'],
  },
  'AWS::ImageBuilder::ImagePipeline': { input: 'CreateImagePipelineRequest', attributes: ['Arn', 'Name'] },
  'AWS::ImageBuilder::Image': {
    input: 'CreateImageRequest',
    attributes: ['Arn', 'ImageId', 'Name', 'Version'],
    later: ['DeletionSettings', 'ImagePipelineExecutionSettings'],
  },
};

/** Members that CloudFormation calls otherwise: shape, member, property. */
const RENAMED: readonly (readonly [string, string, string])[] = [
  ['CreateComponentRequest', 'semanticVersion', 'Version'],
  ['CreateImageRecipeRequest', 'semanticVersion', 'Version'],
  ['AmiDistributionConfiguration', 'launchPermission', 'LaunchPermissionConfiguration'],
];

/** Members of requests that are the caller's business, not the resource's. */
const NOT_PROPERTIES = ['clientToken', 'dryRun'];

/** CloudFormation took these as free JSON for long, so that templates with the API's own spelling exist and work. */
const EITHER_CASE = [
  'AmiDistributionConfiguration',
  'ContainerDistributionConfiguration',
  'LaunchPermissionConfiguration',
];

interface Shape {
  readonly type: string;
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly required?: readonly string[];
  readonly member?: string | { readonly shape: string };
  readonly value?: string | { readonly shape: string };
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

const SHAPES = model.shapes as unknown as Readonly<Record<string, Shape>>;

/** Attributes that `Fn::GetAtt` finds on a type. */
export function attributesOf(type: ResourceType): readonly string[] {
  return RESOURCES[type].attributes;
}

/**
 * The request that creates a resource.
 * @param path of the properties, such as `Resources.Recipe.Properties`
 * @returns the request's members; what is unknown yet is left out. Faults are in `faults`
 */
export function requestOf(
  type: ResourceType,
  properties: ValueMap,
  path: string,
  faults: Faults,
): Record<string, RequestValue> {
  const { input, later } = RESOURCES[type];
  for (const name of later ?? []) {
    const entry = properties.entries.get(name);
    if (entry !== undefined)
      faults.add('not-supported', entry.position, `${path}.${name}`, `${name} of ${type} is not supported yet`);
  }
  const entries = new Map([...properties.entries].filter(([name]) => !later?.includes(name)));
  return structure(input, { ...properties, entries }, path, type, faults);
}

function propertyName(shape: string, member: string): string {
  const renamed = RENAMED.find((entry) => entry[0] === shape && entry[1] === member);
  return renamed?.[2] ?? `${member[0]!.toUpperCase()}${member.slice(1)}`;
}

/** @param owner what the properties belong to, for messages */
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
    if (member === 'semanticVersion') checkVersion(converted, entry.value.position, `${path}.${property}`, faults);
  }
  for (const member of shape.required ?? []) {
    if (seen.has(member) || NOT_PROPERTIES.includes(member)) continue;
    faults.add('missing', value.position, path, `${owner} needs the property '${propertyName(name, member)}'`);
  }
  return request;
}

/** The service would refuse it by the name of its own member, or by an ARN that is made with it. */
function checkVersion(version: RequestValue | undefined, position: Position, path: string, faults: Faults): void {
  if (typeof version !== 'string') return;
  if (parseVersionPattern(version) !== undefined || parseIncrement(version) !== undefined) return;
  faults.add(
    'invalid-value',
    position,
    path,
    `'${version}' is not a version: expected three numbers, such as 1.0.0, or 1.0.x for the next one of a recipe`,
  );
}

function convert(name: string, value: Value, path: string, property: string, faults: Faults): RequestValue | undefined {
  if (value.kind === 'unknown') return undefined;
  const shape = SHAPES[name]!;
  switch (shape.type) {
    case 'structure':
      if (value.kind === 'map') return structure(name, value, path, property, faults);
      return wrong(value, path, 'a map', faults);
    case 'list':
      return list(shape, value, path, property, faults);
    case 'map':
      return map(shape, value, path, property, faults);
    default:
      if (value.kind === 'scalar') return scalar(shape, value, path, faults);
      return wrong(value, path, shape.type === 'boolean' ? 'true or false' : `a ${shape.type}`, faults);
  }
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

/**
 * CloudFormation takes a scalar for what it says, however it was written: `"true"`, `8`, `"8"`, and `1.0` for a string.
 */
function scalar(shape: Shape, value: ScalarNode, path: string, faults: Faults): RequestValue | undefined {
  const { text } = value;
  if (shape.type === 'boolean') {
    if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
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
    checkSize(shape, text.length, 'characters', value, path, faults);
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
