/**
 * Checks the inputs of a step against the schema of its action module, before it runs and again once references are
 * resolved.
 */
import type { FaultCollector } from '../faults.ts';
import { didYouMean } from '../nearest.ts';
import { describeNode, entryOf, shorten } from '../nodes.ts';
import type { DocumentNode, MapNode, ScalarNode } from '../nodes.ts';
import type { Position } from '../position.ts';
import { asList, booleanOf, childPath, integerOf, lowerFirst, meantBy, readText } from '../reading.ts';
import { readCondition } from './conditions.ts';
import type { InputValue } from './document.ts';
import { FILE_MODULES, fileSourceProblem } from './file-sources.ts';
import type { ActionModule, InputSchema, Platform } from './modules.ts';
import { hasReference } from './references.ts';

/** Inputs ready for a module, or their faults. */
export interface CheckedInputs {
  readonly inputs: InputValue;
  /** Sentences, each naming the input. Empty if all inputs are valid. */
  readonly problems: readonly string[];
}

/** An octal mode as four digits; `undefined` if the text is not one. */
export function modeOf(text: string): string | undefined {
  const found = /^(?:0o)?([0-7]{1,5})$/.exec(text.trim());
  const digits = found?.[1]?.replace(/^0+(?=.)/, '') ?? '';
  return digits === '' || digits.length > 4 ? undefined : digits.padStart(4, '0');
}

/** Converts a scalar to its type. `problem` completes the sentence that begins with the input's name. */
function coerce(
  schema: InputSchema,
  text: string,
): { readonly value: InputValue } | { readonly problem: string; readonly mode?: true } {
  if (schema.type === 'boolean') {
    const value = booleanOf(text);
    return value === undefined ? { problem: `must be true or false, not '${shorten(text)}'.` } : { value };
  }
  if (schema.type === 'integer') {
    const value = integerOf(text);
    return value === undefined ? { problem: `must be an integer, not '${shorten(text)}'.` } : { value };
  }
  if (schema.type === 'mode') {
    const value = modeOf(text);
    return value === undefined
      ? { problem: `must be an octal mode such as "0644", not '${shorten(text)}'.`, mode: true }
      : { value };
  }
  if (schema.oneOf === undefined) return { value: text };
  const same = (choice: string): boolean =>
    schema.ignoreCase === true ? choice.toLowerCase() === text.toLowerCase() : choice === text;
  const value = schema.oneOf.find(same);
  if (value !== undefined) return { value };
  return {
    problem: `must be one of ${schema.oneOf.join(', ')}, not '${shorten(text)}'.${didYouMean(text, schema.oneOf)}`,
  };
}

/**
 * Converts the inputs of a step once its references are resolved. Values of references for a boolean, an integer, a
 * mode or an enumeration are parsed and checked here. Inputs without references are unchanged.
 */
export function checkResolvedInputs(module: ActionModule, inputs: InputValue): CheckedInputs {
  const problems: string[] = [];
  const one = (value: InputValue, place: string): InputValue => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        const schema = Object.hasOwn(module.inputs, key) ? module.inputs[key] : undefined;
        if (schema === undefined || typeof inner !== 'string') return [key, inner];
        const read = coerce(schema, inner);
        if ('value' in read) return [key, read.value];
        problems.push(`Input '${key}'${place} ${read.problem}`);
        return [key, inner];
      }),
    );
  };
  if (module.shape === 'condition') return { inputs, problems };
  if (!Array.isArray(inputs)) return { inputs: one(inputs, ''), problems };
  return { inputs: inputs.map((item: InputValue, index) => one(item, ` of item ${index}`)), problems };
}

