/** Queries on when pipelines are due. */
import type { Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import type { PipelineTables } from './pipeline-tables.ts';

/** When a pipeline is due. */
export type PipelineSchedule = Selectable<PipelineTables['pipeline_schedules']>;

/** Records when a pipeline is due, in place of what was there; without a schedule it is due at no time. */
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

/** Pipelines to be looked at by `now` (ISO-8601), those that wait longest first. */
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
 * Takes a pipeline that is due: of two servers that saw the same row one gets it.
 * @param then when it is due and looked at next
 * @returns whether this one got it
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

/** When each of some pipelines is due next, where it is. */
export async function dueTimes(db: Queryable, pipelineArns: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (pipelineArns.length === 0) return new Map();
  const rows = await db
    .selectFrom('pipeline_schedules')
    .select(['pipeline_arn', 'due'])
    .where('pipeline_arn', 'in', pipelineArns)
    .execute();
  return new Map(rows.flatMap(({ pipeline_arn, due }) => (due === null ? [] : [[pipeline_arn, due] as const])));
}

/** Whether any pipeline is due at some time. */
export async function anyScheduled(db: Queryable): Promise<boolean> {
  return (await db.selectFrom('pipeline_schedules').select('pipeline_arn').limit(1).executeTakeFirst()) !== undefined;
}
