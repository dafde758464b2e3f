/** What can be wrong with a template, and how it is reported. */
import { nearestWord } from '../documents/nearest.ts';
import type { Fault, Position } from '../documents/position.ts';

/** The closed list of what a template can be refused for. */
export type TemplateFaultCode =
  | 'syntax'
  | 'not-supported'
  | 'unknown-section'
  | 'unknown-type'
  | 'unknown-property'
  | 'unknown-parameter'
  | 'unknown-reference'
  | 'not-created'
  | 'unknown-attribute'
  | 'unknown-export'
  | 'rule-failed'
  | 'too-many'
  | 'missing'
  | 'wrong-type'
  | 'invalid-value'
  | 'dependency-cycle';

/** One or more faults of a template, in the order of their places. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly faults: readonly Fault[];
  /** What was read all the same. */
  readonly partial: unknown;

  constructor(faults: readonly Fault[], partial?: unknown) {
    const sorted = sortedFaults(faults);
    super(sorted.map(formatFault).join('\n'));
    this.faults = sorted;
    this.partial = partial;
  }
}

/** Faults by their places, the template's own first. */
export function sortedFaults<T extends Fault>(faults: readonly T[]): readonly T[] {
  return [...faults].sort(({ position: a }, { position: b }) => {
    const [one, other] = [a.file ?? '', b.file ?? ''];
    if (one !== other) return one < other ? -1 : 1;
    return a.line - b.line || a.column - b.column;
  });
}

/**
 * Does work that throws a TemplateError for faults, and continues with what was read, to find the faults of the rest.
 */
export function leniently<T>(work: () => T): { readonly value?: T; readonly faults: readonly Fault[] } {
  try {
    return { value: work(), faults: [] };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const { faults, partial } = error;
    return partial === undefined ? { faults } : { value: partial as T, faults };
  }
}

/**
 * `12:7 Resources.Recipe.Properties.Nmae: unknown property …`: line, column, path (which starts with the logical id's),
 * message.
 */
function formatFault(fault: Fault): string {
  const { file, line, column } = fault.position;
  const place = `${file === undefined ? '' : `${file}:`}${line}:${column}`;
  return `${place} ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`;
}

/** Collects faults, so that one run reports all faults of a template. */
export class Faults {
  readonly all: Fault[] = [];

  add(code: TemplateFaultCode, position: Position, path: string, message: string): void {
    this.all.push({ code, severity: 'error', position, path, message });
  }

  /**
   * @param partial what was read all the same, for `leniently`
   * @throws {TemplateError} when anything was added
   */
  throwIfAny(partial?: unknown): void {
    if (this.all.length > 0) throw new TemplateError(this.all, partial);
  }
}

/**
 * `; did you mean 'Version'?` when a known word is near, else what is known when that is a short list, else nothing.
 */
export function suggestion(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  if (nearest !== undefined) return `; did you mean '${nearest}'?`;
  return known.length > 0 && known.length <= 16 ? `; known here: ${known.join(', ')}` : '';
}
