/** The results of documents, phases and steps. */
import type { InputValue } from '../documents/component/document.ts';
import type { Journal } from '../guest/service-journal.ts';
import type { InstanceFault } from '../instances/instance.ts';

export type StepStatus = 'Success' | 'Failed' | 'IgnoredFailure' | 'Skipped';
export type PhaseStatus = 'Success' | 'Failed' | 'SuccessWithIgnoredFailure';

/** The result of a step. */
export interface StepOutcome {
  readonly name: string;
  readonly action: string;
  readonly status: StepStatus;
  /** Number of attempts; a run after exit code 194 does not count. */
  readonly attempts: number;
  /** ISO-8601. */
  readonly startTime: string;
  readonly endTime: string;
  /**
   * The outputs of the last attempt for chaining; for a list of items, joined by newlines. Values above 1 MiB are
   * absent.
   */
  readonly outputs: Readonly<Record<string, string>>;
  /** As its module received them; as in the document if it failed earlier. */
  readonly inputs: InputValue;
  /** For a step that ran a document: the result in the format of `detailedoutput.json`. */
  readonly detailedOutput?: readonly object[];
  readonly failureMessage?: string;
}

export interface PhaseOutcome {
  readonly name: string;
  readonly status: PhaseStatus;
  /** Steps that were reached. */
  readonly steps: readonly StepOutcome[];
}

/** What went wrong in a step, if Ingot knows it: advice depends on this, never on the message. */
export type FailureCode = InstanceFault | 'time-limit';

/** The first failed step, with details. */
export interface DocumentFailure {
  readonly phase: string;
  readonly step: string;
  readonly action: string;
  readonly message: string;
  readonly code?: FailureCode;
  readonly exitCode?: number;
  /** The failing command, if it is known. */
  readonly command?: string;
  /** The last 20 lines of the step's output on both streams, oldest first. */
  readonly outputTail: readonly string[];
  /** The instance no longer responds, so nothing more can run in it. */
  readonly instanceLost?: true;
  /**
   * Lines of the journal about the services that the step mentions; about all since the component began if it mentions
   * none.
   */
  readonly journal?: Journal;
}

/** The result of a document. */
export interface DocumentOutcome {
  /** `timedOut` if the first failed step reached its time limit. */
  readonly status: 'success' | 'failed' | 'timedOut';
  readonly phases: readonly PhaseOutcome[];
  readonly failedStepCount: number;
  /** Number of steps that ran, with any result. */
  readonly executedStepCount: number;
  readonly ignoredFailedStepCount: number;
  readonly skippedStepCount: number;
  readonly failure?: DocumentFailure;
  /** Failed steps whose failure was ignored, in order. */
  readonly ignored: readonly DocumentFailure[];
}
