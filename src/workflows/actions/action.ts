/** The contract of step actions. */
import type { FinishedDisk, ImageProgress, ImageServices, StepControl } from '../machines/image-progress.ts';
import type { ImagePlan, Stage } from '../planning/image-plan.ts';

/** The context that the interpreter gives to a step. An action declares which members it needs: `StepNeeds`. */
export interface StepContext extends StepControl {
  readonly plan: ImagePlan;
  readonly progress: ImageProgress;
  readonly services: ImageServices;
  readonly stage: Stage;
  /** With references resolved. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Id of the step's record. */
  readonly execution: {
    readonly workflowId: string;
    readonly stepId: string;
    readonly stepName: string;
    /** Among its workflow's steps, from 0. */
    readonly position: number;
    /** Whether the step began before: the work was left while it waited, or was interrupted. */
    readonly resumed: boolean;
    /** Whether the step may throw a `Suspension`, to be run again later with `resumed`. */
    readonly mayLeave: boolean;
  };
  /** Also aborted by the step's deadline. */
  readonly signal: AbortSignal;
  /** Aborted only with the image's work: by a cancellation, or when the worker stops. */
  readonly workSignal: AbortSignal;
  readonly timeoutSeconds: number;
}

/** The members of plan, progress and services that an action needs. */
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

/** The outputs of a step for later ones: see the reference, `workflows.md` section 4. */
export type StepOutputs = Readonly<Record<string, unknown>>;

/** One step action. */
export interface StepAction {
  readonly name: string;
  /**
   * Where its effect is, if it is in the instance that its input `instanceId` names. In the build stage the disk's next
   * `layer` holds it, which is taken after the step, or by the step itself (`layers`); in other stages, it runs again
   * if it was finished and its instance was lost. What makes a `machine` ready to be an image runs again in any case.
   * Without this member it is on record or elsewhere: finished, it never runs again.
   */
  readonly effect?: 'layer' | 'layers' | 'machine';
  /** Its time goes on while nobody works on the image. */
  readonly waits?: boolean;
  /** Why the action does not apply to this image, if so: the step is then SKIPPED. */
  readonly skip?: (context: StepFacts) => string | undefined;
  /** @throws {StepError} or another error, whose message becomes the step's */
  readonly run: (context: StepContext) => Promise<StepOutputs>;
  /** Instead of `run`, where the disk that the instance would become is finished already: needs no instance. */
  readonly finished?: (context: StepContext, disk: FinishedDisk) => Promise<StepOutputs>;
  /** Undoes the step, after it or a later step aborted the workflow. */
  readonly rollback?: (context: StepFacts, outputs: StepOutputs) => Promise<void>;
}
