/** Converts a template from its text to requests, in the order in which they can be sent. */
import type { Position } from '../documents/position.ts';
import { evaluateConditions } from './conditions.ts';
import { resolveDynamic } from './dynamic.ts';
import { evaluate } from './evaluate.ts';
import { nameOfForeign } from './foreign.ts';
import { Faults, TemplateError, suggestion } from './faults.ts';
import { hasInclusions, inclusionsOf, withInclusions, type IncludedFile, type Inclusion } from './includes.ts';
import { describe, type MapNode, type TemplateNode, type Value } from './nodes.ts';
import { parameterValues, readParameters, type TemplateParameter } from './parameters.ts';
import { parseText } from './parse.ts';
import { checkRules } from './rules.ts';
import type { Named, PseudoParameters, ResourceAttributes, Scope, Surroundings } from './scope.ts';
import {
  readHead,
  readMappings,
  readOutputs,
  readResources,
  type Asset,
  type DeletionPolicy,
  type Resource,
  type WrittenOutput,
} from './sections.ts';
import { attributesOf, requestOf, type RequestValue, type ResourceType } from './shapes.ts';

/** Maximum number of values that the loops of a template may create: 500 resources of 250 values each. */
const MOST_LOOPED = 1 << 17;

/** A parsed template whose values are not evaluated yet. */
export interface Template {
  readonly description?: string;
  readonly parameters: ReadonlyMap<string, TemplateParameter>;
  readonly root: MapNode;
  /** Whether it has `Transform: AWS::LanguageExtensions`. */
  readonly extensions: boolean;
  /** Whether it has `AWS::Include` files that `includeFiles` has not inserted yet. */
  readonly includes: boolean;
  /** Faults so far; `planTemplate` reports them together with its own. */
  readonly faults: Faults;
}

/** A resource in the order of creation. */
export interface PlannedResource {
  readonly logicalId: string;
  readonly type: ResourceType;
  /** `undefined` if it has none. */
  readonly properties: TemplateNode | undefined;
  readonly dependsOn: readonly string[];
  /** What happens to it when it is removed from the stack (default: Delete). */
  readonly deletionPolicy?: DeletionPolicy;
  /** What happens to the old one when it is replaced (default: Delete). */
  readonly updateReplacePolicy?: DeletionPolicy;
  /** The file that a property names, as `cdk synth` writes it into Metadata. */
  readonly asset?: Asset;
  /** Position of the logical id. */
  readonly position: Position;
  /** Logical ids of resources that must exist first. */
  readonly needs: readonly string[];
}

/** A template evaluated with these parameters. */
export interface Plan {
  /** Resources that are created here, each after those that it needs; otherwise as written. */
  readonly resources: readonly PlannedResource[];
  /**
   * Resources of other services: accepted, but not created. References to them get a name or an ARN of the right form.
   */
  readonly notMade: readonly NotMade[];
  readonly scope: Scope;
  readonly outputs: readonly WrittenOutput[];
}

/** A resource of another service. */
interface NotMade {
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
  /** The name with which other stacks import it. */
  readonly exportName?: string;
  readonly position: Position;
}

/**
 * Parses a template. `planTemplate` reports faults of its sections and parameters, together with all others.
 * @throws {TemplateError} with all syntax faults and their positions
 */
export function parseTemplate(text: string): Template {
  const root = parseText(text);
  const includes = hasInclusions(root);
  return templateOf(root, includes, new Faults());
}

function templateOf(root: MapNode, includes: boolean, faults: Faults): Template {
  const head = readHead(root, faults);
  const parameters = readParameters(root.entries.get('Parameters')?.value, faults);
  return { ...head, parameters, root, includes, faults };
}

/** The files that a template includes, as far as their locations are known with these parameters. */
export function filesToInclude(
  template: Template,
  given: ReadonlyMap<string, string>,
  pseudo: PseudoParameters,
): readonly Inclusion[] {
  if (!template.includes) return [];
  return inclusionsOf(template.root, scopeOf(template, given, pseudo, {}, new Faults()));
}

/**
 * Inserts the content of included files into a template. `planTemplate` reports their faults.
 * @param files by location
 */
export function includeFiles(
  template: Template,
  files: ReadonlyMap<string, IncludedFile>,
  given: ReadonlyMap<string, string>,
  pseudo: PseudoParameters,
): Template {
  if (!template.includes) return template;
  const faults = new Faults();
  const scope = scopeOf(template, given, pseudo, {}, new Faults());
  const root = withInclusions(template.root, scope, files, faults);
  return templateOf(root, false, faults);
}

/**
 * Validates a template with its parameters, as far as possible before anything exists: names, types, properties, order.
 * @param given values of parameters by name
 * @throws {TemplateError} with all faults found
 */
