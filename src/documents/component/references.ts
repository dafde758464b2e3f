/**
 * References (`{{ … }}`) in the strings of a component document: finding, validating and resolving them. Source:
 * reference, `awstoe.md` sections 3.3 and 12.
 */
import type { FaultCollector } from '../faults.ts';
import { didYouMean, nearestWord } from '../nearest.ts';
import { shorten } from '../nodes.ts';
import type { ScalarNode } from '../nodes.ts';
import type { ComponentDocument, InputValue } from './document.ts';
import type { ActionModule } from './modules.ts';
import { readSecretReference, type BrokenSecretReference, type SecretReference } from './secret-references.ts';

/** `{{ Name }}`: a parameter or a constant. */
interface NameReference {
  readonly kind: 'name';
  /** As written, braces included. */
  readonly text: string;
  readonly name: string;
}

/** `{{ phase.step.outputs[0].variable }}`. */
export interface ChainReference {
  readonly kind: 'chain';
  readonly text: string;
  readonly phase: string;
  readonly step: string;
  readonly direction: 'inputs' | 'outputs';
  /** From 0; 0 if the reference has no index. */
  readonly index: number;
  readonly variable: string;
}

/** `{{ loop.value }}` or `{{ loopName.index }}`. */
export interface LoopReference {
  readonly kind: 'loop';
  readonly text: string;
  readonly loop: string;
  readonly variable: 'index' | 'value';
}

/** Braces of another tool, which are plain text here. */
interface LiteralReference {
  readonly kind: 'literal';
  readonly text: string;
}

export type Reference =
  | NameReference
  | ChainReference
  | LoopReference
  | SecretReference
  | BrokenSecretReference
  | LiteralReference;

/** Values of references while a step runs. Each function returns `undefined` for an unknown reference. */
export interface ReferenceLookup {
  /** The value of a parameter or constant. If `undefined`, the reference stays as text. */
  readonly name: (name: string) => string | undefined;
  /** The value of another step's input or output. If `undefined`, it counts as unresolved. */
  readonly chain: (reference: ChainReference) => string | undefined;
  /** The value in the step's loop. If `undefined`, the reference stays as text. */
  readonly loop?: (reference: LoopReference) => string | undefined;
  /** The value of a secret. If `undefined`, the reference stays as text. */
  readonly secret?: (reference: SecretReference) => string | undefined;
}

/** A value with its references resolved. */
export interface ResolvedValue {
  readonly value: InputValue;
  /** Chaining references without a value, as written; with any, the step must fail. */
  readonly unresolved: readonly string[];
}

/**
 * Maximum characters that the references of one value may yield together: each may yield 1 MiB, and a text may have
 * thousands.
 */
export const MAX_RESOLVED = 4 << 20;

/** References yield more than `MAX_RESOLVED` characters together. */
export class ReferencesTooLargeError extends Error {
  override readonly name = 'ReferencesTooLargeError';
}

const BRACES = /\{\{([^{}]*)\}\}/g;

/** Parses the text inside a pair of braces. */
function readReference(text: string, inside: string): Reference {
  const written = inside.trim();
  if (/^[A-Za-z0-9_-]+$/.test(written)) return { kind: 'name', text, name: written };
  const chain = /^([^.[\]]+)\.([^.[\]]+)\.(inputs|outputs)(?:\[(\d{1,6})\])?\.([A-Za-z0-9_-]+)$/.exec(written);
  if (chain !== null) {
    const [, phase = '', step = '', direction, index = '0', variable = ''] = chain;
    return {
      kind: 'chain',
      text,
      phase,
      step,
      direction: direction === 'inputs' ? 'inputs' : 'outputs',
      index: Number(index),
      variable,
    };
  }
  const loop = /^([A-Za-z0-9_-]+)\.(index|value)$/.exec(written);
  if (loop !== null)
    return { kind: 'loop', text, loop: loop[1] ?? '', variable: loop[2] === 'index' ? 'index' : 'value' };
  return readSecretReference(text, written) ?? { kind: 'literal', text };
}

/** Every `{{ … }}` of a text, in order. */
export function findReferences(text: string): readonly Reference[] {
  if (!text.includes('{{')) return [];
  return Array.from(text.matchAll(BRACES), (match) => readReference(match[0], match[1] ?? ''));
}

/** Whether a text has a reference, so that its value is only known when the step runs. */
export function hasReference(text: string): boolean {
  return findReferences(text).some((reference) => reference.kind !== 'literal');
}

/** Every secret that the strings of a value name. */
export function secretReferencesIn(value: unknown): readonly SecretReference[] {
  if (typeof value === 'string') return findReferences(value).filter((reference) => reference.kind === 'secret');
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(secretReferencesIn);
}

/**
 * Every secret that a run of a document may need: those in its steps, constants and parameters. Names and descriptions
 * are ignored.
 * @param given values of parameters, which replace the defaults
 */
