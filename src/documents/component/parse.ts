/** Parses and validates a component document. Source: reference, `awstoe.md` sections 1, 3 to 6, 10 and 12. */
import { FaultCollector } from '../faults.ts';
import { didYouMean, nearestWord } from '../nearest.ts';
import { entryOf, readNodes, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode, ScalarNode } from '../nodes.ts';
import type { Fault } from '../position.ts';
import {
  checkElementName,
  isNull,
  meantBy,
  readChoice,
  readInteger,
  readList,
  readMap,
  readSchemaVersion,
  readText,
  requireEntry,
  UniqueNames,
  walkScalars,
  warnUnknownKeys,
} from '../reading.ts';
import { readStepCondition } from './conditions.ts';
import { optionalText, readDeclarations, warnPlaceholder } from './declarations.ts';
import type { ComponentDocument, InputValue, Phase, Step } from './document.ts';
import { reportHabits } from './habits.ts';
import { givenInputs, readInputs, reportMissingInputs } from './inputs.ts';
import { readLoop } from './loops.ts';
import type { LoopScope } from './loops.ts';
import { ACTION_MODULES, inputsAreOptional } from './modules.ts';
import type { ActionModule, Platform } from './modules.ts';
import { checkReferences, findReferences, hasReference } from './references.ts';
import type { ReferenceScope, ReferenceTarget } from './references.ts';

/** A document that can run, or its faults. */
export interface ParsedComponent {
  /** Present if no fault is an error. */
  readonly document?: ComponentDocument;
  /** Errors and warnings, in the order of the text. */
  readonly faults: readonly Fault[];
}

/** Facts that are not in the text. */
export interface ComponentParseOptions {
  /** Platform of the component: modules of other platforms are rejected. If unknown, all are accepted. */
  readonly platform?: Platform;
}

const DEFAULT_TIMEOUT_SECONDS = 7200;
/** Keys of a document and of a step. */
export const COMPONENT_KEYS = ['name', 'description', 'schemaVersion', 'parameters', 'constants', 'phases'] as const;
export const STEP_KEYS = [
  'name',
  'action',
  'timeoutSeconds',
  'onFailure',
  'maxAttempts',
  'inputs',
  'loop',
  'if',
] as const;
/** A document must have at least one of these phases. */
export const RUNNABLE_PHASES: readonly string[] = ['build', 'validate', 'test'];
export const ON_FAILURE = ['Abort', 'Continue', 'Ignore'] as const;

/** Parses a component document and reports all of its faults at once. Never throws. */
export function parseComponentDocument(text: string, options: ComponentParseOptions = {}): ParsedComponent {
  const faults = new FaultCollector();
  const root = readNodes(text, faults);
  const document = root === undefined ? undefined : new ComponentReader(options.platform, faults).document(root);
  const sorted = faults.sorted();
  return document === undefined || faults.hasErrors() ? { faults: sorted } : { document, faults: sorted };
}

/** A step whose own keys were parsed; its references are checked when all steps are known. */
interface StepNode {
  readonly node: MapNode;
  readonly target: ReferenceTarget;
  readonly path: string;
}

class ComponentReader {
  readonly #faults: FaultCollector;
  readonly #platform: Platform | undefined;
  readonly #steps: StepNode[] = [];
  readonly #constants = new Map<string, string>();

  constructor(platform: Platform | undefined, faults: FaultCollector) {
    this.#platform = platform;
    this.#faults = faults;
  }

  document(root: DocumentNode): ComponentDocument | undefined {
    const faults = this.#faults;
    const map = readMap(root, '', 'A component document', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, COMPONENT_KEYS, '', 'A component document', faults);
    const name = optionalText(map, 'name', '', faults);
    const description = optionalText(map, 'description', '', faults);
    readSchemaVersion(map, 'A component document', faults);
    const { parameters, constants } = readDeclarations(map, faults);
    for (const { name: constant, value } of constants) this.#constants.set(constant, value);
    const phases = this.#phases(map);
    this.#checkReferences(new Set([...parameters, ...constants].map((declared) => declared.name)), map);
    reportHabits(
      map,
      this.#steps.map(({ node, path, target }) => ({ node, path, action: target.module?.name })),
      faults,
    );
    return {
      name,
      description,
      schemaVersion: '1.0',
      parameters,
      constants,
      phases,
    };
  }

  // ---- phases and steps

