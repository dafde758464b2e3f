/**
 * `AWS::Include`: files whose content is inserted into the template, at its top (`Transform`) or anywhere inside
 * (`Fn::Transform`). Pure: the caller reads the files between `inclusionsOf` and `withInclusions`.
 */
import type { Position } from '../documents/position.ts';
import { evaluate } from './evaluate.ts';
import { Faults, TemplateError } from './faults.ts';
import { INCLUDE } from './functions.ts';
import { describe, type MapEntry, type MapNode, type TemplateNode } from './nodes.ts';
import { parseText } from './parse.ts';
import type { Scope } from './scope.ts';
import { RESOURCE_TYPES } from './shapes.ts';

/** A place in a template where a file is included. */
export interface Inclusion {
  /** As in the template: a path, a `file:` URL, or the URL of an object in S3. */
  readonly location: string;
  readonly position: Position;
  readonly path: string;
}

/** An included file, or why it could not be read. */
export type IncludedFile = { readonly name: string; readonly text: string } | { readonly refused: string };

/** Parses one file: its content as a map, or `undefined` if it has a fault. */
type Reader = (inclusion: Inclusion) => MapNode | undefined;

/** Whether a template has any inclusion: most have none, and need no walk. */
export function hasInclusions(root: MapNode): boolean {
  let found = false;
  walk(root, '', (spec) => void (found ||= nameOf(spec) === INCLUDE));
  return found;
}

/** All inclusions with a known location. The others are reported when they are evaluated. */
export function inclusionsOf(root: MapNode, scope: Scope): readonly Inclusion[] {
  const found: Inclusion[] = [];
  new Expansion(scope, new Faults(), (inclusion) => void found.push(inclusion)).root(root);
  return found;
}

/**
 * Inserts the content of the files into the template.
 * @param files by location
 * @param faults collects those of the files, with their names
 */
export function withInclusions(
  root: MapNode,
  scope: Scope,
  files: ReadonlyMap<string, IncludedFile>,
  faults: Faults,
): MapNode {
  const read = new Map<string, MapNode | undefined>();
  return new Expansion(scope, faults, (inclusion) => {
    const { location, position, path } = inclusion;
    const file = files.get(location);
    if (file === undefined || 'refused' in file) {
      faults.add('invalid-value', position, path, file?.refused ?? `the file '${location}' was not read`);
      return undefined;
    }
    if (!read.has(location)) read.set(location, readSnippet(file, faults));
    return read.get(location);
  }).root(root);
}

/** A file as a map, with positions in it. As on AWS it must not include another file. */
function readSnippet({ name, text }: { readonly name: string; readonly text: string }, faults: Faults) {
  let root: MapNode;
  try {
    root = parseText(text, name);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    faults.all.push(...error.faults);
    return undefined;
  }
  let sound = true;
  walk(root, '', (spec, position, path) => {
    if (nameOf(spec) !== INCLUDE) return;
    sound = false;
    faults.add('not-supported', position, path, 'an included file cannot include another one');
  });
  return sound ? root : undefined;
}

/** Inserts the content of files where they are included. */
class Expansion {
  private readonly scope: Scope;
  private readonly faults: Faults;
  private readonly read: Reader;

  constructor(scope: Scope, faults: Faults, read: Reader) {
    this.scope = scope;
    this.faults = faults;
    this.read = read;
  }

  root(root: MapNode): MapNode {
    const transform = root.entries.get('Transform');
    const specs = transform === undefined ? [] : listed(transform.value);
    const included = specs.filter((spec) => nameOf(spec) === INCLUDE);
    const inside = this.map(root, '');
    if (included.length === 0) return inside;
    const entries = new Map(inside.entries);
    const others = specs.filter((spec) => nameOf(spec) !== INCLUDE);
    if (others.length === 0) entries.delete('Transform');
    else entries.set('Transform', { ...transform!, value: { ...transform!.value, kind: 'list', items: others } });
    for (const spec of included) this.merge(entries, this.content(spec, 'Transform'), '', true);
    return { ...root, entries };
  }

  private node(node: TemplateNode, path: string): TemplateNode {
    if (node.kind === 'list')
      return { ...node, items: node.items.map((item, index) => this.node(item, `${path}[${index}]`)) };
    if (node.kind === 'map') return this.map(node, path);
    if (node.kind !== 'call') return node;
    if (node.name !== 'Fn::Transform') {
      const argument = this.node(node.argument, path);
      return argument === node.argument ? node : { ...node, argument };
    }
    const specs = listed(node.argument);
    if (!specs.every((spec) => nameOf(spec) === INCLUDE)) return node;
    const contents = specs.map((spec) => this.content(spec, path));
    if (contents.some((content) => content === undefined)) return node;
    const entries = new Map<string, MapEntry>();
    for (const content of contents) this.merge(entries, content, path, false);
    return callIn(entries) ?? { kind: 'map', entries, position: node.position };
  }

