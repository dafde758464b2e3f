/** Errors that end a step, or the work on an image. */
import type { FailureContext } from '../resources/newer-members.ts';

/** Details of a failure for the image's `failureContext` that its records do not contain. */
export type FailureDetails = Pick<FailureContext, 'componentFailure' | 'distributionFailure'>;

const DETAILS = Symbol('failure details');

/** Adds details for the image's `failureContext` to an error and returns it. */
export function withFailureDetails<T extends Error>(error: T, details: FailureDetails): T {
  return Object.assign(error, { [DETAILS]: details });
}

/** The details of an error, or of one of its causes. */
export function failureDetails(error: unknown): FailureDetails | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (DETAILS in each) return each[DETAILS] as FailureDetails;
  }
  return undefined;
}

const SUMMARY = Symbol('failure summary');

/** Adds the lines with which the log of the image ends to an error and returns it. */
export function withFailureSummary<T extends Error>(error: T, lines: readonly string[]): T {
  return Object.assign(error, { [SUMMARY]: lines });
}

/** The summary of an error, or of one of its causes. */
export function failureSummary(error: unknown): readonly string[] | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (SUMMARY in each) return each[SUMMARY] as readonly string[];
  }
  return undefined;
}

/** A failed step. The message goes into its record and the image's reason. */
export class StepError extends Error {
  override readonly name = 'StepError';
  /** Outputs to record although the step failed. */
  readonly outputs: Readonly<Record<string, unknown>> | undefined;
  constructor(message: string, options?: ErrorOptions & { readonly outputs?: Readonly<Record<string, unknown>> }) {
    super(message, options);
    this.outputs = options?.outputs;
  }
}

/** Not an error: a step waits for an answer, and the work on its image can be suspended meanwhile. */
export class Suspension extends Error {
  override readonly name = 'Suspension';
  readonly stepId: string;
  readonly workflowId: string;
  /** When the work must continue at the latest, in milliseconds since 1970. Set by the interpreter. */
  wakeAt = 0;
  constructor({ stepId, workflowId }: { readonly stepId: string; readonly workflowId: string }) {
    super(`the step ${stepId} waits for an answer`);
    this.stepId = stepId;
    this.workflowId = workflowId;
  }
}

/** Not an error: the worker ends, and the work on its images goes on later from the last point that is on record. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
}

/** The reason of a canceled image. */
export const CANCELLED_REASON = 'The image was cancelled.';

/** The work was aborted because a user canceled the image. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}
