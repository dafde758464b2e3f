/** Checks values of a workflow document against the schema of an input, with the references in them. */
import type { FaultCollector } from '../faults.ts';
import { didYouMean, nearestWord } from '../nearest.ts';
import { describeNode, shorten } from '../nodes.ts';
import type { DocumentNode, MapNode, ScalarNode } from '../nodes.ts';
import type { Position } from '../position.ts';
import { childPath, isNull, lowerFirst, readBoolean, readInteger } from '../reading.ts';
import { SYSTEM_VARIABLES } from './actions.ts';
import type { WorkflowAction, WorkflowInputSchema, WorkflowValueType } from './actions.ts';
import type { WorkflowValue } from './document.ts';
import { interpolatedPaths, isPath, looksLikeReference, readPath, REFERENCE_NODES } from './references.ts';
import type { WorkflowReference } from './references.ts';

/** The facts about a step that references need. */
interface KnownStep {
  readonly name: string;
  readonly action: WorkflowAction | undefined;
}

/** Parses values and reports their faults. */
export class ValueReader {
  readonly #faults: FaultCollector;
  /** Type of each parameter. */
  readonly parameters = new Map<string, WorkflowValueType>();
  /** Every step of the document, in order. */
  steps: readonly KnownStep[] = [];
  /** Steps before this index may be referenced. */
  reachable = 0;

  constructor(faults: FaultCollector) {
    this.#faults = faults;
  }

  /** Checks a map against its schema; `what` names its user in messages. */
  fields(
    map: MapNode,
    schema: Readonly<Record<string, WorkflowInputSchema>>,
    path: string,
    what: string,
  ): Record<string, WorkflowValue> {
    const values: [string, WorkflowValue][] = [];
    const given = new Set<string>();
    const known = Object.keys(schema);
    for (const entry of map.entries) {
      const dotted = entry.key.endsWith('.$');
      const name = dotted ? entry.key.slice(0, -2) : entry.key;
      const at = childPath(path, entry.key);
      if (given.has(name)) {
        this.#faults.add('conflicting-inputs', entry.keyPosition, at, `'${name}' is given both with and without '.$'.`);
        continue;
      }
      given.add(name);
      const field = known.includes(name) ? schema[name] : undefined;
      if (field === undefined) {
        const message =
          `${what} has no input '${shorten(name)}', so it has no effect; it has ` +
          `${known.join(', ')}.${didYouMean(name, known)}`;
        this.#faults.add('unknown-input', entry.keyPosition, at, message);
      } else if (isNull(entry.value)) {
        const code = field.required === true ? 'missing-input' : 'null-value';
        this.#faults.add(code, entry.value.position, at, `Input '${name}' has no value.`);
        continue;
      }
      values.push([entry.key, this.value(entry.value, dotted, field ?? { type: 'any' }, at, `Input '${name}'`)]);
    }
    for (const [name, field] of Object.entries(schema)) {
      if (field.required === true && !given.has(name))
        this.#faults.add('missing-input', map.position, path, `${what} needs the input '${name}'.`);
    }
    return Object.fromEntries(values);
  }

