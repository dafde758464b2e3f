/** Parses the sections of a template, except Parameters, Conditions and Rules, before it is evaluated. */
import type { Position } from '../documents/position.ts';
import { nearestWord } from '../documents/nearest.ts';
import { conditionNamed, entriesOf, evaluate, NULL_FAULT } from './evaluate.ts';
import { type Faults, suggestion } from './faults.ts';
import { INCLUDE } from './functions.ts';
import { describe, type MapNode, type TemplateNode, type Value } from './nodes.ts';
import type { Mapping, Scope } from './scope.ts';
import { RESOURCE_TYPES, type ResourceType } from './shapes.ts';

/** Sections that any template may have. */
const SECTIONS = [
  'AWSTemplateFormatVersion',
  'Conditions',
  'Description',
  'Hooks',
  'Mappings',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Rules',
  'Transform',
];

/** CloudFormation's limits. */
const MOST_RESOURCES = 500;
const MOST_OUTPUTS = 200;
const MOST_MAPPINGS = 200;
const LONGEST_DESCRIPTION = 1024;

const RESOURCE_KEYS = [
  'Condition',
  'CreationPolicy',
  'DeletionPolicy',
  'DependsOn',
  'Metadata',
  'Properties',
  'Type',
  'UpdatePolicy',
  'UpdateReplacePolicy',
];
const OUTPUT_KEYS = ['Condition', 'Description', 'Export', 'Value'];
const POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'] as const;

/** What happens to a resource that is removed from its stack. */
export type DeletionPolicy = (typeof POLICIES)[number];

const EXTENSIONS = 'AWS::LanguageExtensions';
const SERVERLESS = 'AWS::Serverless-2016-10-31';
/** Macros of AWS that change only resources of other services. */
const PASSED_OVER = /^AWS::(Serverless-2016-10-31|SecretsManager-.*|CodeDeployBlueGreen|CodeStar|ServiceCatalog)$/;

/** One resource as written. */
interface WrittenResource {
  readonly logicalId: string;
  readonly properties: TemplateNode | undefined;
  readonly dependsOn: readonly string[];
  readonly deletionPolicy?: DeletionPolicy;
  readonly updateReplacePolicy?: DeletionPolicy;
  /** The file that a property names, as `cdk synth` writes it into Metadata. */
  readonly asset?: Asset;
  /** Position of the logical id. */
  readonly position: Position;
}

/** A file of `cdk synth`. */
export interface Asset {
  /** Path relative to the template's folder. */
  readonly path: string;
  /** The property for its URL in S3, such as `TemplateURL`. */
  readonly property: string;
}

/** A resource of the template. */
export type Resource =
  | (WrittenResource & { readonly kind: 'made'; readonly type: ResourceType })
  | (WrittenResource & { readonly kind: 'foreign'; readonly type: string })
  | (WrittenResource & { readonly kind: 'off'; readonly type: string; readonly condition: string });

/** An output as written. */
export interface WrittenOutput {
  readonly name: string;
  readonly value: TemplateNode;
  readonly description?: string;
  readonly exportName?: TemplateNode;
  readonly position: Position;
}

/**
 * Checks the names of the sections, the format version and the description.
 * @returns the names of the transforms that matter here
 */
export function readHead(
  root: MapNode,
  faults: Faults,
): { readonly extensions: boolean; readonly description?: string } {
  const transforms = readTransforms(root.entries.get('Transform')?.value, faults);
  for (const [name, entry] of root.entries) {
    if (SECTIONS.includes(name) || (name === 'Globals' && transforms.includes(SERVERLESS))) continue;
    if (name === 'Fn::Transform') refuseMacros(entry.value, entry.position, name, faults);
    else faults.add('unknown-section', entry.position, name, `unknown section${suggestion(name, SECTIONS)}`);
  }
  const version = root.entries.get('AWSTemplateFormatVersion')?.value;
  if (version !== undefined && (version.kind !== 'scalar' || version.text !== '2010-09-09')) {
    const message = 'the only valid version is 2010-09-09';
    faults.add('invalid-value', version.position, 'AWSTemplateFormatVersion', message);
  }
  const extensions = transforms.includes(EXTENSIONS);
  const description = root.entries.get('Description')?.value;
  if (description === undefined) return { extensions };
  if (description.kind !== 'scalar') {
    const found = `expected a string, found ${describe(description)}`;
    faults.add('wrong-type', description.position, 'Description', found);
    return { extensions };
  }
  const bytes = Buffer.byteLength(description.text);
  if (bytes > LONGEST_DESCRIPTION) {
    const message = `has ${bytes} bytes; at most ${LONGEST_DESCRIPTION} are allowed`;
    faults.add('too-many', description.position, 'Description', message);
  }
  return { extensions, description: description.text };
}

