/** A workflow document that passed validation. Source: reference, `workflows.md` sections 2 and 3. */
import type { Position } from '../position.ts';

/** The stage that a workflow belongs to. */
export type WorkflowType = 'BUILD' | 'TEST' | 'DISTRIBUTION';

/** A value in the document, with unresolved references (`key.$`, `{{ $.path }}`, a bare `$.path`), or resolved. */
export type WorkflowValue =
  | string
  | number
  | boolean
  | null
  | readonly WorkflowValue[]
  | { readonly [key: string]: WorkflowValue };

/** A validated document with defaults applied. */
export interface WorkflowDocument {
  readonly name?: string;
  readonly description?: string;
  readonly schemaVersion: '1.0';
  readonly type: WorkflowType;
  readonly parameters: readonly WorkflowParameter[];
  /** 1 to 15. */
  readonly steps: readonly WorkflowStep[];
  /** Values of earlier steps, for `$.workflowOutputs` in later workflows of the image. */
  readonly outputs: readonly { readonly name: string; readonly value: WorkflowValue }[];
}

export type WorkflowParameterType = 'string' | 'integer' | 'boolean' | 'stringList';

export interface WorkflowParameter {
  readonly name: string;
  readonly type: WorkflowParameterType;
  /** Has the parameter's type. Without a default, a value is required. */
  readonly defaultValue?: string | number | boolean | readonly string[];
  readonly description?: string;
}

export interface WorkflowStep {
  readonly name: string;
  /** Name of a step action, such as `LaunchInstance`. */
  readonly action: string;
  readonly description?: string;
  /** Keys as written, including `.$`; `resolveWorkflowValue` makes the action's inputs. */
  readonly inputs: { readonly [key: string]: WorkflowValue };
  readonly if?: WorkflowCondition;
  readonly onFailure: 'Abort' | 'Continue';
  /** A boolean, or a `$.` path to one. */
  readonly rollbackEnabled: boolean | string;
  /** Default: the action's. */
  readonly timeoutSeconds: number;
  readonly waitSeconds: number;
  readonly position: Position;
}

/** Comparison operators of workflows: `value` OP `baseline`. */
export type WorkflowComparison =
  | 'booleanEquals'
  | 'stringEquals'
  | 'numberEquals'
  | 'numberGreaterThan'
  | 'numberGreaterThanEquals'
  | 'numberLessThan'
  | 'numberLessThanEquals';

export type WorkflowCondition =
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly WorkflowCondition[] }
  | { readonly kind: 'not'; readonly condition: WorkflowCondition }
  | {
      readonly kind: 'comparison';
      readonly operator: WorkflowComparison;
      readonly baseline: WorkflowValue;
      readonly value: WorkflowValue;
    };
