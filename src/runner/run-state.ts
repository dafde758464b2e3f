/** One run of a document, and its state from step to step. */
import type { ComponentDocument } from '../documents/component/document.ts';
import type { ParsedComponent } from '../documents/component/parse.ts';
import type { Instance } from '../instances/instance.ts';
import type { S3Access } from '../platform/s3-requests.ts';
import type { Report } from '../resources/progress.ts';
import type { Secrets } from '../secrets/secrets.ts';
import type { DocumentResult } from './document-result.ts';
import type { FindSourceFile } from './source-files.ts';
import type { RestartPoint, StepBefore } from './restart.ts';
import type { ChainedSteps } from './step-inputs.ts';

/** One run of a document. */
export interface DocumentRun {
  readonly document: ComponentDocument;
  /** The component's name, for the log and for failures. */
  readonly name: string;
  /** Phases to run, in the document's order. Phases that the document lacks are ignored. */
  readonly phases: readonly string[];
  /** Values by parameter name; missing ones get defaults. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly instance: Instance;
  /** Absolute path in the instance, created if it does not exist (default: `/tmp`). */
  readonly workingDirectory?: string;
  readonly report: Report;
  /**
   * Credentials of the instance profile, fetched when a step needs them: those that IMDS gives the instance, never the
   * worker's own.
   */
  readonly s3Access?: () => Promise<S3Access | undefined>;
  /** Resolves `{{ resolve:… }}`. Without it every secret is missing. */
  readonly secrets?: Secrets;
  /** Environment variables of every command, besides those that documents expect. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The document of a component, by its ARN, for steps that run documents; `undefined` if it does not exist. */
  readonly componentText?: (arn: string) => Promise<string | undefined>;
  /** Finds the files of `file:` sources. Without it they do not exist. */
  readonly sourceFile?: FindSourceFile;
  /** Parses a document, or returns the caller's earlier result for its text. */
  readonly parsed?: (text: string) => ParsedComponent;
  /** Identities of the documents that run this one, the outermost first. */
  readonly above?: readonly string[];
  /** Cancels the run: the running command is killed and the run rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Maximum number of restarts by the document (default: 25). */
  readonly maxReboots?: number;
  /** The caller restarts the machine, not the instance. The run then ends with `RunInterrupted`. */
  readonly leaveForRestart?: true;
  /** Where to continue an interrupted run. */
  readonly from?: RestartPoint;
}

/** The state from step to step. */
export interface RunState {
  readonly run: DocumentRun;
  readonly workingDirectory: string;
  /** Values of parameters and constants. */
  readonly scope: ReadonlyMap<string, string>;
  readonly secrets: Secrets;
  /** Steps that have run, for chaining. */
  readonly chained: ChainedSteps;
  reboots: number;
  workingDirectoryMade?: boolean;
  readonly result: DocumentResult;
  /** Steps that have ended. */
  readonly before: StepBefore[];
  /** Steps that had ended when an earlier run was interrupted, and are not taken over yet. */
  readonly awaited: StepBefore[];
}
