/** Reads and checks a component document. Source: reference, `awstoe.md` sections 1, 3 to 6, 10 and 12. */
import { FaultCollector } from '../faults.ts';
import { didYouMean, nearestWord } from '../nearest.ts';
import { describeNode, entryOf, readNodes, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode, ScalarNode } from '../nodes.ts';
import type { Fault, Position } from '../position.ts';
import {
  childPath, lowerFirst, readChoice, readInteger, readList, readMap, readSchemaVersion, readText, requireEntry, UniqueNames, warnUnknownKeys,
} from '../reading.ts';
import { readCondition } from './conditions.ts';
import type { ComponentDocument, ComponentParameter, InputValue, Phase, Step } from './document.ts';
import { givenInputs, readInputs, reportMissingInputs } from './inputs.ts';
import { ACTION_MODULES, inputsAreOptional } from './modules.ts';
import type { ActionModule, Platform } from './modules.ts';
import { checkReferences, findReferences, hasReference } from './references.ts';
import type { ReferenceScope, ReferenceTarget } from './references.ts';

/** A document that can run, or what is wrong with it. */
export interface ParsedComponent {
  /** There when no fault is an error. */
  readonly document?: ComponentDocument;
  /** Errors and warnings, in the order of the text. */
  readonly faults: readonly Fault[];
}

/** What is known beside the text. */
export interface ComponentParseOptions {
  /** Platform of the component: modules of other platforms are refused. Unknown allows all. */
  readonly platform?: Platform;
}

/** Longest value of a parameter, in characters. */
export const MAX_PARAMETER_LENGTH = 1024;
const MAX_PARAMETERS = 25;
const DEFAULT_TIMEOUT_SECONDS = 7200;
const DOCUMENT_KEYS = ['name', 'description', 'schemaVersion', 'parameters', 'constants', 'phases'];
const STEP_KEYS = ['name', 'action', 'timeoutSeconds', 'onFailure', 'maxAttempts', 'inputs', 'loop', 'if'];
const RUNNABLE_PHASES = ['build', 'validate', 'test'];

/** Reads a component document and reports all of its faults in one go. Never throws. */
export function parseComponentDocument(text: string, options: ComponentParseOptions = {}): ParsedComponent {
  const faults = new FaultCollector();
  const root = readNodes(text, faults);
  const document = root === undefined ? undefined : new ComponentReader(options.platform, faults).document(root);
  const sorted = faults.sorted();
  return document === undefined || faults.hasErrors() ? { faults: sorted } : { document, faults: sorted };
}

/** A step whose own keys were read; its references are checked when all steps are known. */
interface StepNode {
  readonly node: MapNode;
  readonly target: ReferenceTarget;
  readonly path: string;
}

class ComponentReader {
  readonly #faults: FaultCollector;
  readonly #platform: Platform | undefined;
  readonly #steps: StepNode[] = [];

  constructor(platform: Platform | undefined, faults: FaultCollector) {
    this.#platform = platform;
    this.#faults = faults;
  }

  document(root: DocumentNode): ComponentDocument | undefined {
    const faults = this.#faults;
    const map = readMap(root, '', 'A component document', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, DOCUMENT_KEYS, '', 'A component document', faults);
    const name = this.#optionalText(map, 'name', '');
    const description = this.#optionalText(map, 'description', '');
    readSchemaVersion(map, 'A component document', faults);
    const names = new UniqueNames('The parameter or constant', faults);
    const parameters = this.#declarations(map, 'parameters', (entry, path) => this.#parameter(entry, names, path));
    if (parameters.length > MAX_PARAMETERS) {
      const position = entryOf(map, 'parameters')?.keyPosition ?? map.position;
      faults.add('out-of-range', position, 'parameters', `The document has ${parameters.length} parameters; at most ${MAX_PARAMETERS} are allowed.`);
    }
    const constants = this.#declarations(map, 'constants', (entry, path) => this.#constant(entry, names, path));
    const phases = this.#phases(map);
    this.#checkReferences(new Set([...parameters, ...constants].map((declared) => declared.name)), map);
    return {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      schemaVersion: '1.0',
      parameters,
      constants,
      phases,
    };
  }

