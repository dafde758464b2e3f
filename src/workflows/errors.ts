/** How a step and the work on an image end early. */

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

/** The reason of a canceled image. */
export const CANCELLED_REASON = 'The image was cancelled.';

/** The work was aborted because somebody canceled the image. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}