export function secretsOfDocument(
  { phases, constants, parameters }: ComponentDocument,
  given: Readonly<Record<string, string>>,
): readonly SecretReference[] {
  const steps = phases.flatMap((phase) => phase.steps.map((step) => [step.inputs, step.if, step.loop]));
  const values = parameters.map(({ name, defaultValue }) => (Object.hasOwn(given, name) ? given[name] : defaultValue));
  return secretReferencesIn([steps, constants.map(({ value }) => value), values]);
}

/**
 * Resolves the references in every string of a value. Their values are not searched again. Map keys are unchanged.
 * @throws {ReferencesTooLargeError}
 */
export function resolveReferences(value: InputValue, lookup: ReferenceLookup): ResolvedValue {
  const unresolved: string[] = [];
  let given = 0;
  const replaceOne = (text: string, inside: string): string => {
    const value = valueOf(text, inside);
    given += value.length;
    if (given <= MAX_RESOLVED) return value;
    const first = `the references give more than ${MAX_RESOLVED} characters together, the limit for one step`;
    throw new ReferencesTooLargeError(
      `${first}; the last one is ${shorten(text)}. Write the values to a file and read that.`,
    );
  };
  const valueOf = (text: string, inside: string): string => {
    const reference = readReference(text, inside);
    if (reference.kind === 'name') return lookup.name(reference.name) ?? text;
    if (reference.kind === 'loop') return lookup.loop?.(reference) ?? text;
    if (reference.kind === 'secret') return lookup.secret?.(reference) ?? text;
    if (reference.kind === 'literal' || reference.kind === 'broken-secret') return text;
    const found = lookup.chain(reference);
    if (found === undefined) unresolved.push(text);
    return found ?? text;
  };
  const walk = (part: InputValue): InputValue => {
    if (typeof part === 'string') return part.includes('{{') ? part.replace(BRACES, replaceOne) : part;
    if (part === null || typeof part !== 'object') return part;
    if (isList(part)) return part.map(walk);
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner)]));
  };
  return { value: walk(value), unresolved };
}

function isList(value: InputValue): value is readonly InputValue[] {
  return Array.isArray(value);
}

/** A step as a target of chaining. */
export interface ReferenceTarget {
  readonly phase: string;
  readonly step: string;
  /** Position in the order in which steps run. */
  readonly order: number;
  /** `undefined` if the action is unknown. */
  readonly module: ActionModule | undefined;
  /** For each map of its inputs, the given names; `undefined` if the inputs could not be parsed. */
  readonly inputs: readonly (readonly string[])[] | undefined;
}

/** The declarations of a document, for validating references before it runs. */
export interface ReferenceScope {
  /** Parameters and constants. */
  readonly names: ReadonlySet<string>;
  readonly targets: readonly ReferenceTarget[];
}

/** The step that contains the reference. */
export interface ReferenceSite {
  readonly phase: string;
  readonly order: number;
  /** Name of the surrounding loop; empty outside of loops. */
  readonly loops: readonly string[];
}

/** Checks the references of one scalar of a step's inputs. */
export function checkReferences(
  node: ScalarNode,
  path: string,
  scope: ReferenceScope,
  site: ReferenceSite,
  faults: FaultCollector,
): void {
  const counts = new Map<string, number>();
  for (const reference of findReferences(node.text)) {
    const count = counts.get(reference.text) ?? 0;
    counts.set(reference.text, count + 1);
    if (reference.kind === 'name') checkName(reference, node, count, path, scope, faults);
    if (reference.kind === 'loop') checkLoop(reference, node, count, path, site, faults);
    if (reference.kind === 'chain') checkChain(reference, node, count, path, scope, site, faults);
    if (reference.kind === 'literal') checkAlmostChain(reference, node, count, path, scope, faults);
    if (reference.kind === 'broken-secret') checkSecret(reference, node, count, path, faults);
  }
}

function checkName(
  reference: NameReference,
  node: ScalarNode,
  count: number,
  path: string,
  scope: ReferenceScope,
  faults: FaultCollector,
): void {
  if (scope.names.has(reference.name)) return;
  const said = `'${shorten(reference.text)}' names no parameter or constant of this document; it stays as text.`;
  const position = node.locate(reference.text, count);
  // Jinja, Go and others also write {{ item }}: a name similar to one of ours may be theirs.
  faults.add('literal-reference', position, path, `${said}${didYouMean(reference.name, scope.names)}`);
}

function checkSecret(
  reference: BrokenSecretReference,
  node: ScalarNode,
  count: number,
  path: string,
  faults: FaultCollector,
): void {
  faults.add(
    'invalid-secret-reference',
    node.locate(reference.text, count),
    path,
    `'${shorten(reference.text)}' names no secret: ${reference.problem}`,
  );
}

