/** The faults of templates, and how they are reported. */
import { nearestWord } from '../documents/nearest.ts';
import type { Fault, Position } from '../documents/position.ts';

/** The closed list of faults for which a template can be rejected. */
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

/** One or more faults of a template, sorted by position. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly faults: readonly Fault[];
  /** What could be parsed nevertheless. */
  readonly partial: unknown;

  constructor(faults: readonly Fault[], partial?: unknown) {
    const sorted = sortedFaults(faults);
    super(sorted.map(formatFault).join('\n'));
    this.faults = sorted;
    this.partial = partial;
  }
}

/** Faults sorted by position, the template's own first. */
export function sortedFaults<T extends Fault>(faults: readonly T[]): readonly T[] {
  return [...faults].sort(({ position: a }, { position: b }) => {
    const [one, other] = [a.file ?? '', b.file ?? ''];
    if (one !== other) return one < other ? -1 : 1;
    return a.line - b.line || a.column - b.column;
  });
}

/**
 * Runs work that throws a TemplateError for faults, and continues with what could be parsed, to find the remaining
 * faults.
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
 * `12:7 Resources.Recipe.Properties.Nmae: unknown property …`: line, column, path (which begins with the logical id),
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
   * @param partial what could be parsed, for `leniently`
   * @throws {TemplateError} if there are faults
   */
  throwIfAny(partial?: unknown): void {
    if (this.all.length > 0) throw new TemplateError(this.all, partial);
  }
}

/**
 * `; did you mean 'Version'?` if a known word is similar, otherwise the known words if they are few, otherwise empty.
 */
export function suggestion(word: string, known: readonly string[]): string {
  const nearest = nearestWord(word, known);
  if (nearest !== undefined) return `; did you mean '${nearest}'?`;
  return known.length > 0 && known.length <= 16 ? `; known here: ${known.join(', ')}` : '';
}
