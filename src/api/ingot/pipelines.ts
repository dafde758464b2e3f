/**
 * Routes for pipelines that AWS does not have: when they are due, what started each run, and why others were not
 * started.
 */
import { getPipeline, listPipelines, type StoredPipeline } from '../../catalog/image-pipelines.ts';
import { runsOfPipeline, type PipelineRun } from '../../catalog/pipeline-runs.ts';
import { readSchedule } from '../../pipelines/schedule/schedule.ts';
import { windowNow, readMaintenance } from '../../pipelines/maintenance.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, resourceNotFound } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { currentConfig } from '../operations/plans.ts';
import { readQuery } from './read.ts';
import type { IngotRoute } from './route.ts';

/** A run in a response. */
export interface ToldRun {
  readonly seq: number;
  readonly cause: string;
  readonly by: string;
  readonly at: string;
  readonly because: string;
  readonly due?: string | undefined;
  readonly outcome: string;
  readonly reason?: string | undefined;
  readonly next?: string | undefined;
  readonly image?: string | undefined;
}

/** A pipeline's schedule in a response. */
export interface ToldSchedule {
  readonly pipeline: string;
  readonly name: string;
  readonly status: string;
  readonly expression?: string | undefined;
  readonly timezone?: string | undefined;
  /** `every Sunday at 03:00, Europe/Berlin`. */
  readonly words?: string | undefined;
  readonly startCondition?: string | undefined;
  readonly next?: string | undefined;
  /** The maintenance window that holds it now, and its end. */
  readonly heldBy?: { readonly name: string; readonly until: string } | undefined;
  readonly consecutiveFailures: number;
  /** The latest decision about it. */
  readonly last?: ToldRun | undefined;
}

/** Maximum number of runs in a response. */
const MOST_RUNS = 1000;

export const pipelineRoutes: readonly IngotRoute[] = [
  {
    action: 'ingot:ListSchedules',
    method: 'GET',
    path: '/ingot/schedules',
    resource: (_, { region, account }) => `arn:aws:imagebuilder:${region}:${account}:image-pipeline/*`,
    async handle(_, context) {
      const place = { account: context.account, region: context.region };
      const found = await listPipelines(context.services.catalog.db, place, {}, { limit: Number.MAX_SAFE_INTEGER - 1 });
      const schedules: ToldSchedule[] = [];
      for (const pipeline of found) schedules.push(await scheduleTold(pipeline as StoredPipeline, context));
      return { json: { schedules } };
    },
  },
  {
    action: 'ingot:ListPipelineRuns',
    method: 'GET',
    path: '/ingot/pipelines/:arn/runs',
    resource: ({ arn }) => arn!,
    async handle({ params, query }, context) {
      const { limit = 25, before } = readQuery(query, (reader) => ({
        limit: reader.integer('limit', 1, MOST_RUNS),
        before: reader.integer('before', 1, Number.MAX_SAFE_INTEGER),
      }));
      const text = params['arn']!;
      const arn = parseArn(text);
      if (arn?.type !== 'image-pipeline') throw invalidParameterValue('arn', `'${text}' is not the ARN of a pipeline.`);
      const { db } = context.services.catalog;
      const pipeline = arn.owner === context.account ? await getPipeline(db, text) : undefined;
      if (pipeline === undefined) throw resourceNotFound(text);
      const runs = await runsOfPipeline(db, text, limit, before);
      return { json: { schedule: await scheduleTold(pipeline, context), runs: runs.map(told) } };
    },
  },
];

async function scheduleTold(pipeline: StoredPipeline, context: RequestContext): Promise<ToldSchedule> {
  const { scheduleExpression: expression, timezone, pipelineExecutionStartCondition } = pipeline.schedule ?? {};
  const [last] = await runsOfPipeline(context.services.catalog.db, pipeline.arn, 1);
  const window = windowNow(
    readMaintenance((await currentConfig(context)).maintenance),
    pipeline.tags ?? {},
    context.now,
  );
  return {
    pipeline: pipeline.arn,
    name: pipeline.name,
    status: pipeline.status!,
    expression,
    timezone: expression === undefined ? undefined : (timezone ?? 'UTC'),
    words: expression === undefined ? undefined : readSchedule({ expression, timezone }).words,
    startCondition: pipelineExecutionStartCondition,
    next: pipeline.dateNextRun,
    heldBy: window && { name: window.name, until: new Date(window.ends).toISOString() },
    consecutiveFailures: pipeline.consecutiveFailures ?? 0,
    last: last && told(last),
  };
}

function told({ seq, cause, by, at, because, due, outcome, reason, next, image_arn }: PipelineRun): ToldRun {
  return {
    seq,
    cause,
    by,
    at,
    because,
    due: due ?? undefined,
    outcome,
    reason: reason ?? undefined,
    next: next ?? undefined,
    image: image_arn ?? undefined,
  };
}