  private map(map: MapNode, path: string): MapNode {
    const entries = new Map<string, MapEntry>();
    const included: TemplateNode[] = [];
    const foreign = /^Resources\.[^.]+$/.test(path) && isForeign(map);
    for (const [key, entry] of map.entries) {
      // Properties of other services' resources are not evaluated, so no file is read for them.
      if (foreign && key === 'Properties') {
        entries.set(key, entry);
        continue;
      }
      const specs = key === 'Fn::Transform' ? listed(entry.value) : [];
      if (specs.length > 0 && specs.every((spec) => nameOf(spec) === INCLUDE)) included.push(...specs);
      else entries.set(key, { ...entry, value: this.node(entry.value, path === '' ? key : `${path}.${key}`) });
    }
    for (const spec of included) this.merge(entries, this.content(spec, path), path, path === '');
    return { ...map, entries };
  }

  /** @param sections whether two maps under one key are merged, as sections of a template are */
  private merge(entries: Map<string, MapEntry>, content: MapNode | undefined, path: string, sections: boolean): void {
    for (const [key, entry] of content?.entries ?? []) {
      const before = entries.get(key);
      const at = path === '' ? key : `${path}.${key}`;
      if (before === undefined) entries.set(key, entry);
      else if (sections && before.value.kind === 'map' && entry.value.kind === 'map') {
        const both = new Map(before.value.entries);
        this.merge(both, entry.value, at, false);
        entries.set(key, { ...before, value: { ...before.value, entries: both } });
      } else
        this.faults.add(
          'invalid-value',
          entry.position,
          at,
          `the key '${key}' is in the template and in what it includes`,
        );
    }
  }

  /** The content of an inclusion; `undefined` if it has a fault, or its location is unknown. */
  private content(spec: TemplateNode, path: string): MapNode | undefined {
    const parameters = spec.kind === 'map' ? spec.entries.get('Parameters')?.value : undefined;
    const location = parameters?.kind === 'map' ? parameters.entries.get('Location')?.value : undefined;
    if (location === undefined) {
      this.faults.add('missing', spec.position, path, `${INCLUDE} needs Parameters with a Location`);
      return undefined;
    }
    const value = evaluate(location, `${path}.Location`, this.scope, this.faults);
    if (value?.kind === 'scalar') return this.read({ location: value.text, position: location.position, path });
    if (value?.kind === 'unknown')
      this.faults.add('invalid-value', location.position, path, `the Location of ${INCLUDE} is not known`);
    else if (value !== undefined)
      this.faults.add('wrong-type', location.position, path, `Location is a string, found ${describe(value)}`);
    return undefined;
  }
}

/** Whether a resource has a type that is not created here. */
function isForeign({ entries }: MapNode): boolean {
  const type = entries.get('Type')?.value;
  return type?.kind === 'scalar' && !RESOURCE_TYPES.some((known) => known === type.text);
}

/** A file that contains a single function: `Fn::Sub: …` as its only key. */
function callIn(entries: ReadonlyMap<string, MapEntry>): TemplateNode | undefined {
  const [only] = entries;
  if (entries.size !== 1 || (only![0] !== 'Ref' && !only![0].startsWith('Fn::'))) return undefined;
  const [name, { value, position }] = only!;
  return { kind: 'call', name, written: name, argument: value, position };
}

/** Calls a function for each macro of a template: at its top and inside. */
function walk(
  node: TemplateNode,
  path: string,
  each: (spec: TemplateNode, position: Position, path: string) => void,
): void {
  if (node.kind === 'list') for (const [index, item] of node.items.entries()) walk(item, `${path}[${index}]`, each);
  if (node.kind === 'map') {
    for (const [key, { value, position }] of node.entries) {
      const at = path === '' ? key : `${path}.${key}`;
      if (key === 'Fn::Transform' || (key === 'Transform' && path === ''))
        for (const spec of listed(value)) each(spec, position, at);
      walk(value, at, each);
    }
  }
  if (node.kind !== 'call') return;
  if (node.name === 'Fn::Transform') for (const spec of listed(node.argument)) each(spec, node.position, path);
  walk(node.argument, path, each);
}

function listed(node: TemplateNode): readonly TemplateNode[] {
  return node.kind === 'list' ? node.items : [node];
}

/** The name of a macro, in either form. */
function nameOf(spec: TemplateNode): string | undefined {
  const name = spec.kind === 'map' ? spec.entries.get('Name')?.value : spec;
  return name?.kind === 'scalar' ? name.text : undefined;
}
