/** Queries on when pipelines are due. */
import type { Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import type { PipelineTables } from './pipeline-tables.ts';

/** When a pipeline is due. */
export type PipelineSchedule = Selectable<PipelineTables['pipeline_schedules']>;

/** Records when a pipeline is due, replacing the previous record. Without a schedule it is never due. */
export async function setPipelineSchedule(
  db: Queryable,
  pipelineArn: string,
  schedule: Omit<PipelineSchedule, 'pipeline_arn'> | undefined,
): Promise<void> {
  if (schedule === undefined) {
    await db.deleteFrom('pipeline_schedules').where('pipeline_arn', '=', pipelineArn).execute();
    return;
  }
  await db
    .insertInto('pipeline_schedules')
    .values({ pipeline_arn: pipelineArn, ...schedule })
    .onConflict((conflict) => conflict.column('pipeline_arn').doUpdateSet(schedule))
    .execute();
}

/** Pipelines to check at `now` (ISO-8601), those that have waited longest first. */
export async function schedulesToLookAt(
  db: Queryable,
  now: string,
  limit: number,
): Promise<readonly PipelineSchedule[]> {
  return db
    .selectFrom('pipeline_schedules')
    .selectAll()
    .where('look_at', '<=', now)
    .orderBy('look_at')
    .orderBy('pipeline_arn')
    .limit(limit)
    .execute();
}

/**
 * Claims a due pipeline: of two servers that see the same row, only one gets it.
 * @param then when it is due and checked next
 * @returns whether it was claimed
 */
export async function takeSchedule(
  trx: Queryable,
  seen: PipelineSchedule,
  then: Pick<PipelineSchedule, 'due' | 'look_at'>,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('pipeline_schedules')
    .set(then)
    .where('pipeline_arn', '=', seen.pipeline_arn)
    .where('look_at', '=', seen.look_at)
    .where((e) => (seen.due === null ? e('due', 'is', null) : e('due', '=', seen.due)))
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** The next due time of each of these pipelines, if it has one. */
export async function dueTimes(db: Queryable, pipelineArns: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (pipelineArns.length === 0) return new Map();
  const rows = await db
    .selectFrom('pipeline_schedules')
    .select(['pipeline_arn', 'due'])
    .where('pipeline_arn', 'in', pipelineArns)
    .execute();
  return new Map(rows.flatMap(({ pipeline_arn, due }) => (due === null ? [] : [[pipeline_arn, due] as const])));
}

/** Whether any pipeline has a due time. */
export async function anyScheduled(db: Queryable): Promise<boolean> {
  return (await db.selectFrom('pipeline_schedules').select('pipeline_arn').limit(1).executeTakeFirst()) !== undefined;
}