function readTransforms(node: TemplateNode | undefined, faults: Faults): readonly string[] {
  if (node === undefined) return [];
  const names: string[] = [];
  for (const each of node.kind === 'list' ? node.items : [node]) {
    const name = each.kind === 'map' ? each.entries.get('Name')?.value : each;
    if (name?.kind !== 'scalar')
      faults.add('wrong-type', each.position, 'Transform', `expected the name of a macro, found ${describe(each)}`);
    // It is included by now, or was reported as a fault.
    else if (name.text === INCLUDE) continue;
    else if (name.text === EXTENSIONS || PASSED_OVER.test(name.text)) names.push(name.text);
    else refuseMacro(name.text, name.position, 'Transform', faults);
  }
  return names;
}

function refuseMacros(node: TemplateNode, position: Position, path: string, faults: Faults): void {
  for (const each of node.kind === 'list' ? node.items : [node]) {
    const name = each.kind === 'map' ? each.entries.get('Name')?.value : undefined;
    if (name?.kind === 'scalar' && name.text === INCLUDE) continue;
    refuseMacro(name?.kind === 'scalar' ? name.text : '', position, path, faults);
  }
}

function refuseMacro(name: string, position: Position, path: string, faults: Faults): void {
  faults.add(
    'not-supported',
    position,
    path,
    `the macro '${name}' runs in AWS and not here: write out what it makes (aws cloudformation get-template ` +
      '--template-stage Processed shows it)',
  );
}

/** The section Mappings. */
export function readMappings(
  section: TemplateNode | undefined,
  scope: Scope,
  faults: Faults,
): ReadonlyMap<string, Mapping> {
  const mappings = new Map<string, Mapping>();
  const map = sectionMap(section, 'Mappings', MOST_MAPPINGS, faults);
  if (map === undefined) return mappings;
  for (const [name, entry] of entriesOf(map, 'Mappings', scope, faults)) {
    const path = `Mappings.${name}`;
    const tops = new Map<string, ReadonlyMap<string, Value>>();
    mappings.set(name, tops);
    const value = evaluate(entry.value, path, scope, faults);
    if (value === undefined) continue;
    if (value.kind !== 'map') {
      faults.add('wrong-type', value.position, path, `expected a map of maps, found ${describe(value)}`);
      continue;
    }
    for (const [top, inner] of value.entries) {
      if (inner.value.kind !== 'map') {
        const message = `expected a map, found ${describe(inner.value)}`;
        faults.add('wrong-type', inner.value.position, `${path}.${top}`, message);
        continue;
      }
      tops.set(top, new Map([...inner.value.entries].map(([second, each]) => [second, each.value])));
    }
  }
  return mappings;
}

function sectionMap(
  section: TemplateNode | undefined,
  name: string,
  most: number,
  faults: Faults,
): MapNode | undefined {
  if (section === undefined) return undefined;
  if (section.kind === 'call' && section.name === 'Fn::Transform') {
    refuseMacros(section.argument, section.position, name, faults);
    return undefined;
  }
  if (section.kind !== 'map') {
    faults.add('wrong-type', section.position, name, `expected a map, found ${describe(section)}`);
    return undefined;
  }
  if (section.entries.size > most) {
    const message = `has ${section.entries.size} entries; CloudFormation allows at most ${most}`;
    faults.add('too-many', section.position, name, message);
  }
  return section;
}

