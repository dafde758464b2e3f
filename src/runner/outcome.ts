/** The results of documents, phases and steps. */
import type { InputValue } from '../documents/component/document.ts';
import type { Journal } from '../guest/service-journal.ts';

export type StepStatus = 'Success' | 'Failed' | 'IgnoredFailure' | 'Skipped';
export type PhaseStatus = 'Success' | 'Failed' | 'SuccessWithIgnoredFailure';

/** The result of a step. */
export interface StepOutcome {
  readonly name: string;
  readonly action: string;
  readonly status: StepStatus;
  /** Attempts made; a run after exit code 194 is not one. */
  readonly attempts: number;
  /** ISO-8601. */
  readonly startTime: string;
  readonly endTime: string;
  /** What the last attempt gave for chaining; of a list of items, joined by newlines. Values above 1 MiB are absent. */
  readonly outputs: Readonly<Record<string, string>>;
  /** As its module got them; as the document has them when it did not come so far. */
  readonly inputs: InputValue;
  /** Of a step that ran a document: how that went, in the shape that `detailedoutput.json` has. */
  readonly detailedOutput?: readonly object[];
  readonly failureMessage?: string;
}

export interface PhaseOutcome {
  readonly name: string;
  readonly status: PhaseStatus;
  /** Steps that were reached. */
  readonly steps: readonly StepOutcome[];
}

/** The first failed step, with details. */
export interface DocumentFailure {
  readonly phase: string;
  readonly step: string;
  readonly action: string;
  readonly message: string;
  readonly exitCode?: number;
  /** The failing command, as far as it is known. */
  readonly command?: string;
  /** The last 20 lines that the step printed, on either stream, oldest first. */
  readonly outputTail: readonly string[];
  /** The instance no longer answers: nothing more can be run in it. */
  readonly instanceLost?: true;
  /**
   * What the journal says of the services that the step mentions; of all since the component began if it mentions none.
   */
  readonly journal?: Journal;
}

/** The result of a document. */
export interface DocumentOutcome {
  /** `timedOut` when the first step that failed did so by its time limit. */
  readonly status: 'success' | 'failed' | 'timedOut';
  readonly phases: readonly PhaseOutcome[];
  readonly failedStepCount: number;
  /** Steps that ran, with any result. */
  readonly executedStepCount: number;
  readonly ignoredFailedStepCount: number;
  readonly skippedStepCount: number;
  readonly failure?: DocumentFailure;
  /** The steps that failed and were ignored, in order. */
  readonly ignored: readonly DocumentFailure[];
}
