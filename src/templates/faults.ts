/** What can be wrong with a template, and how it is told. */
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

  constructor(faults: readonly Fault[]) {
    const sorted = [...faults].sort(
      (a, b) => a.position.line - b.position.line || a.position.column - b.position.column,
    );
    super(sorted.map(formatFault).join('\n'));
    this.faults = sorted;
  }
}

/**
 * `12:7 Resources.Recipe.Properties.Nmae: unknown property …`: line, column, path (which starts with the logical id's),
 * message.
 */
function formatFault(fault: Fault): string {
  return `${fault.position.line}:${fault.position.column} ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`;
}

/** Gathers faults, so that a template is judged in one go. */
export class Faults {
  readonly all: Fault[] = [];

  add(code: TemplateFaultCode, position: Position, path: string, message: string): void {
    this.all.push({ code, severity: 'error', position, path, message });
  }

  /** @throws {TemplateError} when anything was added */
  throwIfAny(): void {
    if (this.all.length > 0) throw new TemplateError(this.all);
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