export function planTemplate(
  template: Template,
  given: ReadonlyMap<string, string>,
  pseudo: PseudoParameters,
  surroundings: Surroundings = {},
): Plan {
  // The files have not been read: each is a fault.
  if (template.includes)
    return planTemplate(includeFiles(template, new Map(), given, pseudo), given, pseudo, surroundings);
  const faults = new Faults();
  faults.all.push(...template.faults.all);
  const { root, parameters } = template;
  const sectionNamed = (name: string): TemplateNode | undefined => root.entries.get(name)?.value;

  const withMappings = scopeOf(template, given, pseudo, surroundings, faults);
  const conditions = evaluateConditions(sectionNamed('Conditions'), withMappings, faults);
  const withConditions: Scope = {
    ...withMappings,
    condition: (name) => conditions.get(name),
    conditionNames: [...conditions.keys()],
  };
  checkRules(sectionNamed('Rules'), parameters, withConditions, faults);
  const written = readResources(root, withConditions, faults);
  const scope: Scope = {
    ...withConditions,
    resources: new Map(written.map((each) => [each.logicalId, meaningOf(each)])),
  };
  for (const { logicalId, position } of written) {
    if (parameters.has(logicalId))
      faults.add('invalid-value', position, `Resources.${logicalId}`, 'a parameter has the same name');
  }

  const needs = new Map(written.map((resource) => [resource.logicalId, needsOf(resource, scope, faults)]));
  const made = written.filter((resource) => resource.kind === 'made');
  const planned = made.map((resource) => ({ ...resource, needs: madeNeeds(resource.logicalId, needs, scope) }));
  const resources = inOrder(planned, faults);
  const outputs = readOutputs(sectionNamed('Outputs'), scope, faults);
  for (const output of outputs) evaluateOutput(output, scope, faults);
  const plan: Plan = {
    resources,
    notMade: written.flatMap(({ kind, logicalId, type, position }) =>
      kind === 'foreign' && type !== 'AWS::CDK::Metadata' ? [{ logicalId, type, position }] : [],
    ),
    scope,
    outputs,
  };
  faults.throwIfAny(plan);
  return plan;
}

/** The meaning of names before conditions and resources: parameters and mappings. */
function scopeOf(
  { root, parameters, extensions }: Template,
  given: ReadonlyMap<string, string>,
  pseudo: PseudoParameters,
  surroundings: Surroundings,
  faults: Faults,
): Scope {
  const stored = surroundings.parameterValue ?? ((): undefined => undefined);
  const bare: Scope = {
    parameters: parameterValues(parameters, given, stored, faults),
    declared: new Set(parameters.keys()),
    pseudo,
    surroundings,
    resources: new Map(),
    known: new Map(),
    mappings: new Map(),
    condition: () => undefined,
    conditionNames: [],
    extensions,
    names: new Map(),
    budget: { left: MOST_LOOPED, depth: 0 },
  };
  return { ...bare, mappings: readMappings(root.entries.get('Mappings')?.value, bare, faults) };
}

function meaningOf(resource: Resource): Named {
  if (resource.kind === 'made') return { kind: 'made', attributes: attributesOf(resource.type) };
  if (resource.kind === 'off') return { kind: 'off', condition: resource.condition };
  const { type, properties } = resource;
  return { kind: 'foreign', type, properties: properties?.kind === 'map' ? properties : undefined };
}

/** The resources that a resource names in its properties and in DependsOn. Faults are found on the way. */
function needsOf(resource: Resource, scope: Scope, faults: Faults): ReadonlySet<string> {
  const needs = new Set<string>();
  for (const id of resource.dependsOn) {
    if (scope.resources.has(id)) needs.add(id);
    else
      faults.add(
        'unknown-reference',
        resource.position,
        `Resources.${resource.logicalId}.DependsOn`,
        `no resource is called '${id}'${suggestion(id, [...scope.resources.keys()])}`,
      );
  }
  if (resource.kind === 'made') evaluateRequest(resource, { ...scope, names: new Map(), trace: needs }, faults);
  return needs;
}

/** The created resources that a resource needs, also indirectly through others. */
function madeNeeds(id: string, needs: ReadonlyMap<string, ReadonlySet<string>>, scope: Scope): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const open = [...needs.get(id)!];
  for (let each = open.shift(); each !== undefined; each = open.shift()) {
    if (seen.has(each)) continue;
    seen.add(each);
    const kind = scope.resources.get(each)?.kind;
    if (kind === 'made') found.add(each);
    if (kind === 'foreign') open.push(...needs.get(each)!);
  }
  return [...found];
}

