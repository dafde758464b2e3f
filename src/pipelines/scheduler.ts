/**
 * Starts pipelines when they are due. Rows hold the due times. A tick takes the due rows, each in a separate
 * transaction with the key (pipeline, due time). Nothing is kept in memory between ticks, so that a crash loses
 * nothing, and two servers on one database start nothing twice.
 */
import type { Catalog, Queryable } from '../catalog/catalog.ts';
import { getPipeline, type StoredPipeline } from '../catalog/image-pipelines.ts';
import { countFailure } from '../catalog/pipeline-failures.ts';
import { lastGoodRun, setDependencies } from '../catalog/pipeline-runs.ts';
import {
  schedulesToLookAt,
  setPipelineSchedule,
  takeSchedule,
  type PipelineSchedule,
} from '../catalog/pipeline-schedules.ts';
import { tagsOf } from '../catalog/tags.ts';
import { logger } from '../platform/log.ts';
import { parseArn } from '../resources/arns.ts';
import { ApiError } from '../resources/errors.ts';
import { compareDependencies, dependenciesOf, type Dependencies } from './dependencies.ts';
import { updatesOfImage, UPDATES_TAG } from './packages/of-image.ts';
import type { IndexSource } from './packages/outdated.ts';
import { windowNow, type MaintenanceWindow } from './maintenance.ts';
import { readSchedule, type Schedule } from './schedule/schedule.ts';
import { declineStart, startPipeline, type Build, type Cause } from './start.ts';

/** What the scheduler needs. */
export interface SchedulerParts {
  readonly catalog: Catalog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Makes an image of a pipeline, in a transaction. */
  readonly builder: (trx: Queryable, pipeline: StoredPipeline) => Build;
  readonly maintenance: readonly MaintenanceWindow[];
  /** If absent, package updates start nothing. */
  readonly packageIndexes?: IndexSource;
  /** Called after a transaction that started something. */
  readonly started: () => void;
  /** Checked between two pipelines. */
  readonly stopping: () => boolean;
}

/** Number of pipelines that are read at once. */
const AT_ONCE = 64;
/** A run that begins later than this after its due time says so, in milliseconds. */
const LATE_MS = 60_000;
/** Maximum number of missed due times that are counted. */
const COUNTED = 1000;
/** When a pipeline is tried again that a quota held back, in milliseconds. */
const AGAIN_MS = 60_000;

/** Processes every due pipeline. Returns their number. */
export async function runDuePipelines(parts: SchedulerParts): Promise<number> {
  let looked = 0;
  for (;;) {
    const due = await schedulesToLookAt(parts.catalog.db, isoOf(parts.now()), AT_ONCE);
    if (due.length === 0) return looked;
    // In parallel they share commits.
    await Promise.all(due.map((row) => (parts.stopping() ? undefined : runOne(parts, row))));
    if (parts.stopping()) return looked;
    looked += due.length;
  }
}

/** Sets the first due time of a pipeline. @param now milliseconds since 1970 */
export async function schedulePipeline(db: Queryable, pipeline: StoredPipeline, now: number): Promise<void> {
  const anchor = isoOf(now);
  const schedule = pipeline.status === 'DISABLED' ? undefined : scheduleOf(pipeline, anchor);
  const due = schedule?.next(now);
  await setPipelineSchedule(
    db,
    pipeline.arn,
    due === undefined ? undefined : { anchor, due: isoOf(due), look_at: isoOf(due) },
  );
}

/** The schedule of a pipeline, or `undefined` if it has none. @param anchor what a rate counts from, ISO-8601 */
function scheduleOf(pipeline: StoredPipeline, anchor: string): Schedule | undefined {
  const { scheduleExpression, timezone } = pipeline.schedule ?? {};
  return scheduleExpression === undefined
    ? undefined
    : readSchedule({ expression: scheduleExpression, timezone }, Date.parse(anchor));
}

async function runOne(parts: SchedulerParts, row: PipelineSchedule): Promise<void> {
  try {
    // Network requests come before the transaction, because it blocks other writers.
    const packages = await packageNews(parts, row.pipeline_arn);
    const started = await parts.catalog.transaction((trx) => decide(parts, trx, row, packages));
    if (started) parts.started();
  } catch (error) {
    await parts.catalog
      .transaction((trx) => refused(parts, trx, row, error))
      .catch((failure: unknown) => {
        logger().error({ pipeline: row.pipeline_arn, error: failure }, 'a pipeline that is due could not be looked at');
      });
  }
}