/** Parses and checks the `inputs` of a step; `undefined` if they do not have the module's shape. */
export function readInputs(
  node: DocumentNode,
  module: ActionModule,
  path: string,
  platform: Platform | undefined,
  faults: FaultCollector,
): InputValue | undefined {
  if (module.shape === 'condition') return readCondition(node, path, faults);
  const reader = new InputReader(module, platform, faults);
  if (module.shape === 'map') {
    if (node.kind === 'map') return reader.map(node, path);
    if (node.kind === 'scalar' && node.value === null)
      return reader.map({ kind: 'map', position: node.position, entries: [] }, path);
    const hint = node.kind === 'list' ? ' Remove the dash before the first key.' : '';
    faults.add(
      'wrong-type',
      node.position,
      path,
      `The inputs of ${module.name} must be a map, not ${describeNode(node)}.${hint}`,
    );
    return undefined;
  }
  if (node.kind !== 'list') {
    const hint = node.kind === 'map' ? ' Put a dash before the first key.' : '';
    faults.add(
      'wrong-type',
      node.position,
      path,
      `The inputs of ${module.name} must be a list of maps, not ${describeNode(node)}.${hint}`,
    );
    return undefined;
  }
  if (node.items.length === 0)
    faults.add('missing-input', node.position, path, `The inputs of ${module.name} are an empty list.`);
  return node.items.map((item, index) => {
    if (item.kind === 'map') return reader.map(item, `${path}[${index}]`);
    faults.add(
      'wrong-type',
      item.position,
      `${path}[${index}]`,
      `An item of ${module.name} must be a map, not ${describeNode(item)}.`,
    );
    return null;
  });
}

class InputReader {
  readonly #module: ActionModule;
  readonly #platform: Platform | undefined;
  readonly #faults: FaultCollector;

  constructor(module: ActionModule, platform: Platform | undefined, faults: FaultCollector) {
    this.#module = module;
    this.#platform = platform;
    this.#faults = faults;
  }

  map(map: MapNode, path: string): InputValue {
    const values: [string, InputValue][] = [];
    const names = Object.keys(this.#module.inputs);
    for (const entry of map.entries) {
      const schema = names.includes(entry.key) ? this.#module.inputs[entry.key] : undefined;
      const at = childPath(path, entry.key);
      if (schema === undefined) {
        const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
        const hint = didYouMean(entry.key, names);
        const message =
          `${this.#module.name} has no input '${shorten(entry.key)}', so it has no effect; ` + `${known}.${hint}`;
        this.#faults.add('unknown-input', entry.keyPosition, at, message);
        continue;
      }
      if (schema.notOn !== undefined && schema.notOn === this.#platform) {
        this.#faults.add(
          'conflicting-inputs',
          entry.keyPosition,
          at,
          `Input '${entry.key}' does not exist on ${schema.notOn}.`,
        );
      }
      if (schema.needs !== undefined && entryOf(map, schema.needs) === undefined) {
        const message = `Input '${entry.key}' needs '${schema.needs}' beside it.`;
        this.#faults.add('conflicting-inputs', entry.keyPosition, at, message);
      }
      const value = this.#value(entry.key, entry.value, schema, at);
      if (value !== undefined) values.push([entry.key, value]);
    }
    this.#missing(map, path);
    this.#together(map, path);
    return Object.fromEntries(values);
  }

