/**
 * Restarts if the machine is this host: the run ends, is started again after the restart, and continues where it was.
 * Its state is stored in a file meanwhile. Source: reference, `awstoe.md` section 7.
 */
import type { DocumentFailure, StepOutcome } from './outcome.ts';
import type { ChainedStep, NotRun } from './step-inputs.ts';

/** A step that ended before the restart. */
export interface StepBefore {
  readonly phase: string;
  readonly outcome: StepOutcome;
  readonly failure?: DocumentFailure;
  readonly timedOut: boolean;
  readonly chained?: ChainedStep | NotRun;
}

/** Where a run continues after a restart. */
export interface RestartPoint {
  readonly phase: string;
  /** The step that requested the restart. */
  readonly step: string;
  readonly resume: 'same-step' | 'next-step';
  /** Number of restarts, including this one. */
  readonly reboots: number;
  /** In the order in which they ended. */
  readonly before: readonly StepBefore[];
}

/** A step requests a restart that the run does not survive. */
export class RestartWanted extends Error {
  override readonly name = 'RestartWanted';
  readonly resume: RestartPoint['resume'];
  readonly reboots: number;

  constructor(resume: RestartPoint['resume'], reboots: number) {
    super('a step asks for a restart');
    this.resume = resume;
    this.reboots = reboots;
  }
}

/** The run has ended until the machine is restarted. */
export class RunInterrupted extends Error {
  override readonly name = 'RunInterrupted';
  readonly point: RestartPoint;

  constructor(point: RestartPoint) {
    super(`step ${point.step} of phase ${point.phase} asks for a restart`);
    this.point = point;
  }
}