/** Decides on a due pipeline. Returns whether it was started. */
async function decide(
  parts: SchedulerParts,
  trx: Queryable,
  row: PipelineSchedule,
  packages: News | undefined,
): Promise<boolean> {
  const found = await taken(parts, trx, row);
  if (found === undefined) return false;
  const { pipeline, cause, nextDue, now } = found;
  const window = windowNow(parts.maintenance, pipeline.tags ?? {}, now);
  if (window !== undefined) {
    const ends = isoOf(window.ends);
    await setPipelineSchedule(trx, pipeline.arn, { anchor: row.anchor, due: row.due, look_at: ends });
    const why = `The maintenance window '${window.name}' lasts until ${ends}; nothing starts by itself in it.`;
    await declineStart({ trx, pipeline, cause }, 'put off', why, ends);
    return false;
  }
  const { owner: account, region } = parseArn(pipeline.arn)!;
  const dependencies = await dependenciesOf(parts.catalog, trx, { account, region }, pipeline);
  const news =
    pipeline.schedule?.pipelineExecutionStartCondition === 'EXPRESSION_MATCH_ONLY'
      ? { start: true, because: 'Its start condition is EXPRESSION_MATCH_ONLY.' }
      : await updates(trx, pipeline.arn, dependencies);
  if (!news.start && packages?.start !== true) {
    const reason = [news.because, packages?.because].filter(Boolean).join(' ');
    await declineStart({ trx, pipeline, cause }, 'skipped', reason, nextDue);
    return false;
  }
  const why: Cause = news.start
    ? { ...cause, because: `${cause.because} ${news.because}` }
    : { ...cause, cause: 'packages', because: `${cause.because} ${packages!.because}` };
  await startPipeline(
    { catalog: parts.catalog, trx, pipeline, cause: why },
    parts.builder(trx, pipeline),
    dependencies,
  );
  return true;
}

/** A row that this server claimed, with its due time. */
interface Taken {
  readonly pipeline: StoredPipeline;
  readonly cause: Cause;
  /** ISO-8601. */
  readonly nextDue: string | null;
  readonly now: number;
}

/** Claims a row and sets its next due time; `undefined` if there is nothing to do. */
async function taken(parts: SchedulerParts, trx: Queryable, row: PipelineSchedule): Promise<Taken | undefined> {
  const now = parts.now();
  const pipeline = await getPipeline(trx, row.pipeline_arn);
  const schedule =
    pipeline === undefined || pipeline.status === 'DISABLED' ? undefined : scheduleOf(pipeline, row.anchor);
  if (pipeline === undefined || schedule === undefined) {
    await setPipelineSchedule(trx, row.pipeline_arn, undefined);
    return undefined;
  }
  if (row.due === null) {
    // The pipeline is older than the scheduler, so nothing was missed.
    const due = schedule.next(now);
    if (due === undefined) await setPipelineSchedule(trx, pipeline.arn, undefined);
    else await takeSchedule(trx, row, { due: isoOf(due), look_at: isoOf(due) });
    return undefined;
  }
  const next = schedule.next(now);
  const nextDue = next === undefined ? null : isoOf(next);
  if (!(await takeSchedule(trx, row, { due: nextDue, look_at: nextDue ?? FAR }))) return undefined;
  if (next === undefined) await setPipelineSchedule(trx, pipeline.arn, undefined);
  const cause: Cause = {
    cause: 'schedule',
    by: pipeline.schedule!.scheduleExpression!,
    because: `Due at ${row.due}: ${schedule.words}.${missedWords(schedule, row, now)}`,
    occurrence: row.due,
    at: isoOf(now),
    due: row.due,
  };
  return { pipeline, cause, nextDue, now };
}

/** Later than any due time. The row is removed in the same transaction. */
const FAR = '9999-12-31T00:00:00.000Z';