/** The section Resources, with its loops expanded. */
export function readResources(root: MapNode, scope: Scope, faults: Faults): readonly Resource[] {
  const section = root.entries.get('Resources')?.value;
  if (section === undefined) {
    faults.add('missing', root.position, '', 'the template has no Resources section');
    return [];
  }
  const map = sectionMap(section, 'Resources', Infinity, faults);
  if (map === undefined) return [];
  if (map.entries.size === 0) {
    faults.add('wrong-type', map.position, 'Resources', 'expected a map of resources, found an empty one');
    return [];
  }
  const resources: Resource[] = [];
  const entries = entriesOf(map, 'Resources', scope, faults);
  if (entries.length > MOST_RESOURCES) {
    const message = `the template has ${entries.length} resources; CloudFormation allows at most ${MOST_RESOURCES}`;
    faults.add('too-many', map.position, 'Resources', message);
    // Later work is proportional to the template's size, so it stops here after faults.
    faults.throwIfAny();
  }
  for (const [id, entry] of entries) {
    const path = `Resources.${id}`;
    if (!/^[A-Za-z0-9]{1,255}$/.test(id))
      faults.add('invalid-value', entry.position, path, 'a logical id is letters and digits');
    if (entry.value.kind === 'map') {
      const resource = readResource(id, entry.value, entry.position, path, scope, faults);
      if (resource !== undefined) resources.push(resource);
    } else if (entry.value.kind === 'null') faults.add('wrong-type', entry.value.position, path, NULL_FAULT);
    else if (entry.value.kind === 'call') evaluate(entry.value, path, scope, faults);
    else {
      const found = describe(entry.value);
      faults.add('wrong-type', entry.value.position, path, `expected a map with Type and Properties, found ${found}`);
    }
  }
  return resources;
}

function readResource(
  logicalId: string,
  map: MapNode,
  position: Position,
  path: string,
  scope: Scope,
  faults: Faults,
): Resource | undefined {
  const typeNode = map.entries.get('Type')?.value;
  if (typeNode?.kind !== 'scalar') {
    faults.add(
      'missing',
      typeNode?.position ?? position,
      path,
      `a resource needs a Type, such as ${RESOURCE_TYPES[0]}`,
    );
    return undefined;
  }
  const type = typeNode.text;
  const made = RESOURCE_TYPES.find((known) => known === type);
  // Resources of other services may use newer features of the language.
  if (made !== undefined) refuseOtherKeys(map, path, faults);
  else if (!isForeignType(type)) {
    const near = nearestWord(type, RESOURCE_TYPES);
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    faults.add('unknown-type', typeNode.position, `${path}.Type`, `unknown type ${type}${hint}`);
    return undefined;
  }
  const condition = map.entries.get('Condition')?.value;
  let off: string | undefined;
  if (condition?.kind === 'scalar') {
    if (conditionNamed(condition.text, condition.position, `${path}.Condition`, scope, faults) === false)
      off = condition.text;
  } else if (condition !== undefined)
    faults.add(
      'wrong-type',
      condition.position,
      `${path}.Condition`,
      `expected the name of a condition, found ${describe(condition)}`,
    );
  const deletionPolicy = readPolicy('DeletionPolicy', map, path, scope, faults);
  const updateReplacePolicy = readPolicy('UpdateReplacePolicy', map, path, scope, faults);
  const written: WrittenResource = {
    logicalId,
    properties: map.entries.get('Properties')?.value,
    dependsOn: readDependsOn(map, path, faults),
    deletionPolicy,
    updateReplacePolicy,
    asset: readAsset(map.entries.get('Metadata')?.value),
    position,
  };
  if (off !== undefined) return { ...written, kind: 'off', type, condition: off };
  return made === undefined ? { ...written, kind: 'foreign', type } : { ...written, kind: 'made', type: made };
}

/** Whether a type may belong to another service: not if it is one of Image Builder's, or similar to one. */
function isForeignType(type: string): boolean {
  if (type.length > 255 || !/^[A-Za-z0-9]+(::[A-Za-z0-9_@-]+){1,3}$/.test(type)) return false;
  if (type.startsWith('Custom::')) return true;
  const near = nearestWord(type, RESOURCE_TYPES);
  return !type.startsWith('AWS::ImageBuilder::') && (near === undefined || near === 'AWS::CloudFormation::Stack');
}

