/** A component document that passed validation. Source: reference, `awstoe.md` sections 1 to 5. */
import type { Position } from '../position.ts';

/** A value of a step's inputs as parsed from YAML. Scalars keep the text that a string input needs (`1.0`, `0777`). */
export type InputValue =
  | string
  | number
  | boolean
  | null
  | readonly InputValue[]
  | { readonly [key: string]: InputValue };

/** A validated document with defaults applied. */
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
  /** Without a default, the recipe must set the parameter. */
  readonly defaultValue?: string;
  readonly description?: string;
  readonly allowedValues?: readonly string[];
}

/** Image Builder runs `build`, `validate` and `test`; others are valid. */
export interface Phase {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly name: string;
  /** Name of an action module, such as `ExecuteBash`. */
  readonly action: string;
  /** Seconds for one attempt; -1 means no limit (default: 7200). */
  readonly timeoutSeconds: number;
  readonly onFailure: 'Abort' | 'Continue' | 'Ignore';
  /** Maximum number of attempts, at least 1. */
  readonly maxAttempts: number;
  /** References (`{{ … }}`) are unresolved; the runner resolves them just before the step runs. */
  readonly inputs: InputValue;
  /** Evaluated once, before the first attempt, to decide whether the step runs. */
  readonly if?: StepCondition;
  /** Runs the module once for each value. */
  readonly loop?: Loop;
  readonly position: Position;
}

/** The decision of an `if` about its step. `Abort` is a failure, to which `onFailure` applies. */
export type StepDecision = 'Abort' | 'Execute' | 'Skip';

export interface StepCondition {
  /** One operator and its operands, with unresolved references. */
  readonly condition: InputValue;
  /** The decision if the condition holds (default: `Execute`). */
  readonly then: StepDecision;
  /** The decision if it does not hold (default: `Skip`). */
  readonly else: StepDecision;
}

/**
 * A loop with unresolved references: integers from `start` to `end`, inclusive; the values of a list; or the values of
 * a text that a delimiter separates. `name` is its name in references, besides `loop`.
 */
export type Loop =
  | {
      readonly kind: 'for';
      readonly name?: string;
      readonly start: number | string;
      readonly end: number | string;
      readonly updateBy: number | string;
    }
  | { readonly kind: 'forEach'; readonly name?: string; readonly items: readonly string[] }
  | { readonly kind: 'list'; readonly name?: string; readonly list: string; readonly delimiter: string };