/** The log message about due times that passed while no server ran. */
function missedWords(schedule: Schedule, row: PipelineSchedule, now: number): string {
  const due = Date.parse(row.due!);
  if (now - due < LATE_MS) return '';
  let last = due;
  let count = 1;
  for (
    let next = schedule.next(due);
    next !== undefined && next <= now && count < COUNTED;
    next = schedule.next(next)
  ) {
    last = next;
    count++;
  }
  const held = row.look_at === row.due ? 'No server was running then' : 'It was put off';
  if (count === 1) return ` ${held}: this run makes up for it.`;
  const times = count === COUNTED ? `${COUNTED} due times or more` : `${count} due times`;
  return ` ${held}: this run makes up for ${times}, from ${row.due!} to ${isoOf(last)}.`;
}

/** Whether there is a reason to build, and which. */
interface News {
  readonly start: boolean;
  readonly because: string;
}

/** Time limit for fetching indexes, in milliseconds. */
const INDEXES_MS = 120_000;
/** Maximum number of packages in a reason. */
const NAMED = 40;

/** Package updates, for a pipeline with the tag `ingot:on-updates`. */
async function packageNews({ catalog, packageIndexes }: SchedulerParts, arn: string): Promise<News | undefined> {
  if (packageIndexes === undefined) return undefined;
  const which = (await tagsOf(catalog.db, arn))[UPDATES_TAG];
  if (which !== 'security' && which !== 'all') return undefined;
  const last = await lastGoodRun(catalog.db, arn);
  if (last?.image_arn == null || last.image_status !== 'AVAILABLE') return undefined;
  try {
    const signal = AbortSignal.timeout(INDEXES_MS);
    const found = await updatesOfImage(catalog.db, packageIndexes, last.image_arn, signal);
    if (found === undefined) return { start: false, because: `The packages of ${last.image_arn} are not known.` };
    const counted = found.filter(({ security }) => security || which === 'all');
    const kind = which === 'security' ? 'security updates' : 'updates';
    if (counted.length === 0) return { start: false, because: `There are no ${kind} for ${last.image_arn}.` };
    const named = counted
      .slice(0, NAMED)
      .map(({ name, installed, available }) => `${name} ${installed} to ${available}`);
    const more = counted.length > NAMED ? ` and ${counted.length - NAMED} more` : '';
    return { start: true, because: `There are ${kind} for ${last.image_arn}: ${named.join(', ')}${more}.` };
  } catch (error) {
    return { start: false, because: `Package updates could not be asked for: ${(error as Error).message}.` };
  }
}

/** What changed since the last build that did not fail, if anything. */
async function updates(trx: Queryable, arn: string, now: Dependencies): Promise<News> {
  const last = await lastGoodRun(trx, arn);
  if (last === undefined || last.dependencies === null)
    return { start: true, because: 'No earlier build of this pipeline is there to compare with.' };
  const { changes, completed } = compareDependencies(JSON.parse(last.dependencies) as Dependencies, now);
  if (completed !== undefined) await setDependencies(trx, last.seq, JSON.stringify(completed));
  if (changes.length > 0) return { start: true, because: changes.join(' ') };
  const names = Object.entries(now).map(([name, meaning]) => `${name} is ${meaning}`);
  return {
    start: false,
    because:
      `Nothing that it names is newer than in ${last.image_arn}. Compared: ${names.join(', ')}. What names its build ` +
      'never counts. To build at each due time, set pipelineExecutionStartCondition to EXPRESSION_MATCH_ONLY.',
  };
}

/** Records why a due pipeline could not be started. What was written of an image is rolled back. */
async function refused(parts: SchedulerParts, trx: Queryable, row: PipelineSchedule, error: unknown): Promise<void> {
  const found = await taken(parts, trx, row);
  if (found === undefined) return;
  const { pipeline, cause, nextDue, now } = found;
  if (error instanceof ApiError && error.code === 'ServiceQuotaExceededException') {
    const again = isoOf(now + AGAIN_MS);
    await setPipelineSchedule(trx, pipeline.arn, { anchor: row.anchor, due: row.due, look_at: again });
    return declineStart({ trx, pipeline, cause }, 'put off', error.message, again);
  }
  if (!(error instanceof ApiError))
    logger().error({ pipeline: pipeline.arn, error }, 'a pipeline could not be started');
  const reason = error instanceof ApiError ? error.message : `It failed because of an internal error: ${String(error)}`;
  await declineStart({ trx, pipeline, cause }, 'refused', reason, nextDue);
  await countFailure(trx, pipeline.arn);
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}
