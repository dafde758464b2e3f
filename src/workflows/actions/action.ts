/** The contract of step actions. */
import type { ImageProgress, ImageServices, StepControl } from '../machines/image-progress.ts';
import type { ImagePlan, Stage } from '../planning/image-plan.ts';

/** The interpreter's context for a step. An action declares which members it needs: `StepNeeds`. */
export interface StepContext extends StepControl {
  readonly plan: ImagePlan;
  readonly progress: ImageProgress;
  readonly services: ImageServices;
  readonly stage: Stage;
  /** References are resolved. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Id of the step's record. */
  readonly execution: {
    readonly workflowId: string;
    readonly stepId: string;
    readonly stepName: string;
    /** Whether the step began before: the work was left while it waited. */
    readonly resumed: boolean;
    /** Whether the step may throw a `Suspension`, to be run again with `resumed` later. */
    readonly mayLeave: boolean;
  };
  /** Aborted by the step's deadline, too. */
  readonly signal: AbortSignal;
  /** Aborted with the image's work alone: by a cancellation, or when the worker ends. */
  readonly workSignal: AbortSignal;
  readonly timeoutSeconds: number;
}

/** The members that an action needs of its context: of the plan, of the progress and of the services, by name. */
export interface StepNeeds<
  Plan extends keyof ImagePlan = never,
  Progress extends keyof ImageProgress = never,
  Services extends keyof ImageServices = never,
> extends Omit<StepContext, 'plan' | 'progress' | 'services'> {
  readonly plan: Pick<ImagePlan, Plan>;
  readonly progress: Pick<ImageProgress, Progress>;
  readonly services: Pick<ImageServices, Services>;
}

/** The context of `skip` and `rollback`. */
type StepFacts = Omit<StepContext, 'inputs' | 'execution'>;

/** What a step leaves for later ones: the outputs of the reference, `workflows.md` section 4. */
export type StepOutputs = Readonly<Record<string, unknown>>;

/** One step action. */
export interface StepAction {
  readonly name: string;
  /** Why the action does not apply to this image, if so: the step is then SKIPPED. */
  readonly skip?: (context: StepFacts) => string | undefined;
  /** @throws {StepError} or what went wrong; its message becomes the step's */
  readonly run: (context: StepContext) => Promise<StepOutputs>;
  /** Undoes the step, after a later step (or itself) aborted the workflow. */
  readonly rollback?: (context: StepFacts, outputs: StepOutputs) => Promise<void>;
}
