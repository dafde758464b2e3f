/** The contract of step actions. */
import type { Report } from '../../resources/progress.ts';
import type { ImageWork, Stage } from '../image-work.ts';

/** What a step action gets. */
export interface StepContext {
  readonly work: ImageWork;
  readonly stage: Stage;
  /** References are resolved. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What the run of the step is recorded as. */
  readonly execution: { readonly workflowId: string; readonly stepId: string; readonly stepName: string };
  readonly report: Report;
  /** Aborted by the step's deadline, too. */
  readonly signal: AbortSignal;
  readonly timeoutSeconds: number;
}

/** What a step leaves for later ones: the outputs of the reference, `workflows.md` section 4. */
export type StepOutputs = Readonly<Record<string, unknown>>;

/** One step action. */
export interface StepAction {
  readonly name: string;
  /** Why there is nothing to do for this image, if so: the step is then SKIPPED. */
  readonly skip?: (context: Omit<StepContext, 'inputs' | 'execution'>) => string | undefined;
  /** @throws {StepError} or what went wrong; its message becomes the step's */
  readonly run: (context: StepContext) => Promise<StepOutputs>;
  /** Takes back what the step did, after a later step (or itself) aborted the workflow. */
  readonly rollback?: (context: Omit<StepContext, 'inputs' | 'execution'>, outputs: StepOutputs) => Promise<void>;
}
