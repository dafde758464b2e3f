/**
 * The one way to start a pipeline. Everything that starts one (a person, a schedule, a parent, a hook) uses this module
 * and records the cause; everything that decides not to start one records the reason.
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
  /** Who or what: a principal's ARN, a schedule, the ARN of a parent. */
  readonly by: string;
  /** A sentence, or several. */
  readonly because: string;
  /** What happens once for the pipeline: a due time, the delivery of a hook, a request. */
  readonly occurrence: string;
  /** ISO-8601. */
  readonly at: string;
  /** When it was due, ISO-8601. */
  readonly due?: string | undefined;
}

/** What makes the image: the API's own way from settings to a PENDING image. Returns its ARN. */
export type Build = (build: {
  readonly buildType: 'USER_INITIATED' | 'SCHEDULED';
  /** What the pipeline gives to images that started automatically. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}) => Promise<string>;

/** A run in the making. */
export interface Run {
  readonly catalog: Catalog;
  readonly trx: Queryable;
  readonly pipeline: StoredPipeline;
  readonly cause: Cause;
}

/**
 * Starts a pipeline and records why, in the caller's transaction.
 * @param known what its names mean now, where the caller has asked already
 * @returns the image's ARN; of an occurrence that has its decision already, what that started, if anything
 * @throws {ApiError} what refuses a build: nothing of it may stay then
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

/** Records that a pipeline is not started. @param next when it is asked again, ISO-8601 */
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
