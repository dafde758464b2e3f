/** How a step and an image's work end early. */

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

/** What the reason of a cancelled image says. */
export const CANCELLED_REASON = 'The image was cancelled.';

/** Why work was aborted: somebody cancelled the image. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
}
