/** Computes the status of phases and of the document from the results of steps. Pure. */
import type { DocumentFailure, DocumentOutcome, PhaseOutcome, PhaseStatus, StepOutcome } from './outcome.ts';

/** Collects phases and steps as they end. */
export class DocumentResult {
  private readonly phases: { readonly name: string; readonly steps: StepOutcome[] }[] = [];
  private failure: DocumentFailure | undefined;
  private readonly ignored: DocumentFailure[] = [];
  private timedOut = false;

  startPhase(name: string): void {
    this.phases.push({ name, steps: [] });
  }

  /**
   * Adds a step to the phase that was started last.
   * @param failure details of a failed step, whether the failure is ignored or not
   */
  addStep(step: StepOutcome, failure: DocumentFailure | undefined, timedOut: boolean): void {
    this.phases.at(-1)!.steps.push(step);
    if (step.status === 'IgnoredFailure' && failure !== undefined) this.ignored.push(failure);
    if (step.status !== 'Failed' || this.failure !== undefined) return;
    this.failure = failure;
    this.timedOut = timedOut;
  }

  outcome(): DocumentOutcome {
    const steps = this.phases.flatMap((phase) => phase.steps);
    const count = (status: StepOutcome['status']): number => steps.filter((step) => step.status === status).length;
    return {
      status: count('Failed') === 0 ? 'success' : this.timedOut ? 'timedOut' : 'failed',
      phases: this.phases.map(
        (phase): PhaseOutcome => ({ name: phase.name, status: phaseStatus(phase.steps), steps: phase.steps }),
      ),
      failedStepCount: count('Failed'),
      executedStepCount: steps.length - count('Skipped'),
      ignoredFailedStepCount: count('IgnoredFailure'),
      skippedStepCount: count('Skipped'),
      failure: this.failure,
      ignored: this.ignored,
    };
  }
}

/** A phase's status from its steps'. Skipped steps count as success. */
export function phaseStatus(steps: readonly Pick<StepOutcome, 'status'>[]): PhaseStatus {
  if (steps.some((step) => step.status === 'Failed')) return 'Failed';
  if (steps.some((step) => step.status === 'IgnoredFailure')) return 'SuccessWithIgnoredFailure';
  return 'Success';
}
