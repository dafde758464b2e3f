/** A template from its text to requests in the order in which they can be made. */
import type { Position } from '../documents/position.ts';
import {
  evaluate,
  referencesOf,
  type PseudoParameters,
  type ResourceAttributes,
  type Scope,
  type Surroundings,
} from './evaluate.ts';
import { Faults, TemplateError, suggestion } from './faults.ts';
import { describe, type MapNode, type TemplateNode } from './nodes.ts';
import { parameterValues, readParameters, type TemplateParameter } from './parameters.ts';
import { parseText } from './parse.ts';
import {
  attributesOf,
  LATER_RESOURCE_TYPES,
  RESOURCE_TYPES,
  requestOf,
  type RequestValue,
  type ResourceType,
} from './shapes.ts';

/** A template that was read: sections and declarations are sound, values are not evaluated yet. */
export interface Template {
  readonly description?: string;
  readonly parameters: ReadonlyMap<string, TemplateParameter>;
  readonly resources: ReadonlyMap<string, TemplateResource>;
}

/** One resource as it was written. */
interface TemplateResource {
  readonly logicalId: string;
  readonly type: ResourceType;
  readonly properties: MapNode;
  readonly dependsOn: readonly string[];
  /** What becomes of it when it leaves the stack (default: Delete). */
  readonly deletionPolicy?: 'Delete' | 'Retain' | 'RetainExceptOnCreate' | 'Snapshot';
  /** Where the logical id stands. */
  readonly position: Position;
}

/** A resource in its turn. */
export interface PlannedResource extends TemplateResource {
  /** Logical ids that have to exist before it. */
  readonly needs: readonly string[];
}

/** What a template comes to with these parameters. */
export interface Plan {
  /** Those that are made here, in an order in which each comes after what it needs; else as written. */
  readonly resources: readonly PlannedResource[];
  /** Resources of other services: accepted, not made. What names them gets a name or an ARN of the right form. */
  readonly notMade: readonly NotMade[];
  readonly scope: Omit<Scope, 'known'>;
}

/** A resource of another service. */
export interface NotMade {
  readonly logicalId: string;
  /** Such as `AWS::IAM::Role` or `Custom::Lowercase`. */
  readonly type: string;
  readonly position: Position;
}

/** An output of a stack. */
export interface Output {
  readonly name: string;
  readonly value: string;
  readonly description?: string;
  /** The name by which other stacks import it. */
  readonly exportName?: string;
  readonly position: Position;
}

const SECTIONS = ['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Outputs', 'Parameters', 'Resources'];
const LATER_SECTIONS = ['Conditions', 'Hooks', 'Mappings', 'Rules', 'Transform'];
const RESOURCE_KEYS = ['DeletionPolicy', 'DependsOn', 'Metadata', 'Properties', 'Type', 'UpdateReplacePolicy'];
const DELETION_POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'] as const;
const LATER_RESOURCE_KEYS = ['Condition', 'CreationPolicy', 'UpdatePolicy'];

/** What cdk puts into every template, and nothing of Image Builder uses. */
const CDK_LEFT_OUT = {
  section: { Conditions: 'CDKMetadataAvailable', Rules: 'CheckBootstrapVersion' },
  type: 'AWS::CDK::Metadata',
} as const;

/**
 * Reads a template.
 * @throws {TemplateError} with all faults found, each with its place
 */
export function parseTemplate(text: string): Template {
  const root = parseText(text);
  const faults = new Faults();
  for (const [name, entry] of root.entries) {
    if (SECTIONS.includes(name) || isLeftByCdk(name, entry.value)) continue;
    if (LATER_SECTIONS.includes(name))
      faults.add('not-supported', entry.position, name, `the section ${name} is not supported yet`);
    else faults.add('unknown-section', entry.position, name, `unknown section${suggestion(name, SECTIONS)}`);
  }
  const version = root.entries.get('AWSTemplateFormatVersion')?.value;
  if (version !== undefined && (version.kind !== 'scalar' || version.text !== '2010-09-09')) {
    faults.add(
      'invalid-value',
      version.position,
      'AWSTemplateFormatVersion',
      'the only version there is is 2010-09-09',
    );
  }
  const description = root.entries.get('Description')?.value;
  const parameters = readParameters(root.entries.get('Parameters')?.value, faults);
  const resources = readResources(root, faults);
  for (const id of resources.keys()) {
    if (parameters.has(id))
      faults.add('invalid-value', resources.get(id)!.position, `Resources.${id}`, 'a parameter has the same name');
  }
  const template = {
    ...(description?.kind === 'scalar' ? { description: description.text } : {}),
    parameters,
    resources,
  };
  faults.throwIfAny(template);
  return template;
}

