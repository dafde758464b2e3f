/** Resolves and checks a step's inputs when it runs. Pure. */
import type { InputValue, Step } from '../documents/component/document.ts';
import { checkResolvedInputs } from '../documents/component/inputs.ts';
import { ACTION_MODULES } from '../documents/component/modules.ts';
import type { LoopIteration } from '../documents/component/loops.ts';
import {
  ReferencesTooLargeError,
  resolveReferences,
  type ChainReference,
  type LoopReference,
  type ResolvedValue,
} from '../documents/component/references.ts';
import type { SecretReference } from '../documents/component/secret-references.ts';
import { InputError, type Outputs } from './module.ts';

/** The results of a step for chaining. */
export interface ChainedStep {
  readonly inputs: InputValue;
  readonly outputs: Outputs;
}

/** Why a step did not run: its `if` skipped it, or it failed before its module began. */
export type NotRun = 'skipped' | 'failed';

/** Maximum characters of all resolved inputs of a document's steps together: all are kept until its end. */
const MAX_KEPT = 64 << 20;

/** Steps that were reached, by phase and name. */
export class ChainedSteps {
  private readonly steps = new Map<string, ChainedStep | NotRun>();
  private readonly sizes = new Map<string, number>();

  /** @param chained the step's results, or why it has none */
  set(phase: string, step: string, chained: ChainedStep | NotRun): void {
    const key = JSON.stringify([phase, step]);
    this.steps.set(key, chained);
    this.sizes.set(key, typeof chained === 'string' ? 0 : charactersOf(chained.inputs));
  }

  /** @throws {InputError} if another step's inputs would exceed the limit */
  checkRoom(): void {
    const kept = this.sizes.values().reduce((sum, size) => sum + size, 0);
    if (kept > MAX_KEPT)
      throw new InputError(
        `the inputs of the steps before have ${kept} characters together; at most ${MAX_KEPT} are kept. Split the ` +
          'document.',
      );
  }

  get(phase: string, step: string): ChainedStep | NotRun | undefined {
    return this.steps.get(JSON.stringify([phase, step]));
  }
}

/** The values of references while a document runs. */
export interface Values {
  /** Of parameters and constants. */
  readonly scope: ReadonlyMap<string, string>;
  readonly chained: ChainedSteps;
  /** Secrets that were loaded. */
  readonly secrets: { value(reference: SecretReference): string | undefined };
  /** Called for a reference whose step was skipped, once for each. */
  readonly warn?: (text: string) => void;
}

/**
 * The inputs of a step with references resolved.
 * @param turn the iteration of the step's loop
 * @throws {InputError} that names every reference without a value and the reason, or every input with an invalid value
 */
export function resolveInputs(step: Step, values: Values, turn?: LoopIteration): InputValue {
  const names = ['loop', step.loop?.name];
  const inputs = resolve(step.inputs, values, (reference) => {
    if (turn === undefined || !names.includes(reference.loop)) return undefined;
    return String(turn[reference.variable]);
  });
  const schema = ACTION_MODULES.get(step.action);
  if (schema === undefined) return inputs;
  const checked = checkResolvedInputs(schema, inputs);
  if (checked.problems.length > 0) throw new InputError(checked.problems.join(' '));
  return checked.inputs;
}

/** A text of a loop with its references resolved. @throws {InputError} that names every reference without a value */
export function resolveText(text: string, values: Values): string {
  return String(resolve(text, values));
}

/** A condition with its references resolved. @throws {InputError} that names every reference without a value */
export function resolveCondition(condition: InputValue, values: Values): InputValue {
  return resolve(condition, values);
}

function resolve(
  value: InputValue,
  { scope, chained, secrets, warn }: Values,
  loop?: (reference: LoopReference) => string | undefined,
): InputValue {
  const reasons = new Map<string, string>();
  const skipped = new Set<string>();
  const resolved = withinLimit(() =>
    resolveReferences(value, {
      name: (name) => scope.get(name),
      secret: (reference) => secrets.value(reference),
      chain: (reference) => {
        const found = lookUp(reference, chained);
        if ('skipped' in found) skipped.add(reference.text);
        if ('reason' in found) reasons.set(reference.text, found.reason);
        return 'value' in found ? found.value : undefined;
      },
      loop,
    }),
  );
  for (const text of skipped) warn?.(`${text} is empty: its step was skipped`);
  if (resolved.unresolved.length === 0) return resolved.value;
  throw new InputError(
    [...new Set(resolved.unresolved)].map((text) => `${text} has no value: ${reasons.get(text)}`).join('; '),
  );
}

/** @throws {InputError} if the values together are too large */
function withinLimit(resolve: () => ResolvedValue): ResolvedValue {
  try {
    return resolve();
  } catch (error) {
    throw error instanceof ReferencesTooLargeError ? new InputError(error.message, { cause: error }) : error;
  }
}

function lookUp(
  reference: ChainReference,
  chained: ChainedSteps,
): { readonly value: string; readonly skipped?: true } | { readonly reason: string } {
  const step = chained.get(reference.phase, reference.step);
  if (step === undefined) return { reason: `step ${reference.step} of phase ${reference.phase} has not run here` };
  // Source: reference, `awstoe.md` section 3.3. Documents rely on it.
  if (step === 'skipped') return { value: '', skipped: true };
  if (step === 'failed') return { reason: `step ${reference.step} of phase ${reference.phase} failed before it ran` };
  if (reference.direction === 'outputs') {
    const values = Object.hasOwn(step.outputs, reference.variable) ? [step.outputs[reference.variable]].flat() : [];
    if (reference.index >= values.length) return { reason: 'the step has no such output' };
    const value = values[reference.index];
    return value === undefined ? { reason: 'the output is larger than 1 MiB' } : { value };
  }
  const items: readonly InputValue[] = Array.isArray(step.inputs) ? step.inputs : [step.inputs as InputValue];
  const item = items[reference.index];
  if (typeof item !== 'object' || item === null || !Object.hasOwn(item, reference.variable))
    return { reason: 'the step has no such input' };
  const value = (item as Readonly<Record<string, InputValue>>)[reference.variable]!;
  return { value: textOf(value) };
}

function charactersOf(value: InputValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, inner) => sum + charactersOf(inner as InputValue), 0);
}

/** A chained list becomes text with one item per line, as scripts are written. */
function textOf(value: InputValue): string {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join('\n');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