  #phases(map: MapNode): readonly Phase[] {
    const faults = this.#faults;
    const entry = requireEntry(map, 'phases', '', 'A component document', faults);
    if (entry === undefined) return [];
    if (isNull(entry.value) || (entry.value.kind === 'list' && entry.value.items.length === 0)) {
      faults.add('no-phases', entry.keyPosition, 'phases', 'Document has 0 phases. Phases list must not be empty.');
      return [];
    }
    const list = readList(entry.value, 'phases', "'phases'", faults);
    if (list === undefined) return [];
    const names = new UniqueNames('The phase', faults);
    const phases = list.items
      .map((item, index) => this.#phase(item, names, `phases[${index}]`))
      .filter((phase) => phase !== undefined);
    if (phases.length === list.items.length && !phases.some((phase) => RUNNABLE_PHASES.includes(phase.name))) {
      const near = phases.map((phase) => nearestWord(phase.name, RUNNABLE_PHASES)).find((word) => word !== undefined);
      const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
      faults.add(
        'no-runnable-phase',
        entry.keyPosition,
        'phases',
        `At least one phase must be named build, validate or test.${hint}`,
      );
    }
    return phases;
  }

  #phase(node: DocumentNode, names: UniqueNames, path: string): Phase | undefined {
    const faults = this.#faults;
    const map = readMap(node, path, 'A phase', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, ['name', 'steps'], path, 'A phase', faults);
    const name = this.#name(map, names, path, 'A phase');
    const entry = requireEntry(
      map,
      'steps',
      path,
      name === undefined ? 'The phase' : `The phase '${shorten(name)}'`,
      faults,
    );
    if (entry === undefined) return name === undefined ? undefined : { name, steps: [] };
    const at = `${path}.steps`;
    const empty = isNull(entry.value) || (entry.value.kind === 'list' && entry.value.items.length === 0);
    if (empty)
      faults.add(
        'empty-steps',
        entry.keyPosition,
        at,
        `The phase${name === undefined ? '' : ` '${shorten(name)}'`} has no steps.`,
      );
    const list = empty ? undefined : readList(entry.value, at, "'steps'", faults);
    const stepNames = new UniqueNames('The step', faults);
    const loops = { names: new UniqueNames('The loop', faults), constants: this.#constants };
    const steps = (list?.items ?? []).map((item, index) =>
      this.#step(item, name ?? '', stepNames, loops, `${at}[${index}]`),
    );
    return name === undefined ? undefined : { name, steps: steps.filter((step) => step !== undefined) };
  }