function isLeftByCdk(section: string, value: TemplateNode): boolean {
  const name = section === 'Conditions' || section === 'Rules' ? CDK_LEFT_OUT.section[section] : undefined;
  return name !== undefined && value.kind === 'map' && value.entries.size === 1 && value.entries.has(name);
}

function readResources(root: MapNode, faults: Faults): ReadonlyMap<string, TemplateResource> {
  const resources = new Map<string, TemplateResource>();
  const section = root.entries.get('Resources');
  if (section === undefined) {
    faults.add('missing', root.position, '', 'the template has no Resources section');
    return resources;
  }
  if (section.value.kind !== 'map' || section.value.entries.size === 0) {
    faults.add(
      'wrong-type',
      section.value.position,
      'Resources',
      `expected a map of resources, found ${section.value.kind === 'map' ? 'an empty one' : describe(section.value)}`,
    );
    return resources;
  }
  for (const [id, entry] of section.value.entries) {
    const path = `Resources.${id}`;
    if (!/^[A-Za-z0-9]{1,255}$/.test(id))
      faults.add('invalid-value', entry.position, path, 'a logical id is letters and digits');
    if (entry.value.kind !== 'map')
      faults.add(
        'wrong-type',
        entry.value.position,
        path,
        `expected a map with Type and Properties, found ${describe(entry.value)}`,
      );
    else {
      const resource = readResource(id, entry.value, entry.position, path, faults);
      if (resource !== undefined) resources.set(id, resource);
    }
  }
  return resources;
}

function readResource(
  logicalId: string,
  map: MapNode,
  position: Position,
  path: string,
  faults: Faults,
): TemplateResource | undefined {
  const typeNode = map.entries.get('Type')?.value;
  if (typeNode?.kind === 'scalar' && typeNode.text === CDK_LEFT_OUT.type) return undefined;
  for (const [key, entry] of map.entries) {
    if (LATER_RESOURCE_KEYS.includes(key))
      faults.add('not-supported', entry.position, `${path}.${key}`, `${key} is not supported yet`);
    else if (!RESOURCE_KEYS.includes(key))
      faults.add(
        'unknown-property',
        entry.position,
        `${path}.${key}`,
        `unknown attribute of a resource${suggestion(key, RESOURCE_KEYS)}`,
      );
  }
  if (typeNode?.kind !== 'scalar') {
    faults.add(
      'missing',
      typeNode?.position ?? position,
      path,
      `a resource needs a Type: ${RESOURCE_TYPES.join(', ')}`,
    );
    return undefined;
  }
  const type = RESOURCE_TYPES.find((known) => known === typeNode.text);
  if (type === undefined) {
    refuseType(typeNode.text, typeNode.position, `${path}.Type`, faults);
    return undefined;
  }
  const properties = map.entries.get('Properties')?.value ?? { kind: 'map', entries: new Map(), position };
  if (properties.kind !== 'map') {
    faults.add(
      'wrong-type',
      properties.position,
      `${path}.Properties`,
      `expected a map, found ${describe(properties)}`,
    );
    return undefined;
  }
  const policy = map.entries.get('DeletionPolicy')?.value;
  const deletionPolicy = DELETION_POLICIES.find((each) => policy?.kind === 'scalar' && policy.text === each);
  if (policy !== undefined && deletionPolicy === undefined)
    faults.add('invalid-value', policy.position, `${path}.DeletionPolicy`, `expected ${DELETION_POLICIES.join(', ')}`);
  return {
    logicalId,
    type,
    properties,
    dependsOn: readDependsOn(map, path, faults),
    ...(deletionPolicy === undefined ? {} : { deletionPolicy }),
    position,
  };
}

function refuseType(type: string, position: Position, path: string, faults: Faults): void {
  if (LATER_RESOURCE_TYPES.includes(type)) faults.add('not-supported', position, path, `${type} is not supported yet`);
  else if (type.startsWith('AWS::ImageBuilder::'))
    faults.add('unknown-type', position, path, `unknown type ${type}${suggestion(type, RESOURCE_TYPES)}`);
  else
    faults.add(
      'not-supported',
      position,
      path,
      `${type} is not supported: a template here holds AWS::ImageBuilder resources; give what others make (a role, ` +
        'a topic) by name, as a parameter',
    );
}