  #optionalText(map: MapNode, key: string, path: string): string | undefined {
    const entry = entryOf(map, key);
    if (entry === undefined) return undefined;
    const at = childPath(path, key);
    if (this.#isNull(entry.value)) {
      this.#faults.add('null-value', entry.keyPosition, at, `'${key}' has no value; it is read as absent.`);
      return undefined;
    }
    const text = readText(entry.value, at, `'${key}'`, this.#faults);
    if (entry.value.kind === 'scalar') this.#warnPlaceholder(entry.value, at);
    return text;
  }

  #isNull(node: DocumentNode): boolean {
    return node.kind === 'scalar' && node.value === null;
  }

  #warnPlaceholder(node: ScalarNode, path: string): void {
    const found = /\$\{!?[A-Za-z_][\w:.]*\}/.exec(node.text);
    if (found === null) return;
    const message = `'${shorten(found[0])}' is expanded by nothing here; was the document meant for another tool first?`;
    this.#faults.add('unexpanded-placeholder', node.locate(found[0], 0), path, message);
  }

  // ---- parameters and constants

  #declarations<T>(map: MapNode, key: string, read: (entry: MapEntry, path: string) => T | undefined): readonly T[] {
    const entry = entryOf(map, key);
    if (entry === undefined) return [];
    if (this.#isNull(entry.value)) {
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
        const hint = flat ? ' The name is a key of its own: "- MyName:" with type beneath it, two places further in.' : '';
        const message = `An item of '${key}' has to be a map with one key, its name, and is ${describeMap(item)}.${hint}`;
        this.#faults.add('wrong-type', item.position, path, message);
        continue;
      }
      const declared = read(only, `${path}.${only.key}`);
      if (declared !== undefined) found.push(declared);
    }
    return found;
  }

  #declared(entry: MapEntry, names: UniqueNames, what: string, known: readonly string[], path: string): MapNode | undefined {
    if (!/^[A-Za-z0-9_-]{3,128}$/.test(entry.key)) {
      const message = `The name '${shorten(entry.key)}' has to have 3 to 128 letters, digits, - and _.`;
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
    const map = this.#declared(entry, names, what, ['type', 'default', 'description', 'allowedValues'], path);
    if (map === undefined) return { name: entry.key, type: 'string' };
    const given = entryOf(map, 'default');
    const defaultValue = given === undefined ? undefined : this.#constantText(given, `${path}.default`, what);
    const description = this.#optionalText(map, 'description', path);
    const allowed = entryOf(map, 'allowedValues');
    const list = allowed === undefined ? undefined : readList(allowed.value, `${path}.allowedValues`, "'allowedValues'", this.#faults);
    const allowedValues = list?.items.map((item, index) => readText(item, `${path}.allowedValues[${index}]`, 'An allowed value', this.#faults) ?? '');
    if (given !== undefined && defaultValue !== undefined) {
      this.#checkDefault(defaultValue, allowedValues, what, given.value.position, `${path}.default`);
    }
    return {
      name: entry.key,
      type: 'string',
      ...(defaultValue === undefined ? {} : { defaultValue }),
      ...(description === undefined ? {} : { description }),
      ...(allowedValues === undefined ? {} : { allowedValues }),
    };
  }

  #checkDefault(value: string, allowed: readonly string[] | undefined, what: string, position: Position, path: string): void {
    if (value.length > MAX_PARAMETER_LENGTH) {
      const message = `The default of ${lowerFirst(what)} has ${value.length} characters; at most ${MAX_PARAMETER_LENGTH} are allowed.`;
      this.#faults.add('out-of-range', position, path, message);
    }
    if (allowed === undefined || allowed.includes(value)) return;
    const message = `The default of ${lowerFirst(what)} is '${shorten(value)}', which is not among its allowedValues (${allowed.join(', ')}).`;
    this.#faults.add('invalid-value', position, path, message);
  }

  #constant(entry: MapEntry, names: UniqueNames, path: string): { readonly name: string; readonly value: string } | undefined {
    const what = `The constant '${shorten(entry.key)}'`;
    const map = this.#declared(entry, names, what, ['type', 'value', 'description'], path);
    if (map === undefined) return { name: entry.key, value: '' };
    const given = requireEntry(map, 'value', path, what, this.#faults);
    return { name: entry.key, value: (given && this.#constantText(given, `${path}.value`, what)) ?? '' };
  }

  #constantText(entry: MapEntry, path: string, what: string): string | undefined {
    const text = readText(entry.value, path, `'${entry.key}' of ${lowerFirst(what)}`, this.#faults);
    if (entry.value.kind === 'scalar') this.#warnPlaceholder(entry.value, path);
    return text;
  }

  // ---- phases and steps

  #phases(map: MapNode): readonly Phase[] {
    const faults = this.#faults;
    const entry = requireEntry(map, 'phases', '', 'A component document', faults);
    if (entry === undefined) return [];
    if (this.#isNull(entry.value) || (entry.value.kind === 'list' && entry.value.items.length === 0)) {
      faults.add('no-phases', entry.keyPosition, 'phases', 'Document has 0 phases. Phases list must not be empty.');
      return [];
    }
    const list = readList(entry.value, 'phases', "'phases'", faults);
    if (list === undefined) return [];
    const names = new UniqueNames('The phase', faults);
    const phases = list.items.map((item, index) => this.#phase(item, names, `phases[${index}]`)).filter((phase) => phase !== undefined);
    if (phases.length === list.items.length && !phases.some((phase) => RUNNABLE_PHASES.includes(phase.name))) {
      const near = phases.map((phase) => nearestWord(phase.name, RUNNABLE_PHASES)).find((word) => word !== undefined);
      const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
      faults.add('no-runnable-phase', entry.keyPosition, 'phases', `At least one phase has to be named build, validate or test.${hint}`);
    }
    return phases;
  }

  #phase(node: DocumentNode, names: UniqueNames, path: string): Phase | undefined {
    const faults = this.#faults;
    const map = readMap(node, path, 'A phase', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, ['name', 'steps'], path, 'A phase', faults);
    const name = this.#name(map, names, path, 'A phase');
    const entry = requireEntry(map, 'steps', path, name === undefined ? 'The phase' : `The phase '${shorten(name)}'`, faults);
    if (entry === undefined) return name === undefined ? undefined : { name, steps: [] };
    const at = `${path}.steps`;
    const empty = this.#isNull(entry.value) || (entry.value.kind === 'list' && entry.value.items.length === 0);
    if (empty) faults.add('empty-steps', entry.keyPosition, at, `The phase${name === undefined ? '' : ` '${shorten(name)}'`} has no steps.`);
    const list = empty ? undefined : readList(entry.value, at, "'steps'", faults);
    const stepNames = new UniqueNames('The step', faults);
    const steps = (list?.items ?? []).map((item, index) => this.#step(item, name ?? '', stepNames, `${at}[${index}]`));
    return name === undefined ? undefined : { name, steps: steps.filter((step) => step !== undefined) };
  }

  #name(map: MapNode, names: UniqueNames, path: string, what: string): string | undefined {
    const entry = requireEntry(map, 'name', path, what, this.#faults);
    if (entry === undefined) return undefined;
    const at = `${path}.name`;
    const name = readText(entry.value, at, "'name'", this.#faults);
    if (name === undefined) return undefined;
    if (name.trim() === '') {
      this.#faults.add('invalid-value', entry.value.position, at, `${what} needs a name that is not empty.`);
      return undefined;
    }
    names.add(name, entry.value.position, at);
    return name;
  }

  #step(node: DocumentNode, phase: string, names: UniqueNames, path: string): Step | undefined {
    const faults = this.#faults;
    const map = readMap(node, path, 'A step', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, STEP_KEYS, path, 'A step', faults);
    const name = this.#name(map, names, path, 'A step');
    const action = this.#action(map, path);
    const module = action === undefined ? undefined : ACTION_MODULES.get(action);
    this.#steps.push({
      node: map,
      target: { phase, step: name ?? '', order: this.#steps.length, module, inputs: givenInputs(entryOf(map, 'inputs')?.value) },
      path,
    });
    const validTimeout = (value: number): boolean => value > 0 || value === -1;
    const timeoutSeconds = this.#integer(map, 'timeoutSeconds', path, DEFAULT_TIMEOUT_SECONDS, validTimeout, 'more than 0, or -1 for no limit');
    const maxAttempts = this.#integer(map, 'maxAttempts', path, 1, (value) => value >= 1, '1 or more');
    const onFailure = entryOf(map, 'onFailure');
    const choice = onFailure && readChoice(onFailure.value, `${path}.onFailure`, "'onFailure'", ['Abort', 'Continue', 'Ignore'], faults);
    this.#notYet(map, path);
    if (module?.name === 'ExecuteDocument') this.#checkNested(map, timeoutSeconds, maxAttempts, path);
    const inputs = module === undefined ? {} : this.#inputs(map, module, path);
    if (name === undefined || action === undefined || inputs === undefined) return undefined;
    return { name, action, timeoutSeconds, onFailure: choice ?? 'Abort', maxAttempts, inputs, position: map.position };
  }

  #action(map: MapNode, path: string): string | undefined {
    const entry = requireEntry(map, 'action', path, 'A step', this.#faults);
    if (entry === undefined) return undefined;
    const at = `${path}.action`;
    const position = entry.value.position;
    const action = readText(entry.value, at, "'action'", this.#faults);
    if (action === undefined) return undefined;
    const module = ACTION_MODULES.get(action);
    if (module === undefined) {
      const message = `There is no action module '${shorten(action)}'.${didYouMean(action, ACTION_MODULES.keys())}`;
      this.#faults.add('unknown-action', position, at, message);
    } else if (this.#platform !== undefined && !module.platforms.includes(this.#platform)) {
      const message = `${action} does not exist on ${this.#platform}, only on ${module.platforms.join(' and ')}.`;
      this.#faults.add('module-not-allowed-on-platform', position, at, message);
    } else if (!module.supported) {
      this.#faults.add('not-yet-supported', position, at, `The action module ${action} is not supported yet.`);
    }
    return action;
  }

  #integer(map: MapNode, key: string, path: string, fallback: number, valid: (value: number) => boolean, expected: string): number {
    const entry = entryOf(map, key);
    if (entry === undefined) return fallback;
    const at = `${path}.${key}`;
    if (this.#isNull(entry.value)) {
      this.#faults.add('null-value', entry.keyPosition, at, `'${key}' has no value; it is read as absent.`);
      return fallback;
    }
    if (entry.value.kind === 'scalar' && hasReference(entry.value.text)) {
      this.#faults.add('reference-not-allowed', entry.value.position, at, `'${key}' takes no reference; they are resolved in inputs only.`);
      return fallback;
    }
    const value = readInteger(entry.value, at, `'${key}'`, this.#faults);
    if (value === undefined || valid(value)) return value ?? fallback;
    this.#faults.add('out-of-range', entry.value.position, at, `'${key}' has to be ${expected}, and is ${value}.`);
    return fallback;
  }

  /** Loops and conditions belong to the language, but steps do not run them yet. */
  #notYet(map: MapNode, path: string): void {
    for (const key of ['loop', 'if']) {
      const entry = entryOf(map, key);
      if (entry === undefined) continue;
      this.#faults.add('not-yet-supported', entry.keyPosition, `${path}.${key}`, `'${key}' in a step is not supported yet.`);
      if (key === 'if') readCondition(entry.value, `${path}.if`, 'if', this.#faults);
    }
  }

  #checkNested(map: MapNode, timeoutSeconds: number, maxAttempts: number, path: string): void {
    const wrong = [
      { key: 'timeoutSeconds', fixed: -1, value: timeoutSeconds },
      { key: 'maxAttempts', fixed: 1, value: maxAttempts },
    ];
    for (const { key, fixed, value } of wrong) {
      const entry = entryOf(map, key);
      if (entry === undefined || value === fixed) continue;
      const message = `ExecuteDocument always has ${key} ${fixed}; set in the steps of the document that it runs.`;
      this.#faults.add('conflicting-inputs', entry.value.position, `${path}.${key}`, message);
    }
  }

  #inputs(map: MapNode, module: ActionModule, path: string): InputValue | undefined {
    const entry = entryOf(map, 'inputs');
    const at = `${path}.inputs`;
    if (entry === undefined || this.#isNull(entry.value)) {
      if (!inputsAreOptional(module)) {
        reportMissingInputs(module, entry?.keyPosition ?? map.position, entry === undefined ? path : at, this.#faults);
        return undefined;
      }
      if (entry !== undefined) this.#faults.add('null-value', entry.keyPosition, at, "'inputs' has no value; it is read as absent.");
      return {};
    }
    return readInputs(entry.value, module, at, this.#platform, this.#faults);
  }

  // ---- references

  #checkReferences(names: ReadonlySet<string>, root: MapNode): void {
    const scope: ReferenceScope = { names, targets: this.#steps.map((step) => step.target) };
    for (const { node, target, path } of this.#steps) {
      for (const key of ['inputs', 'if', 'loop']) {
        const entry = entryOf(node, key);
        if (entry === undefined) continue;
        const shell = SHELL_INPUTS.get(target.module?.name ?? '') ?? [];
        this.#walk(entry.value, `${path}.${key}`, (scalar, at) => {
          checkReferences(scalar, at, scope, target, this.#faults);
          if (key === 'inputs' && !shell.some((name) => at.includes(`.${name}`))) this.#warnPlaceholder(scalar, at);
        });
      }
    }
    for (const key of ['name', 'description', 'parameters', 'constants']) {
      const entry = entryOf(root, key);
      if (entry !== undefined) this.#walk(entry.value, key, (scalar, at) => this.#refuseReferences(scalar, at, scope));
    }
  }

  #walk(node: DocumentNode, path: string, visit: (scalar: ScalarNode, path: string) => void): void {
    if (node.kind === 'scalar') visit(node, path);
    if (node.kind === 'list') for (const [index, item] of node.items.entries()) this.#walk(item, `${path}[${index}]`, visit);
    if (node.kind === 'map') for (const entry of node.entries) this.#walk(entry.value, childPath(path, entry.key), visit);
  }

  #refuseReferences(node: ScalarNode, path: string, scope: ReferenceScope): void {
    if (path.endsWith('description')) return;
    for (const reference of findReferences(node.text)) {
      const known = reference.kind === 'chain' || (reference.kind === 'name' && scope.names.has(reference.name));
      if (!known) continue;
      const message = `'${shorten(reference.text)}' is not resolved here: references work in the inputs of steps.`;
      this.#faults.add('reference-not-allowed', node.locate(reference.text, 0), path, message);
    }
  }
}

/** Inputs that hold program text, where `${…}` means something. */
const SHELL_INPUTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['ExecuteBash', ['commands']],
  ['ExecutePowerShell', ['commands']],
  ['ExecuteBinary', ['arguments']],
  ['CreateFile', ['content']],
  ['AppendFile', ['content']],
  ['Assert', ['patternMatches']],
]);

function describeMap(node: DocumentNode): string {
  return node.kind === 'map' ? `a map with ${node.entries.length} keys` : describeNode(node);
}
