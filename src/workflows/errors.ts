/** How a step and the work on an image end early. */
import type { FailureContext } from '../resources/newer-members.ts';

/** What an image's `failureContext` says of a failure, beside what its records say. */
export type FailureDetails = Pick<FailureContext, 'componentFailure' | 'distributionFailure'>;

const DETAILS = Symbol('failure details');

/** The error itself, with details for the image's `failureContext`. */
export function withFailureDetails<T extends Error>(error: T, details: FailureDetails): T {
  return Object.assign(error, { [DETAILS]: details });
}

/** The details that an error, or one of its causes, has. */
export function failureDetails(error: unknown): FailureDetails | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (DETAILS in each) return each[DETAILS] as FailureDetails;
  }
  return undefined;
}

/** A step that failed, with what its record and the image's reason say. */
export class StepError extends Error {
  override readonly name = 'StepError';
  /** Outputs to record although the step failed. */
  readonly outputs: Readonly<Record<string, unknown>> | undefined;
  constructor(message: string, options?: ErrorOptions & { readonly outputs?: Readonly<Record<string, unknown>> }) {
    super(message, options);
    this.outputs = options?.outputs;
  }
}

/** Not an error: a step waits for an answer, and the work on its image can be left until there is one. */
export class Suspension extends Error {
  override readonly name = 'Suspension';
  readonly stepId: string;
  readonly workflowId: string;
  /** When the work has to go on at the latest, in milliseconds since 1970: the interpreter knows. */
  wakeAt = 0;
  /** Where in the image's work it is: the stages know. */
  place: { readonly stage: string; readonly group: number; readonly stageStarted: number } | undefined;
  constructor({ stepId, workflowId }: { readonly stepId: string; readonly workflowId: string }) {
    super(`the step ${stepId} waits for an answer`);
    this.stepId = stepId;
    this.workflowId = workflowId;
  }
}

/** The reason of a canceled image. */
export const CANCELLED_REASON = 'The image was cancelled.';

/** The work was aborted because somebody canceled the image. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}