  #name(map: MapNode, names: UniqueNames, path: string, what: string): string | undefined {
    const entry = requireEntry(map, 'name', path, what, this.#faults);
    if (entry === undefined) return undefined;
    const at = `${path}.name`;
    const name = readText(entry.value, at, "'name'", this.#faults);
    if (name === undefined) return undefined;
    if (entry.value.kind === 'scalar') warnPlaceholder(entry.value, at, this.#faults);
    if (name.trim() === '') {
      this.#faults.add('invalid-value', entry.value.position, at, `${what} needs a name that is not empty.`);
      return undefined;
    }
    names.add(name, entry.value.position, at);
    return name;
  }

  #step(node: DocumentNode, phase: string, names: UniqueNames, loops: LoopScope, path: string): Step | undefined {
    const faults = this.#faults;
    const map = readMap(node, path, 'A step', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, STEP_KEYS, path, 'A step', faults);
    const name = this.#name(map, names, path, 'A step');
    const nameEntry = entryOf(map, 'name');
    if (name !== undefined && nameEntry !== undefined)
      checkElementName(name, 'step', `in phase '${phase}'`, nameEntry.value.position, `${path}.name`, faults);
    const action = this.#action(map, path);
    const module = action === undefined ? undefined : ACTION_MODULES.get(action);
    this.#steps.push({
      node: map,
      target: {
        phase,
        step: name ?? '',
        order: this.#steps.length,
        module,
        inputs: givenInputs(entryOf(map, 'inputs')?.value),
      },
      path,
    });
    const validTimeout = (value: number): boolean => value > 0 || value === -1;
    const timeoutSeconds = this.#integer(
      map,
      'timeoutSeconds',
      path,
      DEFAULT_TIMEOUT_SECONDS,
      validTimeout,
      'more than 0, or -1 for no limit',
    );
    const maxAttempts = this.#integer(map, 'maxAttempts', path, 1, (value) => value >= 1, '1 or more');
    const onFailure = entryOf(map, 'onFailure');
    const choice = onFailure && readChoice(onFailure.value, `${path}.onFailure`, "'onFailure'", ON_FAILURE, faults);
    const condition = this.#given(map, 'if', path);
    const decides = condition && readStepCondition(condition.value, `${path}.if`, faults);
    const loop = this.#given(map, 'loop', path);
    const turns = loop && readLoop(loop.value, `${path}.loop`, loops, faults);
    if (module?.name === 'ExecuteDocument') this.#checkNested(map, timeoutSeconds, maxAttempts, path);
    const inputs = module === undefined ? {} : this.#inputs(map, module, path);
    if (name === undefined || action === undefined || inputs === undefined) return undefined;
    return {
      name,
      action,
      timeoutSeconds,
      onFailure: choice ?? 'Abort',
      maxAttempts,
      inputs,
      position: map.position,
      if: decides,
      loop: turns,
    };
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
      if (entry.value.kind === 'scalar') warnPlaceholder(entry.value, at, this.#faults);
      const message = `Unknown action module '${shorten(action)}'.${didYouMean(action, ACTION_MODULES.keys())}`;
      this.#faults.add('unknown-action', position, at, message);
    } else if (this.#platform !== undefined && !module.platforms.includes(this.#platform)) {
      const message = `${action} does not exist on ${this.#platform}, only on ${module.platforms.join(' and ')}.`;
      this.#faults.add('module-not-allowed-on-platform', position, at, message);
    }
    return action;
  }

  /** An optional entry; without a value it counts as absent, with a warning. */
  #given(map: MapNode, key: string, path: string): MapEntry | undefined {
    const entry = entryOf(map, key);
    if (entry === undefined || !isNull(entry.value)) return entry;
    this.#faults.add('null-value', entry.keyPosition, `${path}.${key}`, `'${key}' has no value; it is read as absent.`);
    return undefined;
  }

  #integer(
    map: MapNode,
    key: string,
    path: string,
    fallback: number,
    valid: (value: number) => boolean,
    expected: string,
  ): number {
    const entry = this.#given(map, key, path);
    if (entry === undefined) return fallback;
    const at = `${path}.${key}`;
    if (entry.value.kind === 'scalar' && hasReference(entry.value.text)) {
      this.#faults.add(
        'reference-not-allowed',
        entry.value.position,
        at,
        `'${key}' takes no reference; they are resolved in inputs only.`,
      );
      return fallback;
    }
    const value = readInteger(entry.value, at, `'${key}'`, this.#faults);
    if (value === undefined || valid(value)) return value ?? fallback;
    this.#faults.add('out-of-range', entry.value.position, at, `'${key}' must be ${expected}, not ${value}.`);
    return fallback;
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
    if (entry === undefined || isNull(entry.value)) {
      if (!inputsAreOptional(module)) {
        const hint = entry === undefined ? meantBy(map, 'inputs', STEP_KEYS) : '';
        const position = entry?.keyPosition ?? map.position;
        reportMissingInputs(module, position, entry === undefined ? path : at, this.#faults, hint);
        return undefined;
      }
      if (entry !== undefined)
        this.#faults.add('null-value', entry.keyPosition, at, "'inputs' has no value; it is read as absent.");
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
        const site = { ...target, loops: key === 'inputs' ? loopNames(node) : [] };
        const shell = SHELL_INPUTS.get(target.module?.name ?? '') ?? [];
        walkScalars(entry.value, `${path}.${key}`, (scalar, at) => {
          checkReferences(scalar, at, scope, site, this.#faults);
          if (key === 'inputs' && !shell.some((name) => at.includes(`.${name}`)))
            warnPlaceholder(scalar, at, this.#faults);
        });
      }
    }
    for (const key of ['name', 'description', 'parameters', 'constants']) {
      const entry = entryOf(root, key);
      if (entry !== undefined) walkScalars(entry.value, key, (scalar, at) => this.#refuseReferences(scalar, at, scope));
    }
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

/** Inputs that contain program text, where `${…}` has a meaning. */
const SHELL_INPUTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['ExecuteBash', ['commands']],
  ['ExecutePowerShell', ['commands']],
  ['ExecuteBinary', ['arguments']],
  ['CreateFile', ['content']],
  ['AppendFile', ['content']],
  ['Assert', ['patternMatches']],
]);

/** The names of a step's loop in references. */
function loopNames(step: MapNode): readonly string[] {
  const loop = entryOf(step, 'loop')?.value;
  if (loop?.kind !== 'map') return [];
  const name = entryOf(loop, 'name')?.value;
  return name?.kind === 'scalar' ? ['loop', name.text] : ['loop'];
}
