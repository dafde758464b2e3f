/**
 * Members of the API that are newer than the SDK and the API data in use: an overlay from `data/newer-members.json`, in
 * the form of the API data. Current clients send them. Source: reference, `newer-members.md`.
 */
import newer from '../../data/newer-members.json' with { type: 'json' };

/** A shape of the overlay: a new one, or additional members for one of the API data (which then has no `type`). */
export interface NewerShape {
  readonly type?: string;
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: string;
}

/** The overlay, by shape. */
export const NEWER_SHAPES = newer.shapes as unknown as Readonly<Record<string, NewerShape>>;

/** Shapes of the API data with the newer shapes and members. */
export function withNewerMembers<T extends { readonly members?: object }>(
  shapes: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  const result: Record<string, T> = { ...shapes };
  for (const [name, added] of Object.entries(NEWER_SHAPES)) {
    const known = shapes[name];
    result[name] = (known === undefined
      ? added
      : { ...known, members: { ...known.members, ...added.members } }) as unknown as T;
  }
  return result;
}

/** A pool of warm instances that a build takes its instance from. */
interface ParentInstance {
  autoScalingGroup: { name: string; capacityWaitTimeoutSeconds?: number | undefined } | undefined;
}

/** Why an image failed, for programs. */
export interface FailureContext {
  /** The image's status when it failed. */
  imageStatus?: string | undefined;
  failedStep?: string | undefined;
  stepExecutionId?: string | undefined;
  workflowArn?: string | undefined;
  workflowExecutionId?: string | undefined;
  componentFailure?: ComponentFailure | undefined;
  distributionFailure?: DistributionFailure | undefined;
}

/** The step of a component document that failed. */
interface ComponentFailure {
  componentArn?: string | undefined;
  phaseName?: string | undefined;
  stepName?: string | undefined;
  action?: string | undefined;
  /** At most 1,024 characters. */
  errorMessage?: string | undefined;
}

/** Where a distribution failed. */
interface DistributionFailure {
  errorMessage?: string | undefined;
  /** 1 to 256. */
  regionFailures?: RegionFailure[] | undefined;
}

/** One Region that a distribution failed in. */
interface RegionFailure {
  region?: string | undefined;
  accountId?: string | undefined;
  status?: string | undefined;
  imageConfigurationStep?: string | undefined;
  errorMessage?: string | undefined;
}

declare module '@aws-sdk/client-imagebuilder' {
  interface CreateImageRecipeRequest {
    amiWatermarks?: string[] | undefined;
  }
  interface ImageRecipe {
    amiWatermarks?: string[] | undefined;
  }
  interface CreateInfrastructureConfigurationRequest {
    parentInstance?: ParentInstance | undefined;
    terminateInstanceOnCompletion?: boolean | undefined;
  }
  interface UpdateInfrastructureConfigurationRequest {
    parentInstance?: ParentInstance | undefined;
    terminateInstanceOnCompletion?: boolean | undefined;
  }
  interface InfrastructureConfiguration {
    parentInstance?: ParentInstance | undefined;
    terminateInstanceOnCompletion?: boolean | undefined;
  }
  interface ImageScanningConfiguration {
    imageScanningTypes?: string[] | undefined;
    scanResultCondition?: { maximumSeverityLabel: string | undefined; fixAvailable?: boolean | undefined } | undefined;
  }
  interface Image {
    failureContext?: FailureContext | undefined;
  }
  interface WorkflowStepMetadata {
    attemptNumber?: number | undefined;
    maxAttempts?: number | undefined;
  }
  interface GetWorkflowStepExecutionResponse {
    attemptNumber?: number | undefined;
    maxAttempts?: number | undefined;
  }
}
