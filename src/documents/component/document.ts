/** A component document that passed validation. Source: reference, `awstoe.md` sections 1 to 5. */
import type { Position } from '../position.ts';

/** A value of a step's inputs as YAML gave it; scalars keep the text that a string input needs (`1.0`, `0777`). */
export type InputValue = string | number | boolean | null | readonly InputValue[] | { readonly [key: string]: InputValue };

/** A validated document, defaults filled in. */
export interface ComponentDocument {
  readonly name?: string;
  readonly description?: string;
  readonly schemaVersion: '1.0';
  readonly parameters: readonly ComponentParameter[];
  readonly constants: readonly { readonly name: string; readonly value: string }[];
  readonly phases: readonly Phase[];
}

export interface ComponentParameter {
  readonly name: string;
  readonly type: 'string';
  /** A parameter without a default has to be given by the recipe. */
  readonly defaultValue?: string;
  readonly description?: string;
  readonly allowedValues?: readonly string[];
}

/** `build`, `validate` and `test` are the ones that Image Builder runs; others are legal. */
export interface Phase {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly name: string;
  /** Name of an action module, such as `ExecuteBash`. */
  readonly action: string;
  /** Seconds for one attempt; -1 is no limit. Default 7200. */
  readonly timeoutSeconds: number;
  readonly onFailure: 'Abort' | 'Continue' | 'Ignore';
  /** Attempts in all, at least 1. */
  readonly maxAttempts: number;
  /** References (`{{ … }}`) are still in it; the runner resolves them just before the step runs. */
  readonly inputs: InputValue;
  readonly position: Position;
}