function evaluateRequest(
  resource: Pick<PlannedResource, 'logicalId' | 'type' | 'properties' | 'position'>,
  scope: Scope,
  faults: Faults,
): Record<string, RequestValue> {
  const path = `Resources.${resource.logicalId}.Properties`;
  const written = resource.properties ?? { kind: 'map', entries: new Map(), position: resource.position };
  const properties = evaluate(written, path, scope, faults);
  if (properties?.kind === 'map') {
    const request = requestOf(resource.type, resolveDynamic(properties, path, scope, faults), path, faults);
    const named = NAMED[resource.type];
    if (named === undefined || properties.entries.has(`${named[0]!.toUpperCase()}${named.slice(1)}`)) return request;
    return { [named]: nameOfForeign(resource.logicalId, resource.type, scope.pseudo), ...request };
  }
  if (properties !== undefined && properties.kind !== 'unknown')
    faults.add('wrong-type', properties.position, path, `expected a map, found ${describe(properties)}`);
  return {};
}

/** Members that CloudFormation makes up when a template leaves them out. */
const NAMED: Readonly<Partial<Record<ResourceType, string>>> = {
  'AWS::ECR::Repository': 'repositoryName',
  'AWS::SSM::Parameter': 'name',
};

/**
 * The request that creates a resource, once the resources that it needs exist: the members of its Create operation. The
 * caller adds the client token. An Image may also have `deletionSettings` and `imagePipelineExecutionSettings`, which
 * no request has; `AWS::SSM::Parameter` and `AWS::CloudFormation::Stack` have their properties, beginning in lower
 * case.
 * @param known attributes of the resources created so far, by logical id
 * @throws {TemplateError} if an attribute of an earlier resource does not fit where it is used
 */
export function resolveResource(
  plan: Plan,
  resource: PlannedResource,
  known: ReadonlyMap<string, ResourceAttributes>,
): Record<string, RequestValue> {
  for (const id of resource.needs)
    if (!known.has(id)) throw new Error(`${resource.logicalId} was resolved before ${id}, which it needs`);
  const faults = new Faults();
  const request = evaluateRequest(resource, { ...plan.scope, names: new Map(), known }, faults);
  faults.throwIfAny(request);
  return request;
}

/**
 * The outputs of a stack, once its resources exist. Left out are outputs whose condition is false, and those that need
 * an unknown attribute.
 * @param known attributes of the resources of the plan, by logical id
 * @throws {TemplateError} if an attribute does not fit where it is used
 */
export function resolveOutputs(plan: Plan, known: ReadonlyMap<string, ResourceAttributes>): readonly Output[] {
  const faults = new Faults();
  const scope: Scope = { ...plan.scope, names: new Map(), known };
  const outputs = plan.outputs.flatMap((output) => evaluateOutput(output, scope, faults) ?? []);
  faults.throwIfAny();
  return outputs;
}

function evaluateOutput(output: WrittenOutput, scope: Scope, faults: Faults): Output | undefined {
  const { name, position, description } = output;
  const path = `Outputs.${name}`;
  const text = (node: TemplateNode, at: string): string | undefined => {
    const before = faults.all.length;
    const value: Value | undefined = evaluate(node, at, scope, faults);
    if (value?.kind === 'scalar') return value.text;
    if (value?.kind !== 'unknown' && faults.all.length === before)
      faults.add(
        'wrong-type',
        node.position,
        at,
        `expected a string, found ${value === undefined ? 'AWS::NoValue' : describe(value)}`,
      );
    return undefined;
  };
  const value = text(output.value, `${path}.Value`);
  const exportName = output.exportName === undefined ? undefined : text(output.exportName, `${path}.Export.Name`);
  if (value === undefined || (output.exportName !== undefined && exportName === undefined)) return undefined;
  return {
    name,
    value,
    description,
    exportName,
    position,
  };
}

/**
 * The position in the template of a position in a property's text, such as the document in `Data` of a component.
 * @param place in the text, line and column from 1
 * @returns the position of the resource, if the lines of the property are not lines of the template
 */
export function placeInProperty(plan: Plan, resource: PlannedResource, property: string, place: Position): Position {
  const node = resource.properties?.kind === 'map' ? resource.properties.entries.get(property)?.value : undefined;
  const value = node === undefined ? undefined : evaluate(node, '', { ...plan.scope, names: new Map() }, new Faults());
  if (value?.kind !== 'scalar' || value.start === undefined) return node?.position ?? resource.position;
  const { line, column } = value.start;
  const block = value.text.includes('\n');
  return {
    ...value.start,
    line: line + place.line - 1,
    column: place.line === 1 || block ? column + place.column - 1 : place.column,
  };
}

/**
 * Sorts resources: each after those that it needs, otherwise as written. A cycle is a fault at the first of its
 * resources.
 */
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
export type { IncludedFile, PseudoParameters, RequestValue, ResourceAttributes, ResourceType, Surroundings };
