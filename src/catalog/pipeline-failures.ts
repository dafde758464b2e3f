/**
 * Counts how often scheduled builds of a pipeline failed in a row, and disables pipelines by their policy. This happens
 * in the transaction in which an image ends. Source: reference, `resources.md` section 10, `events-logs.md`.
 */
import type { ImagePipeline } from '@aws-sdk/client-imagebuilder';
import { timestamp } from '../platform/clock.ts';
import type { Queryable } from './catalog.ts';
import { writeEvent } from './outbox.ts';
import { recordRun } from './pipeline-runs.ts';
import { setPipelineSchedule } from './pipeline-schedules.ts';

/** Detail type of the event that a pipeline was disabled. */
const DISABLED = 'EC2 Image Builder Image Pipeline Automatically Disabled';

/** Counts the end of an image of a pipeline. Any success resets the count; only scheduled failures increase it. */
export async function countOutcome(
  trx: Queryable,
  image: { readonly pipeline_arn: string | null; readonly build_type: string | null },
  to: string,
): Promise<void> {
  if (image.pipeline_arn === null) return;
  if (to === 'FAILED' && image.build_type === 'SCHEDULED') await countFailure(trx, image.pipeline_arn);
  if (to === 'AVAILABLE')
    await trx
      .updateTable('image_pipelines')
      .set({ consecutive_failures: 0 })
      .where('arn', '=', image.pipeline_arn)
      .where('consecutive_failures', '>', 0)
      .execute();
}

/** Counts a failed run, and disables the pipeline if its policy says so. Returns whether it is now disabled. */
export async function countFailure(trx: Queryable, arn: string): Promise<boolean> {
  const row = await trx
    .updateTable('image_pipelines')
    .set((e) => ({ consecutive_failures: e('consecutive_failures', '+', 1) }))
    .where('arn', '=', arn)
    .returning(['consecutive_failures', 'record', 'status'])
    .executeTakeFirst();
  // It was deleted meanwhile.
  if (row === undefined) return false;
  const record = JSON.parse(row.record) as ImagePipeline;
  const most = record.schedule?.autoDisablePolicy?.failureCount;
  if (most === undefined || row.consecutive_failures < most || row.status === 'DISABLED') return false;
  const now = timestamp();
  await trx
    .updateTable('image_pipelines')
    .set({ status: 'DISABLED', record: JSON.stringify({ ...record, status: 'DISABLED', dateUpdated: now }) })
    .where('arn', '=', arn)
    .execute();
  await setPipelineSchedule(trx, arn, undefined);
  const count = String(row.consecutive_failures);
  await recordRun(trx, {
    pipeline_arn: arn,
    occurrence: `disabled ${now}`,
    cause: 'schedule',
    by: record.schedule?.scheduleExpression ?? '',
    at: now,
    because: `${count} scheduled builds failed in a row.`,
    outcome: 'disabled',
    reason: `autoDisablePolicy.failureCount is ${most}: the pipeline is DISABLED until it is updated.`,
  });
  await writeEvent(trx, {
    type: DISABLED,
    resource: arn,
    previousStatus: row.status,
    status: 'DISABLED',
    // A text, as AWS sends it.
    payload: { 'consecutive-failures': String(count) },
  });
  return true;
}
