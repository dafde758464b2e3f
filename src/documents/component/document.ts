/** A component document that passed validation. Source: reference, `awstoe.md` sections 1 to 5. */
import type { Position } from '../position.ts';

/** A value of a step's inputs as YAML gave it; scalars keep the text that a string input needs (`1.0`, `0777`). */
export type InputValue =
  | string
  | number
  | boolean
  | null
  | readonly InputValue[]
  | { readonly [key: string]: InputValue };

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
  /** Seconds for one attempt; -1 means no limit. Default 7200. */
  readonly timeoutSeconds: number;
  readonly onFailure: 'Abort' | 'Continue' | 'Ignore';
  /** Attempts in all, at least 1. */
  readonly maxAttempts: number;
  /** References (`{{ … }}`) are still in it; the runner resolves them just before the step runs. */
  readonly inputs: InputValue;
  /** Decides once, before the first attempt, whether the step runs. */
  readonly if?: StepCondition;
  /** Runs the module once for each value. */
  readonly loop?: Loop;
  readonly position: Position;
}

/** What happens to a step when its `if` has been evaluated. `Abort` is a failure, to which `onFailure` applies. */
export type StepDecision = 'Abort' | 'Execute' | 'Skip';

export interface StepCondition {
  /** One operator and its operands, references still in them. */
  readonly condition: InputValue;
  /** When it holds; default `Execute`. */
  readonly then: StepDecision;
  /** When it does not; default `Skip`. */
  readonly else: StepDecision;
}

/**
 * A loop, references still in it: integers from `start` to `end`, both among them; the values of a list; or the values
 * of a text that a delimiter separates. `name` is what references call it beside `loop`.
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