  #missing(map: MapNode, path: string): void {
    for (const [name, schema] of Object.entries(this.#module.inputs)) {
      if (schema.required !== true || entryOf(map, name) !== undefined) continue;
      const meant = meantBy(map, name, Object.keys(this.#module.inputs));
      this.#faults.add('missing-input', map.position, path, `${this.#module.name} needs the input '${name}'.${meant}`);
    }
    const choices = this.#module.exactlyOneOf;
    if (choices === undefined) return;
    const given = choices.filter((choice) => entryOf(map, choice) !== undefined);
    if (given.length === 1) return;
    const code = given.length === 0 ? 'missing-input' : 'conflicting-inputs';
    this.#faults.add(
      code,
      map.position,
      path,
      `${this.#module.name} needs exactly one of ${choices.join(', ')}, and has ${given.length}.`,
    );
  }

  /** A source that names a file beside the document is packed before the build. */
  #fileSource(map: MapNode, path: string): void {
    const node = entryOf(map, 'source')?.value;
    const source = scalarText(node);
    if (source?.startsWith('file:') !== true) return;
    const problem = hasReference(source)
      ? 'a file: source must be written out, without {{ }}: its file is packed before anything runs'
      : fileSourceProblem(this.#module.name, source);
    if (problem === undefined) return;
    this.#faults.add('invalid-value', node!.position, childPath(path, 'source'), `Input 'source': ${problem}.`);
  }

  #together(map: MapNode, path: string): void {
    if (FILE_MODULES.includes(this.#module.name)) this.#fileSource(map, path);
    if (this.#module.name !== 'S3Download') return;
    const source = scalarText(entryOf(map, 'source')?.value);
    const destination = scalarText(entryOf(map, 'destination')?.value);
    if (source === undefined || source.startsWith('s3://') || hasReference(source)) return;
    if (/^https?:\/\//i.test(source)) {
      this.#faults.add(
        'wrong-module',
        map.position,
        path,
        'S3Download reads s3://BUCKET/KEY; for an address that begins with http use WebDownload.',
      );
      return;
    }
    if (destination?.startsWith('s3://') !== true) return;
    this.#faults.add(
      'wrong-module',
      map.position,
      path,
      'S3Download downloads a file from S3; to upload one use S3Upload.',
    );
  }

  #value(name: string, node: DocumentNode, schema: InputSchema, path: string): InputValue | undefined {
    const what = `Input '${name}'`;
    if (node.kind === 'scalar' && node.value === null) {
      if (schema.required === true)
        this.#faults.add('missing-input', node.position, path, `${what} of ${this.#module.name} has no value.`);
      else this.#faults.add('null-value', node.position, path, `${what} has no value; it is read as absent.`);
      return undefined;
    }
    if (schema.type === 'texts') return this.#texts(node, what, schema.required === true, path);
    if (schema.type === 'textMap') return this.#textMap(node, what, path);
    if (schema.type === 'parameters') return this.#parameters(node, what, path);
    if (schema.type === 'scalarOrTexts') {
      if (node.kind === 'list') return this.#texts(node, what, false, path);
      return readText(node, path, what, this.#faults);
    }
    if (node.kind !== 'scalar') {
      this.#faults.add('wrong-type', node.position, path, `${what} must be a single value, not ${describeNode(node)}.`);
      return undefined;
    }
    return this.#scalar(node, schema, what, path);
  }

  #scalar(node: ScalarNode, schema: InputSchema, what: string, path: string): InputValue | undefined {
    if (hasReference(node.text)) return node.text;
    if (schema.required === true && node.text === '') {
      this.#faults.add('missing-input', node.position, path, `${what} of ${this.#module.name} is empty.`);
      return undefined;
    }
    const read = coerce(schema, node.text);
    if ('problem' in read) {
      const words = schema.oneOf === undefined ? 'wrong-type' : 'invalid-value';
      this.#faults.add(
        read.mode === true ? 'invalid-permissions' : words,
        node.position,
        path,
        `${what} ${read.problem}`,
      );
      return undefined;
    }
    if (typeof read.value === 'number' && read.value < 0) {
      this.#faults.add('out-of-range', node.position, path, `${what} must be 0 or more, not ${read.value}.`);
    }
    if (node.quoted && typeof read.value !== 'string') {
      this.#faults.add('quoted-scalar', node.position, path, `${what} is quoted; it is read as ${String(read.value)}.`);
    }
    return read.value;
  }

  #texts(node: DocumentNode, what: string, required: boolean, path: string): InputValue | undefined {
    if (node.kind !== 'list') {
      const message = `${what} must be a list, not ` + `${describeNode(node)}.${asList(node)}`;
      this.#faults.add('wrong-type', node.position, path, message);
      return undefined;
    }
    if (required && node.items.length === 0)
      this.#faults.add('missing-input', node.position, path, `${what} is an empty list.`);
    return node.items.map((item, index) => {
      const at = `${path}[${index}]`;
      if (item.kind === 'scalar' && item.value === null) {
        this.#faults.add(
          'null-value',
          item.position,
          at,
          `Item ${index} of ${lowerFirst(what)} has no value; it is read as an empty text.`,
        );
        return '';
      }
      if (item.kind === 'scalar') return item.text;
      const hint = asText(item);
      const message = `Item ${index} of ${lowerFirst(what)} must be a text, not ${describeNode(item)}.${hint}`;
      this.#faults.add('wrong-type', item.position, at, message);
      return '';
    });
  }

  #textMap(node: DocumentNode, what: string, path: string): InputValue | undefined {
    if (node.kind !== 'map') {
      this.#faults.add('wrong-type', node.position, path, `${what} must be a map, not ${describeNode(node)}.`);
      return undefined;
    }
    return Object.fromEntries(
      node.entries.map((entry) => {
        return [
          entry.key,
          readText(entry.value, childPath(path, entry.key), `${what}, key '${shorten(entry.key)}',`, this.#faults) ??
            '',
        ];
      }),
    );
  }

  #parameters(node: DocumentNode, what: string, path: string): InputValue | undefined {
    if (node.kind !== 'list') {
      this.#faults.add(
        'wrong-type',
        node.position,
        path,
        `${what} must be a list of maps with name and value, not ${describeNode(node)}.`,
      );
      return undefined;
    }
    return node.items.map((item, index) => {
      const at = `${path}[${index}]`;
      const name = item.kind === 'map' ? entryOf(item, 'name') : undefined;
      const value = item.kind === 'map' ? entryOf(item, 'value') : undefined;
      if (name === undefined || value === undefined) {
        this.#faults.add(
          'wrong-type',
          item.position,
          at,
          `Item ${index} of ${lowerFirst(what)} must be a map with name and value.`,
        );
        return null;
      }
      return {
        name: readText(name.value, `${at}.name`, 'The name', this.#faults) ?? '',
        value: readText(value.value, `${at}.value`, 'The value', this.#faults) ?? '',
      };
    });
  }
}

