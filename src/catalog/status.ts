/** Queries about a whole data directory: what runs, what waits, what failed, what is due. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { BUILD_STAGES } from '../resources/statuses.ts';
import type { Queryable } from './catalog.ts';

/** An image that has not ended. */
export interface BusyImage {
  readonly arn: string;
  readonly status: string;
  readonly created: string;
  readonly pipeline: string | null;
  /** Whether a worker is working on it. */
  readonly working: boolean;
  readonly cancelRequested: boolean;
}

/** Images that have not ended, oldest first. */
export async function imagesUnderWay(db: Queryable): Promise<readonly BusyImage[]> {
  const rows = await db
    .selectFrom('images as i')
    .leftJoin('leases as l', 'l.image_arn', 'i.arn')
    .select(['i.arn', 'i.status', 'i.date_created', 'i.pipeline_arn', 'i.cancel_requested', 'l.image_arn as lease'])
    .where('i.status', 'in', BUILD_STAGES)
    .orderBy('i.date_created')
    .execute();
  return rows.map((row) => ({
    arn: row.arn,
    status: row.status,
    created: row.date_created,
    pipeline: row.pipeline_arn,
    working: row.lease !== null,
    cancelRequested: row.cancel_requested === 1,
  }));
}

/** Images that failed, newest first. */
export async function lastFailures(
  db: Queryable,
  limit: number,
): Promise<readonly { readonly arn: string; readonly created: string; readonly reason: string | undefined }[]> {
  const rows = await db
    .selectFrom('images')
    .select(['arn', 'date_created', 'record'])
    .where('status', '=', 'FAILED')
    .orderBy('date_created', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ arn, date_created, record }) => ({
    arn,
    created: date_created,
    reason: (JSON.parse(record) as Image).state?.reason,
  }));
}

/** When each pipeline's newest available image was created. */
export async function newestImages(
  db: Queryable,
): Promise<readonly { readonly pipeline: string; readonly created: string }[]> {
  const rows = await db
    .selectFrom('images')
    .select((e) => ['pipeline_arn', e.fn.max('date_created').as('created')])
    .where('status', '=', 'AVAILABLE')
    .where('pipeline_arn', 'is not', null)
    .groupBy('pipeline_arn')
    .execute();
  return rows.map(({ pipeline_arn, created }) => ({ pipeline: pipeline_arn!, created }));
}

/** Pipelines with the next due times, soonest first. */
export async function nextDue(
  db: Queryable,
  limit: number,
): Promise<readonly { readonly pipeline: string; readonly due: string; readonly lookAt: string }[]> {
  const rows = await db
    .selectFrom('pipeline_schedules')
    .select(['pipeline_arn', 'due', 'look_at'])
    .where('due', 'is not', null)
    .orderBy('due')
    .limit(limit)
    .execute();
  return rows.map(({ pipeline_arn, due, look_at }) => ({ pipeline: pipeline_arn, due: due!, lookAt: look_at }));
}

/** ARNs of pipelines. */
export async function pipelineArns(db: Queryable, limit: number): Promise<readonly string[]> {
  const rows = await db.selectFrom('image_pipelines').select('arn').orderBy('arn').limit(limit).execute();
  return rows.map(({ arn }) => arn);
}

/** Steps that wait for an answer. */
export async function stepsThatWait(
  db: Queryable,
): Promise<readonly { readonly image: string; readonly step: string; readonly since: string }[]> {
  const rows = await db
    .selectFrom('waiting_steps')
    .select(['image_arn', 'step_id', 'since'])
    .where('action', 'is', null)
    .orderBy('since')
    .execute();
  return rows.map(({ image_arn, step_id, since }) => ({ image: image_arn, step: step_id, since }));
}
