/** What a document's run carries from step to step. */
import type { Secrets } from '../secrets/secrets.ts';
import type { DocumentResult } from './document-result.ts';
import type { StepBefore } from './restart.ts';
import type { DocumentRun } from './run-document.ts';
import type { ChainedSteps } from './step-inputs.ts';

export interface RunState {
  readonly run: DocumentRun;
  readonly workingDirectory: string;
  /** Values of parameters and constants. */
  readonly scope: ReadonlyMap<string, string>;
  readonly secrets: Secrets;
  /** What has run, for chaining. */
  readonly chained: ChainedSteps;
  reboots: number;
  workingDirectoryMade?: boolean;
  readonly result: DocumentResult;
  /** Steps that have ended. */
  readonly before: StepBefore[];
  /** Steps that had ended when an earlier run was interrupted, and are still to be taken over. */
  readonly awaited: StepBefore[];
}
