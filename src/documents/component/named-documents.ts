/**
 * Components that a document names in steps that run other documents (`ExecuteDocument`), as far as they are known
 * before it runs. Pure.
 */
import type { ComponentDocument, InputValue, Loop, Step } from './document.ts';
import { planLoop, type LoopIteration } from './loops.ts';
import { findReferences, resolveReferences } from './references.ts';

/** A component that a document names. */
export interface NamedDocument {
  /** As in the document, with references resolved. */
  readonly arn: string;
  /** Values that the step sets for the component's parameters. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A document and the values of its parameters. */
export interface DocumentRun {
  readonly document: ComponentDocument;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Maximum nesting depth of documents below the first. */
export const MAX_DEPTH = 3;

/** Maximum number of iterations of a loop that are examined. Names in later ones are validated when they run. */
const MOST_TURNS = 1000;

/**
 * Components that a document names. What only a run can resolve (the output of another step, a secret) is left out.
 * @param given values of parameters, which override the defaults
 */
export function namedDocuments(
  { phases, constants, parameters }: ComponentDocument,
  given: Readonly<Record<string, string>>,
): readonly NamedDocument[] {
  const values = new Map(constants.map(({ name, value }) => [name, value]));
  for (const { name, defaultValue } of parameters) {
    const value = Object.hasOwn(given, name) ? given[name] : defaultValue;
    if (value !== undefined) values.set(name, value);
  }
  return phases
    .flatMap((phase) => phase.steps)
    .filter(({ action }) => action === 'ExecuteDocument')
    .flatMap((step) => namedByStep(step, values));
}

function namedByStep(step: Step, values: ReadonlyMap<string, string>): readonly NamedDocument[] {
  const inputs = mapOf(step.inputs);
  const named: NamedDocument[] = [];
  for (const turn of turnsOf(step, values)) {
    const arn = known(inputs['document'], step.loop, values, turn);
    if (arn?.startsWith('arn:') !== true) continue;
    const given = Array.isArray(inputs['parameters']) ? (inputs['parameters'] as readonly InputValue[]) : [];
    const entries = given
      .map(mapOf)
      .map(({ name, value }) => [known(name, step.loop, values, turn), known(value, step.loop, values, turn)] as const);
    named.push({
      arn,
      parameters: Object.fromEntries(
        entries.filter((entry): entry is [string, string] => entry[0] !== undefined && entry[1] !== undefined),
      ),
    });
  }
  return named;
}

/** The iterations of a step's loop; a single one if it has no loop. */
function* turnsOf({ loop }: Step, values: ReadonlyMap<string, string>): Iterable<LoopIteration | undefined> {
  if (loop === undefined) return yield undefined;
  const plan = planLoop(loop, (text) =>
    String(resolveReferences(text, { name: (name) => values.get(name), chain: () => undefined }).value),
  );
  if ('problem' in plan) return;
  let count = 0;
  for (const turn of plan.iterations()) {
    if (count++ >= MOST_TURNS) return;
    yield turn;
  }
}

/** The text of an input, or `undefined` if only a run can resolve it. */
function known(
  value: InputValue | undefined,
  loop: Loop | undefined,
  values: ReadonlyMap<string, string>,
  turn: LoopIteration | undefined,
): string | undefined {
  if (value === undefined || value === null || typeof value === 'object') return undefined;
  if (typeof value !== 'string') return String(value);
  if (findReferences(value).some(({ kind }) => kind === 'chain' || kind === 'secret')) return undefined;
  const ofLoop = ['loop', loop?.name];
  return String(
    resolveReferences(value, {
      name: (name) => values.get(name),
      chain: () => undefined,
      loop: (reference) =>
        turn === undefined || !ofLoop.includes(reference.loop) ? undefined : String(turn[reference.variable]),
    }).value,
  );
}

function mapOf(value: InputValue): Readonly<Record<string, InputValue>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, InputValue>>)
    : {};
}

/**
 * Reads every component that documents name, and those that these name in turn. Each is read once per set of values.
 * @param read returns the component's document; `undefined` if it does not exist. An error that it throws ends the walk
 */
export async function readNamedDocuments(
  runs: readonly DocumentRun[],
  read: (arn: string) => Promise<ComponentDocument | undefined>,
): Promise<void> {
  const seen = new Set<string>();
  let level = runs;
  for (let depth = 1; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const below: DocumentRun[] = [];
    for (const { arn, parameters } of level.flatMap((run) => namedDocuments(run.document, run.parameters))) {
      const key = JSON.stringify([arn, Object.entries(parameters).sort()]);
      if (seen.has(key)) continue;
      seen.add(key);
      const document = await read(arn);
      if (document !== undefined) below.push({ document, parameters });
    }
    level = below;
  }
}
