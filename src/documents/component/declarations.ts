/** The parameters and constants of a component document. Source: reference, `awstoe.md` sections 3.1, 3.2 and 12. */
import type { FaultCollector } from '../faults.ts';
import { describeNode, entryOf, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode, ScalarNode } from '../nodes.ts';
import type { Position } from '../position.ts';
import {
  childPath,
  isNull,
  lowerFirst,
  readChoice,
  readList,
  readMap,
  readText,
  requireEntry,
  UniqueNames,
  warnUnknownKeys,
} from '../reading.ts';
import type { ComponentParameter } from './document.ts';

/** Maximum characters of a parameter's value. */
export const MAX_PARAMETER_LENGTH = 1024;
/** Maximum number of parameters of a document. */
export const MAX_PARAMETERS = 25;
/** The form of a parameter's or constant's name. */
export const DECLARED_NAME = /^[A-Za-z0-9_-]{3,128}$/;
/** Keys of a parameter and of a constant. */
export const PARAMETER_KEYS = ['type', 'default', 'description', 'allowedValues'] as const;
export const CONSTANT_KEYS = ['type', 'value', 'description'] as const;

interface Constant {
  readonly name: string;
  readonly value: string;
}

/** The declarations of a document. */
export interface Declarations {
  readonly parameters: readonly ComponentParameter[];
  readonly constants: readonly Constant[];
}

/** Parses `parameters` and `constants` of a document. */
export function readDeclarations(map: MapNode, faults: FaultCollector): Declarations {
  return new DeclarationReader(faults).declarations(map);
}

/** An optional text; `null` counts as absent, with a warning. */
export function optionalText(map: MapNode, key: string, path: string, faults: FaultCollector): string | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) return undefined;
  const at = childPath(path, key);
  if (isNull(entry.value)) {
    faults.add('null-value', entry.keyPosition, at, `'${key}' has no value; it is read as absent.`);
    return undefined;
  }
  const text = readText(entry.value, at, `'${key}'`, faults);
  if (entry.value.kind === 'scalar') warnPlaceholder(entry.value, at, faults);
  return text;
}

/** Warns about a `${…}` that nothing expands. */
export function warnPlaceholder(node: ScalarNode, path: string, faults: FaultCollector): void {
  const found = /\$\{!?[A-Za-z_][\w:.]*\}/.exec(node.text);
  if (found === null) return;
  const message = `'${shorten(found[0])}' is not expanded here; must another tool process the document first?`;
  faults.add('unexpanded-placeholder', node.locate(found[0], 0), path, message);
}

class DeclarationReader {
  readonly #faults: FaultCollector;

  constructor(faults: FaultCollector) {
    this.#faults = faults;
  }