function checkLoop(
  reference: LoopReference,
  node: ScalarNode,
  count: number,
  path: string,
  site: ReferenceSite,
  faults: FaultCollector,
): void {
  if (site.loops.includes(reference.loop)) return;
  const near = nearestWord(reference.loop, site.loops.length === 0 ? ['loop'] : site.loops);
  // Other tools use such braces too: only text that was probably meant for a loop is reported.
  if (near === undefined) return;
  const text = `'${shorten(reference.text)}'`;
  const message =
    site.loops.length === 0
      ? `${text} is outside of a loop; it remains text.`
      : `${text} names no loop of this step; it stays as text. Did you mean '${near}'?`;
  faults.add('literal-reference', node.locate(reference.text, count), path, message);
}

/**
 * Phases that run together, so that they can refer to one another; `undefined` for phases that the service does not
 * run.
 */
function stageOf(phase: string): string | undefined {
  if (phase === 'build' || phase === 'validate') return 'build';
  return phase === 'test' || phase === 'container-host-test' ? phase : undefined;
}

function checkChain(
  reference: ChainReference,
  node: ScalarNode,
  count: number,
  path: string,
  scope: ReferenceScope,
  site: ReferenceSite,
  faults: FaultCollector,
): void {
  const text = `'${shorten(reference.text)}'`;
  const position = node.locate(reference.text, count);
  const inPhase = scope.targets.filter((target) => target.phase === reference.phase);
  if (inPhase.length === 0) {
    const near = nearestWord(
      reference.phase,
      scope.targets.map((target) => target.phase),
    );
    const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
    faults.add(
      'unknown-reference',
      position,
      path,
      `${text}: the document has no phase '${shorten(reference.phase)}' with steps.${hint}`,
    );
    return;
  }
  const target = inPhase.find((candidate) => candidate.step === reference.step);
  if (target === undefined) {
    const near = nearestWord(
      reference.step,
      inPhase.map((candidate) => candidate.step),
    );
    const hint = near === undefined ? '' : ` Did you mean '${near}'?`;
    faults.add(
      'unknown-reference',
      position,
      path,
      `${text}: the phase '${reference.phase}' has no step '${shorten(reference.step)}'.${hint}`,
    );
    return;
  }
  if (target.order === site.order) {
    faults.add('forward-reference', position, path, `${text} refers to its own step.`);
    return;
  }
  if (target.order > site.order) {
    faults.add('forward-reference', position, path, `${text} refers to a step that runs later.`);
    return;
  }
  const problem = variableProblem(reference, target);
  if (problem !== undefined) {
    faults.add('unknown-reference', position, path, `${text}: ${problem}`);
    return;
  }
  const stages = [stageOf(site.phase), stageOf(target.phase)];
  if (stages[0] === stages[1] || stages.includes(undefined)) return;
  const message =
    `${text}: the phase '${site.phase}' runs on another instance than '${target.phase}', where the value is not ` +
    'known.';
  faults.add('cross-stage-reference', position, path, message);
}

/** Warns about text that refers to a step of this document in an invalid form, and so stays text. */
function checkAlmostChain(
  reference: LiteralReference,
  node: ScalarNode,
  count: number,
  path: string,
  scope: ReferenceScope,
  faults: FaultCollector,
): void {
  const [phase = '', step = '', ...rest] = reference.text
    .slice(2, -2)
    .split('.')
    .map((part) => part.trim());
  const target = scope.targets.find((each) => each.phase === phase && each.step === step);
  if (target === undefined) return;
  const [first = ''] = rest;
  const direction = /^in/i.test(first) ? 'inputs' : 'outputs';
  const named = rest.length > 1 || !/^(?:in|out)puts?$/i.test(first) ? rest.at(-1) : undefined;
  const right = `{{ ${phase}.${step}.${direction}.${named || (target.module?.outputs?.[0] ?? 'NAME')} }}`;
  faults.add(
    'literal-reference',
    node.locate(reference.text, count),
    path,
    `'${shorten(reference.text)}' is not a reference, so it stays as text. To refer to the step, write ` +
      `'${shorten(right)}'.`,
  );
}

function variableProblem(reference: ChainReference, target: ReferenceTarget): string | undefined {
  if (target.module === undefined) return undefined;
  const { variable, index } = reference;
  if (reference.direction === 'outputs') {
    const outputs = target.module.outputs;
    if (outputs === undefined || outputs.includes(variable)) return undefined;
    if (outputs.length === 0) return `${target.module.name} has no outputs.`;
    return `${target.module.name} has no output '${variable}', only ${outputs.join(', ')}.`;
  }
  if (target.inputs === undefined) return undefined;
  const given = target.inputs[index];
  if (given === undefined)
    return `the step has ${target.inputs.length} input${target.inputs.length === 1 ? '' : 's'}, counted from 0.`;
  if (given.includes(variable)) return undefined;
  const near = nearestWord(variable, given);
  return `the step gives no input '${variable}'.${near === undefined ? '' : ` Did you mean '${near}'?`}`;
}
