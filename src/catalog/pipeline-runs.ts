/** Queries on runs of pipelines: what started each, and why others were not started. */
import type { Insertable, Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import { writePipelineLog } from './log-groups.ts';
import type { PipelineTables } from './pipeline-tables.ts';

/** A recorded decision. */
export type PipelineRun = Selectable<PipelineTables['pipeline_runs']>;
/** A decision to record. */
export type NewPipelineRun = Insertable<PipelineTables['pipeline_runs']>;

/** Maximum number of recorded decisions per pipeline that started nothing; the newest are kept. */
const KEPT_SKIPS = 1000;

/**
 * Records a decision. One that was postponed is replaced by its final one.
 * @returns whether it was recorded; false if the same occurrence has its decision already
 */
export async function recordRun(trx: Queryable, run: NewPipelineRun): Promise<boolean> {
  const { pipeline_arn: arn, occurrence, ...rest } = run;
  const inserted = await trx
    .insertInto('pipeline_runs')
    .values(run)
    .onConflict((conflict) => conflict.columns(['pipeline_arn', 'occurrence']).doNothing())
    .executeTakeFirst();
  if ((inserted.numInsertedOrUpdatedRows ?? 0n) > 0n) {
    if (run.outcome !== 'started') await forgetOldSkips(trx, arn);
    await logRun(trx, run);
    return true;
  }
  const { numUpdatedRows } = await trx
    .updateTable('pipeline_runs')
    .set(rest)
    .where('pipeline_arn', '=', arn)
    .where('occurrence', '=', occurrence)
    .where('outcome', '=', 'put off')
    .executeTakeFirstOrThrow();
  if (numUpdatedRows > 0n) await logRun(trx, run);
  return numUpdatedRows > 0n;
}

const SAID = {
  started: 'Started',
  skipped: 'Skipped',
  refused: 'Not started',
  'put off': 'Put off',
  disabled: 'Disabled',
} as const;

async function logRun(trx: Queryable, run: NewPipelineRun): Promise<void> {
  const { pipeline_arn: pipeline, at: time, outcome, cause, because, reason, image_arn: image, next } = run;
  const what = `${SAID[outcome]}${image ? ` ${image}` : ''}`;
  const then = next ? ` It is asked again at ${next}.` : '';
  await writePipelineLog(trx, {
    time,
    level: outcome === 'refused' || outcome === 'disabled' ? 'error' : 'info',
    text: `${what}: ${because}${reason ? ` ${reason}` : ''}${then}`.replaceAll(/\s*\n\s*/g, ' '),
    pipeline,
    outcome,
    cause,
    ...(image ? { image } : {}),
  });
}

async function forgetOldSkips(trx: Queryable, arn: string): Promise<void> {
  const skips = trx
    .selectFrom('pipeline_runs')
    .select('seq')
    .where('pipeline_arn', '=', arn)
    .where('outcome', '!=', 'started');
  const last = await skips.orderBy('seq', 'desc').offset(KEPT_SKIPS).limit(1).executeTakeFirst();
  if (last === undefined) return;
  await trx
    .deleteFrom('pipeline_runs')
    .where('pipeline_arn', '=', arn)
    .where('outcome', '!=', 'started')
    .where('seq', '<=', last.seq)
    .execute();
}

/** The decision on an occurrence, or `undefined`. */
export async function runOf(db: Queryable, arn: string, occurrence: string): Promise<PipelineRun | undefined> {
  return db
    .selectFrom('pipeline_runs')
    .selectAll()
    .where('pipeline_arn', '=', arn)
    .where('occurrence', '=', occurrence)
    .executeTakeFirst();
}

/** Decisions about a pipeline, newest first. @param before a `seq`: only older ones */
export async function runsOfPipeline(
  db: Queryable,
  arn: string,
  limit: number,
  before?: number,
): Promise<readonly PipelineRun[]> {
  const query = db.selectFrom('pipeline_runs').selectAll().where('pipeline_arn', '=', arn);
  return (before === undefined ? query : query.where('seq', '<', before)).orderBy('seq', 'desc').limit(limit).execute();
}

/** The run that started an image; `undefined` if no pipeline did. */
export async function runOfImage(db: Queryable, imageArn: string): Promise<PipelineRun | undefined> {
  return db
    .selectFrom('pipeline_runs')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
}

/** The latest run with recorded dependencies whose image neither failed nor was canceled. */
export async function lastGoodRun(
  db: Queryable,
  arn: string,
): Promise<(PipelineRun & { readonly image_status: string }) | undefined> {
  return db
    .selectFrom('pipeline_runs as r')
    .innerJoin('images as i', 'i.arn', 'r.image_arn')
    .selectAll('r')
    .select('i.status as image_status')
    .where('r.pipeline_arn', '=', arn)
    .where('r.outcome', '=', 'started')
    .where('i.status', 'not in', ['FAILED', 'CANCELLED', 'DELETED'])
    .orderBy('r.seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The latest run or decision with recorded dependencies, whatever its result. */
export async function latestComparison(db: Queryable, arn: string): Promise<PipelineRun | undefined> {
  return db
    .selectFrom('pipeline_runs')
    .selectAll()
    .where('pipeline_arn', '=', arn)
    .where('dependencies', 'is not', null)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Replaces the recorded dependencies of a run. */
export async function setDependencies(trx: Queryable, seq: number, dependencies: string): Promise<void> {
  await trx.updateTable('pipeline_runs').set({ dependencies }).where('seq', '=', seq).execute();
}

/** Deletes the decisions of a deleted pipeline. */
export async function removeRuns(trx: Queryable, arn: string): Promise<void> {
  await trx.deleteFrom('pipeline_runs').where('pipeline_arn', '=', arn).execute();
}