function readDependsOn(map: MapNode, path: string, faults: Faults): readonly string[] {
  const node = map.entries.get('DependsOn')?.value;
  if (node === undefined) return [];
  const items = node.kind === 'list' ? node.items : [node];
  const ids: string[] = [];
  for (const item of items) {
    if (item.kind === 'scalar') ids.push(item.text);
    else faults.add('wrong-type', item.position, `${path}.DependsOn`, `expected a logical id, found ${describe(item)}`);
  }
  return ids;
}

/**
 * Judges a template with its parameters as far as that goes before anything exists: names, types, properties, order.
 * @param given values of parameters by name
 * @throws {TemplateError} with all faults found
 */
export function planTemplate(
  template: Template,
  given: ReadonlyMap<string, string>,
  pseudo: PseudoParameters,
  _surroundings: Surroundings = {},
): Plan {
  const faults = new Faults();
  const used = new Set<string>();
  for (const resource of template.resources.values())
    for (const name of referencesOf(resource.properties)) used.add(name);

  const scope: Omit<Scope, 'known'> = {
    parameters: parameterValues(template.parameters, given, used, faults),
    declared: new Set(template.parameters.keys()),
    pseudo,
    resources: new Map(
      [...template.resources.values()].map((resource) => [resource.logicalId, attributesOf(resource.type)]),
    ),
  };
  const planned: PlannedResource[] = [];
  for (const resource of template.resources.values()) {
    for (const id of resource.dependsOn) {
      if (template.resources.has(id)) continue;
      faults.add(
        'unknown-reference',
        resource.position,
        `Resources.${resource.logicalId}.DependsOn`,
        `no resource is called '${id}'${suggestion(id, [...template.resources.keys()])}`,
      );
    }
    const named = [...referencesOf(resource.properties), ...resource.dependsOn].filter((name) =>
      template.resources.has(name),
    );
    planned.push({ ...resource, needs: [...new Set(named)] });
    evaluateRequest(resource, { ...scope, known: new Map() }, faults);
  }
  const resources = inOrder(planned, faults);
  const plan = { resources, notMade: [], scope };
  faults.throwIfAny(plan);
  return plan;
}

function evaluateRequest(resource: TemplateResource, scope: Scope, faults: Faults): Record<string, RequestValue> {
  const path = `Resources.${resource.logicalId}.Properties`;
  const properties = evaluate(resource.properties, path, scope, faults);
  return properties?.kind === 'map' ? requestOf(resource.type, properties, path, faults) : {};
}

/**
 * The request that makes a resource, now that what it needs exists. The caller adds the client token.
 * @param known answers of the resources made so far, by logical id
 * @throws {TemplateError} when an earlier resource's answer does not fit where it is used
 */
export function resolveResource(
  plan: Plan,
  resource: PlannedResource,
  known: ReadonlyMap<string, ResourceAttributes>,
): Record<string, RequestValue> {
  for (const id of resource.needs)
    if (!known.has(id)) throw new Error(`${resource.logicalId} was resolved before ${id}, which it needs`);
  const faults = new Faults();
  const request = evaluateRequest(resource, { ...plan.scope, known }, faults);
  faults.throwIfAny(request);
  return request;
}

/**
 * The outputs of a stack, now that its resources exist. Those whose condition is false are left out.
 * @param known answers of all resources of the plan, by logical id
 * @throws {TemplateError} when an answer does not fit where it is used
 */
export function resolveOutputs(_plan: Plan, _known: ReadonlyMap<string, ResourceAttributes>): readonly Output[] {
  return [];
}

/** Each after what it needs, else as written. A cycle is a fault at each of its resources' first. */
function inOrder(resources: readonly PlannedResource[], faults: Faults): readonly PlannedResource[] {
  const byId = new Map(resources.map((resource) => [resource.logicalId, resource]));
  const ordered: PlannedResource[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (resource: PlannedResource): void => {
    if (done.has(resource.logicalId)) return;
    const start = path.indexOf(resource.logicalId);
    if (start >= 0) {
      const cycle = [...path.slice(start), resource.logicalId].join(' -> ');
      faults.add('dependency-cycle', resource.position, `Resources.${resource.logicalId}`, `needs itself: ${cycle}`);
      return;
    }
    path.push(resource.logicalId);
    for (const id of resource.needs) visit(byId.get(id)!);
    path.pop();
    done.add(resource.logicalId);
    ordered.push(resource);
  };
  for (const resource of resources) visit(resource);
  return ordered;
}

export { TemplateError };
export type { PseudoParameters, RequestValue, ResourceAttributes, ResourceType, Surroundings };