/** How YAML parsed an item that was meant as text. */
function asText(item: DocumentNode): string {
  if (item.kind === 'list') return ' YAML reads a text that starts with [ as a list: quote the whole text.';
  if (item.kind !== 'map') return '';
  if (item.flow === true) return ' YAML reads a text that starts with { as a map: quote the whole text.';
  return ' A text with a colon and a space in it must be quoted, or follow "|".';
}

function scalarText(node: DocumentNode | undefined): string | undefined {
  return node?.kind === 'scalar' ? node.text : undefined;
}

/**
 * The names of each map in a step's inputs, as chaining sees them; `undefined` if the inputs do not have that shape.
 */
export function givenInputs(node: DocumentNode | undefined): readonly (readonly string[])[] | undefined {
  if (node === undefined) return [[]];
  if (node.kind === 'map') return [node.entries.map((entry) => entry.key)];
  if (node.kind !== 'list') return undefined;
  return node.items.map((item) => (item.kind === 'map' ? item.entries.map((entry) => entry.key) : []));
}

/** Reports absent inputs at the position of the step. */
export function reportMissingInputs(
  module: ActionModule,
  position: Position,
  path: string,
  faults: FaultCollector,
  hint = '',
): void {
  const needed = Object.entries(module.inputs)
    .filter(([, schema]) => schema.required === true)
    .map(([name]) => name);
  const names = needed.length > 0 ? needed.join(', ') : (module.exactlyOneOf?.join(' or ') ?? 'a condition');
  faults.add('missing-input', position, path, `The step has no inputs; ${module.name} needs ${names}.${hint}`);
}
