/** Positions in a text, and faults at them. */

/** A position in a document; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
  /** The file, if it is not the document itself: a template may include others. */
  readonly file?: string;
}

/** One fault or warning of a document. */
export interface Fault {
  /** A code from the closed list of `faults.ts`, such as `unknown-action`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly position: Position;
  /** Path of the value, such as `phases[0].steps[2].action`. */
  readonly path: string;
  /** One sentence: what is wrong with which value, and what was expected. */
  readonly message: string;
}
