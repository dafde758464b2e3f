/**
 * The only way to start a pipeline. Everything that starts one (a person, a schedule, a parent, a hook) uses this
 * module and records the cause. Everything that decides not to start one records the reason.
 */
import type { Catalog, Queryable } from '../catalog/catalog.ts';
import type { StoredPipeline } from '../catalog/image-pipelines.ts';
import { recordRun, runOf, type NewPipelineRun } from '../catalog/pipeline-runs.ts';
import type { CauseKind } from '../catalog/pipeline-tables.ts';
import { parseArn } from '../resources/arns.ts';
import { dependenciesOf, type Dependencies } from './dependencies.ts';

/** What starts a pipeline. */
export interface Cause {
  readonly cause: CauseKind;
  /** A principal's ARN, a schedule, or the ARN of a parent. */
  readonly by: string;
  /** One or more sentences. */
  readonly because: string;
  /**
   * The identity of the cause, which starts the pipeline at most once: a due time, the delivery of a hook, a request.
   */
  readonly occurrence: string;
  /** ISO-8601. */
  readonly at: string;
  /** When it was due, ISO-8601. */
  readonly due?: string | undefined;
}

/** Makes the image: the API's own code, from settings to a PENDING image. Returns its ARN. */
export type Build = (build: {
  readonly buildType: 'USER_INITIATED' | 'SCHEDULED';
  /** The pipeline's tags for images that start automatically. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}) => Promise<string>;

/** A run that is about to start. */
export interface Run {
  readonly catalog: Catalog;
  readonly trx: Queryable;
  readonly pipeline: StoredPipeline;
  readonly cause: Cause;
}

/**
 * Starts a pipeline and records the cause, in the caller's transaction.
 * @param known its resolved names, if the caller has them already
 * @returns the image's ARN; for an occurrence that was already decided, the image that it started, if any
 * @throws {ApiError} if the build is rejected; the caller must roll back
 */
export async function startPipeline(run: Run, build: Build, known?: Dependencies): Promise<string | undefined> {
  const { catalog, trx, pipeline, cause } = run;
  const earlier = await runOf(trx, pipeline.arn, cause.occurrence);
  if (earlier !== undefined && earlier.outcome !== 'put off') return earlier.image_arn ?? undefined;
  const byHand = cause.cause === 'person' || cause.cause === 'retry';
  const { owner: account, region } = parseArn(pipeline.arn)!;
  const dependencies = known ?? (await dependenciesOf(catalog, trx, { account, region }, pipeline));
  const image_arn = await build({
    buildType: byHand ? 'USER_INITIATED' : 'SCHEDULED',
    tags: byHand ? undefined : pipeline.imageTags,
  });
  await recordRun(trx, {
    ...recorded(run),
    outcome: 'started',
    reason: null,
    next: null,
    image_arn,
    dependencies: JSON.stringify(dependencies),
  });
  return image_arn;
}

/** Records that a pipeline is not started. @param next when it is tried again, ISO-8601 */
export async function declineStart(
  run: Omit<Run, 'catalog'>,
  outcome: 'skipped' | 'refused' | 'put off',
  reason: string,
  next: string | null,
): Promise<void> {
  await recordRun(run.trx, { ...recorded(run), outcome, reason: reason.slice(0, 4000), next });
}

function recorded({ pipeline, cause }: Omit<Run, 'catalog' | 'trx'>): Omit<NewPipelineRun, 'outcome'> {
  const { due, ...rest } = cause;
  return { pipeline_arn: pipeline.arn, ...rest, due: due ?? null };
}