  /** Checks a value against its schema, with references. `dotted`: the key ended in `.$`, so that texts are paths. */
  value(node: DocumentNode, dotted: boolean, schema: WorkflowInputSchema, path: string, what: string): WorkflowValue {
    if (dotted) return this.#paths(node, schema, path, what);
    if (node.kind === 'scalar') return this.#scalar(node, schema, path, what);
    if (schema.type === 'any') return this.#plain(node, path);
    if (node.kind === 'list' && (schema.type === 'strings' || schema.type === 'objects')) {
      const item: WorkflowInputSchema =
        schema.type === 'strings' ? { type: 'string' } : { type: 'object', fields: schema.fields };
      return node.items.map((inner, index) =>
        this.value(inner, false, item, `${path}[${index}]`, `Item ${index} of ${lowerFirst(what)}`),
      );
    }
    if (node.kind === 'map' && schema.type === 'object') {
      if (schema.max !== undefined && node.entries.length > schema.max) {
        this.#faults.add(
          'out-of-range',
          node.position,
          path,
          `${what} has ${node.entries.length} members; at most ${schema.max} are allowed.`,
        );
      }
      return schema.fields === undefined ? this.#plain(node, path) : this.fields(node, schema.fields, path, what);
    }
    this.#faults.add(
      'wrong-type',
      node.position,
      path,
      `${what} must be ${TYPE_WORDS[schema.type]}, not ${describeNode(node)}.`,
    );
    return null;
  }

  #paths(node: DocumentNode, schema: WorkflowInputSchema, path: string, what: string): WorkflowValue {
    if (node.kind === 'list') {
      const item: WorkflowInputSchema = { type: schema.type === 'strings' ? 'string' : 'any' };
      return node.items.map((inner, index) => this.#paths(inner, item, `${path}[${index}]`, what));
    }
    if (node.kind === 'scalar' && isPath(node.text)) {
      this.#checkPath(node.text, node.position, path, schema.type, what);
      return node.text.trim();
    }
    const message = `${what} with '.$' must be a path such as $.stepOutputs.Step.output, not ${describeNode(node)}.`;
    this.#faults.add('invalid-value', node.position, path, message);
    return null;
  }

  #scalar(node: ScalarNode, schema: WorkflowInputSchema, path: string, what: string): WorkflowValue {
    if (readPath(node.text) !== undefined || looksLikeReference(node.text)) {
      this.#checkPath(node.text, node.position, path, schema.type, what);
      return node.text.trim();
    }
    const interpolated = this.#checkInterpolation(node, path);
    if (node.value === null) return null;
    switch (schema.type) {
      case 'any':
        return plainScalar(node);
      case 'boolean':
        return interpolated ? node.text : (readBoolean(node, path, what, this.#faults) ?? null);
      case 'integer':
        return interpolated ? node.text : (readInteger(node, path, what, this.#faults) ?? null);
      case 'string':
        return this.#checkText(node, schema, interpolated, path, what);
      default:
        this.#faults.add(
          'wrong-type',
          node.position,
          path,
          `${what} must be ${TYPE_WORDS[schema.type]}, not ${describeNode(node)}.`,
        );
        return null;
    }
  }

  #checkText(node: ScalarNode, schema: WorkflowInputSchema, interpolated: boolean, path: string, what: string): string {
    if (interpolated) return node.text;
    if (schema.oneOf !== undefined && !schema.oneOf.includes(node.text)) {
      const message =
        `${what} must be one of ${schema.oneOf.join(', ')}, not ` +
        `'${shorten(node.text)}'.${didYouMean(node.text, schema.oneOf)}`;
      this.#faults.add('invalid-value', node.position, path, message);
    }
    if (schema.max !== undefined && node.text.length > schema.max) {
      this.#faults.add(
        'out-of-range',
        node.position,
        path,
        `${what} has ${node.text.length} characters; at most ${schema.max} are allowed.`,
      );
    }
    return node.text;
  }

  /** A value without a schema; its references are checked too. */
  #plain(node: DocumentNode, path: string): WorkflowValue {
    if (node.kind === 'list') return node.items.map((item, index) => this.#plain(item, `${path}[${index}]`));
    if (node.kind === 'scalar') return this.#scalar(node, { type: 'any' }, path, 'The value');
    return Object.fromEntries(
      node.entries.map((entry) => {
        const at = childPath(path, entry.key);
        const value = entry.key.endsWith('.$')
          ? this.#paths(entry.value, { type: 'any' }, at, `'${shorten(entry.key)}'`)
          : this.#plain(entry.value, at);
        return [entry.key, value];
      }),
    );
  }

  /** Checks every path in a condition. */
  walk(node: DocumentNode, path: string): void {
    if (node.kind === 'list') for (const [index, item] of node.items.entries()) this.walk(item, `${path}[${index}]`);
    if (node.kind === 'map') for (const entry of node.entries) this.walk(entry.value, childPath(path, entry.key));
    if (node.kind === 'scalar') this.#scalar(node, { type: 'any' }, path, 'The value');
  }

  #checkInterpolation(node: ScalarNode, path: string): boolean {
    const paths = interpolatedPaths(node.text);
    const counts = new Map<string, number>();
    for (const text of paths) {
      const count = counts.get(text) ?? 0;
      counts.set(text, count + 1);
      this.#checkPath(text, node.locate(text, count), path, 'any', 'The reference');
    }
    return paths.length > 0;
  }

  #checkPath(text: string, position: Position, path: string, wanted: WorkflowValueType, what: string): void {
    const reference = readPath(text);
    if (reference === undefined) {
      const start = text.trim().split(/[.[]/)[1] ?? '';
      const hint =
        nearestWord(start, REFERENCE_NODES) === start
          ? ' Something has to follow.'
          : didYouMean(start, REFERENCE_NODES);
      const message =
        `'${shorten(text)}' is not a path to a value: paths start with ` +
        `${REFERENCE_NODES.map((node) => `$.${node}.`).join(', ')}.${hint}`;
      this.#faults.add('unknown-reference', position, path, message);
      return;
    }
    const found = this.#typeOf(reference, text, position, path);
    if (found === undefined || found === 'any' || wanted === 'any' || reference.rest.length > 0 || found === wanted)
      return;
    const message = `${what} must be ${TYPE_WORDS[wanted]}; '${shorten(text)}' is ${TYPE_WORDS[found]}.`;
    this.#faults.add('wrong-type', position, path, message);
  }

  /** The type of what a reference names; `undefined` with a fault if it names nothing. */
  #typeOf(reference: WorkflowReference, text: string, position: Position, path: string): WorkflowValueType | undefined {
    const said = `'${shorten(text)}'`;
    if (reference.node === 'workflowOutputs') return 'any';
    if (reference.node === 'parameters') {
      const type = this.parameters.get(reference.name);
      if (type !== undefined) return type;
      const message =
        `${said}: the document declares no parameter ` +
        `'${reference.name}'.${didYouMean(reference.name, this.parameters.keys())}`;
      this.#faults.add('undeclared-parameter', position, path, message);
      return undefined;
    }
    if (reference.node === 'imagebuilder') {
      const type = SYSTEM_VARIABLES.get(reference.name);
      if (type !== undefined) return type;
      const message =
        `${said}: unknown system variable ` +
        `'${reference.name}'.${didYouMean(reference.name, SYSTEM_VARIABLES.keys())}`;
      this.#faults.add('unknown-reference', position, path, message);
      return undefined;
    }
    const index = this.steps.findIndex((step) => step.name === reference.step);
    const step = this.steps[index];
    if (step === undefined) {
      const hint = didYouMean(
        reference.step ?? '',
        this.steps.map((candidate) => candidate.name),
      );
      this.#faults.add(
        'unknown-reference',
        position,
        path,
        `${said}: the document has no step '${reference.step ?? ''}'.${hint}`,
      );
      return undefined;
    }
    if (index >= this.reachable) {
      const message =
        index === this.reachable ? `${said} refers to its own step.` : `${said} refers to a step that runs later.`;
      this.#faults.add('forward-reference', position, path, message);
      return undefined;
    }
    if (step.action === undefined) return 'any';
    const outputs = step.action.outputs;
    if (Object.hasOwn(outputs, reference.name)) return outputs[reference.name];
    const names = Object.keys(outputs);
    const only = names.length === 0 ? 'has no outputs' : `has no output '${reference.name}', only ${names.join(', ')}`;
    this.#faults.add(
      'unknown-reference',
      position,
      path,
      `${said}: ${step.action.name} ${only}.${didYouMean(reference.name, names)}`,
    );
    return undefined;
  }
}

const TYPE_WORDS: Readonly<Record<WorkflowValueType, string>> = {
  string: 'a text',
  integer: 'an integer',
  boolean: 'true or false',
  strings: 'a list of texts',
  object: 'a map',
  objects: 'a list of maps',
  any: 'any value',
};

/**
 * A scalar without a schema: numbers whose text has more information (`1.0`, `0777`, a long account number) stay texts.
 */
function plainScalar(node: ScalarNode): string | number | boolean | null {
  if (node.quoted || typeof node.value !== 'number') return node.value;
  return String(node.value) === node.text ? node.value : node.text;
}