function refuseOtherKeys(map: MapNode, path: string, faults: Faults): void {
  for (const [key, entry] of map.entries) {
    if (!RESOURCE_KEYS.includes(key))
      faults.add(
        'unknown-property',
        entry.position,
        `${path}.${key}`,
        `unknown attribute of a resource${suggestion(key, RESOURCE_KEYS)}`,
      );
  }
}

function readAsset(metadata: TemplateNode | undefined): Asset | undefined {
  if (metadata?.kind !== 'map') return undefined;
  const path = metadata.entries.get('aws:asset:path')?.value;
  const property = metadata.entries.get('aws:asset:property')?.value;
  if (path?.kind !== 'scalar' || property?.kind !== 'scalar') return undefined;
  return { path: path.text, property: property.text };
}

function readPolicy(
  key: 'DeletionPolicy' | 'UpdateReplacePolicy',
  map: MapNode,
  path: string,
  scope: Scope,
  faults: Faults,
): DeletionPolicy | undefined {
  const node = map.entries.get(key)?.value;
  const value = node === undefined ? undefined : evaluate(node, `${path}.${key}`, scope, faults);
  if (value === undefined || value.kind === 'unknown') return undefined;
  const policy = value.kind === 'scalar' ? POLICIES.find((known) => known === value.text) : undefined;
  if (policy === undefined) {
    const message = `expected one of ${POLICIES.join(', ')}`;
    faults.add('invalid-value', value.position, `${path}.${key}`, message);
  }
  return policy;
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

/** The section Outputs, without those whose condition is false. */
export function readOutputs(section: TemplateNode | undefined, scope: Scope, faults: Faults): readonly WrittenOutput[] {
  const outputs: WrittenOutput[] = [];
  const map = sectionMap(section, 'Outputs', MOST_OUTPUTS, faults);
  if (map === undefined) return outputs;
  for (const [name, entry] of entriesOf(map, 'Outputs', scope, faults)) {
    const path = `Outputs.${name}`;
    if (!/^[A-Za-z0-9]{1,255}$/.test(name))
      faults.add('invalid-value', entry.position, path, "an output's name is letters and digits");
    if (entry.value.kind !== 'map') {
      faults.add('wrong-type', entry.value.position, path, `expected a map with Value, found ${describe(entry.value)}`);
      continue;
    }
    const output = readOutput(name, entry.value, entry.position, path, scope, faults);
    if (output !== undefined) outputs.push(output);
  }
  return outputs;
}

function readOutput(
  name: string,
  map: MapNode,
  position: Position,
  path: string,
  scope: Scope,
  faults: Faults,
): WrittenOutput | undefined {
  for (const [key, entry] of map.entries) {
    if (!OUTPUT_KEYS.includes(key)) {
      const message = `unknown attribute of an output${suggestion(key, OUTPUT_KEYS)}`;
      faults.add('unknown-property', entry.position, `${path}.${key}`, message);
    }
  }
  const condition = map.entries.get('Condition')?.value;
  if (condition?.kind === 'scalar') {
    const truth = conditionNamed(condition.text, condition.position, `${path}.Condition`, scope, faults);
    if (truth === false) return undefined;
  } else if (condition !== undefined) {
    const message = `expected the name of a condition, found ${describe(condition)}`;
    faults.add('wrong-type', condition.position, `${path}.Condition`, message);
  }
  const value = map.entries.get('Value')?.value;
  if (value === undefined) {
    faults.add('missing', position, path, 'an output needs a Value');
    return undefined;
  }
  const description = map.entries.get('Description')?.value;
  const exported = map.entries.get('Export')?.value;
  const exportName = exported?.kind === 'map' ? exported.entries.get('Name')?.value : undefined;
  if (exported !== undefined && exportName === undefined)
    faults.add('missing', exported.position, `${path}.Export`, 'an export needs a Name');
  return {
    name,
    value,
    ...(description?.kind === 'scalar' ? { description: description.text } : {}),
    exportName,
    position,
  };
}