  declarations(map: MapNode): Declarations {
    const names = new UniqueNames('The parameter or constant', this.#faults);
    const parameters = this.#list(map, 'parameters', (entry, path) => this.#parameter(entry, names, path));
    if (parameters.length > MAX_PARAMETERS) {
      const position = entryOf(map, 'parameters')?.keyPosition ?? map.position;
      const message = `The document has ${parameters.length} parameters; at most ${MAX_PARAMETERS} are allowed.`;
      this.#faults.add('out-of-range', position, 'parameters', message);
    }
    return { parameters, constants: this.#list(map, 'constants', (entry, path) => this.#constant(entry, names, path)) };
  }

  #list<T>(map: MapNode, key: string, read: (entry: MapEntry, path: string) => T | undefined): readonly T[] {
    const entry = entryOf(map, key);
    if (entry === undefined) return [];
    if (isNull(entry.value)) {
      this.#faults.add('null-value', entry.keyPosition, key, `'${key}' has no value; it is read as absent.`);
      return [];
    }
    const list = readList(entry.value, key, `'${key}'`, this.#faults);
    const found: T[] = [];
    for (const [index, item] of (list?.items ?? []).entries()) {
      const path = `${key}[${index}]`;
      const only = item.kind === 'map' && item.entries.length === 1 ? item.entries[0] : undefined;
      if (only === undefined) {
        const flat = item.kind === 'map' && entryOf(item, 'name') !== undefined;
        const hint = flat
          ? ' The name is a key of its own: "- MyName:" with type beneath it, indented by two more spaces.'
          : '';
        const message = `An item of '${key}' must be a map with one key, its name, not ${describeMap(item)}.${hint}`;
        this.#faults.add('wrong-type', item.position, path, message);
        continue;
      }
      const declared = read(only, `${path}.${only.key}`);
      if (declared !== undefined) found.push(declared);
    }
    return found;
  }

  #declared(
    entry: MapEntry,
    names: UniqueNames,
    what: string,
    known: readonly string[],
    path: string,
  ): MapNode | undefined {
    if (!DECLARED_NAME.test(entry.key)) {
      const message = `The name '${shorten(entry.key)}' must have 3 to 128 letters, digits, - and _.`;
      this.#faults.add('invalid-value', entry.keyPosition, path, message);
    }
    names.add(entry.key, entry.keyPosition, path);
    const map = readMap(entry.value, path, what, this.#faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, known, path, what, this.#faults);
    const type = requireEntry(map, 'type', path, what, this.#faults);
    if (type !== undefined) readChoice(type.value, `${path}.type`, "'type'", ['string'], this.#faults);
    return map;
  }

  #parameter(entry: MapEntry, names: UniqueNames, path: string): ComponentParameter | undefined {
    const what = `The parameter '${shorten(entry.key)}'`;
    const map = this.#declared(entry, names, what, PARAMETER_KEYS, path);
    if (map === undefined) return { name: entry.key, type: 'string' };
    const given = entryOf(map, 'default');
    const defaultValue = given === undefined ? undefined : this.#constantText(given, `${path}.default`, what);
    const description = optionalText(map, 'description', path, this.#faults);
    const allowed = entryOf(map, 'allowedValues');
    const list =
      allowed === undefined
        ? undefined
        : readList(allowed.value, `${path}.allowedValues`, "'allowedValues'", this.#faults);
    const allowedValues = list?.items.map(
      (item, index) => readText(item, `${path}.allowedValues[${index}]`, 'An allowed value', this.#faults) ?? '',
    );
    if (given !== undefined && defaultValue !== undefined) {
      this.#checkDefault(defaultValue, allowedValues, what, given.value.position, `${path}.default`);
    }
    return {
      name: entry.key,
      type: 'string',
      defaultValue,
      description,
      allowedValues,
    };
  }

  #checkDefault(
    value: string,
    allowed: readonly string[] | undefined,
    what: string,
    position: Position,
    path: string,
  ): void {
    if (value.length > MAX_PARAMETER_LENGTH) {
      const message =
        `The default of ${lowerFirst(what)} has ${value.length} characters; at most ${MAX_PARAMETER_LENGTH} are ` +
        'allowed.';
      this.#faults.add('out-of-range', position, path, message);
    }
    if (allowed === undefined || allowed.includes(value)) return;
    const message =
      `The default of ${lowerFirst(what)} is '${shorten(value)}', which is not among its allowedValues ` +
      `(${allowed.join(', ')}).`;
    this.#faults.add('invalid-value', position, path, message);
  }

  #constant(entry: MapEntry, names: UniqueNames, path: string): Constant | undefined {
    const what = `The constant '${shorten(entry.key)}'`;
    const map = this.#declared(entry, names, what, CONSTANT_KEYS, path);
    if (map === undefined) return { name: entry.key, value: '' };
    const given = requireEntry(map, 'value', path, what, this.#faults);
    return { name: entry.key, value: (given && this.#constantText(given, `${path}.value`, what)) ?? '' };
  }

  #constantText(entry: MapEntry, path: string, what: string): string | undefined {
    const text = readText(entry.value, path, `'${entry.key}' of ${lowerFirst(what)}`, this.#faults);
    if (entry.value.kind === 'scalar') warnPlaceholder(entry.value, path, this.#faults);
    return text;
  }
}

function describeMap(node: DocumentNode): string {
  return node.kind === 'map' ? `a map with ${node.entries.length} keys` : describeNode(node);
}
