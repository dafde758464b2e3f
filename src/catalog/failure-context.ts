/** Why an image failed, for programs: from the records of its steps. Source: reference, `newer-members.md`. */
import type { FailureContext } from '../resources/newer-members.ts';
import type { ImageStatus } from '../resources/statuses.ts';
import type { Queryable } from './catalog.ts';

/**
 * The recorded failure of an image: its previous status, and the step that ended its last workflow, if any. Failed
 * steps that were ignored (`onFailure: Continue`) count only if no other step failed.
 */
export async function recordedFailure(db: Queryable, arn: string, from: ImageStatus): Promise<FailureContext> {
  const failed = await db
    .selectFrom('step_executions as s')
    .innerJoin('workflow_executions as w', 'w.id', 's.workflow_execution_id')
    .select(['s.id', 's.name', 's.on_failure', 'w.id as workflow_id', 'w.workflow_arn'])
    .where('s.image_arn', '=', arn)
    .where('s.status', '=', 'FAILED')
    .where('w.retried', '=', 0)
    .where('w.status', 'in', ['FAILED', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_COMPLETED'])
    .orderBy('w.position', 'desc')
    .orderBy('s.position', 'desc')
    .execute();
  const step = failed.find(({ on_failure }) => on_failure === 'ABORT') ?? failed[0];
  if (step === undefined) return { imageStatus: from };
  return {
    imageStatus: from,
    failedStep: step.name,
    stepExecutionId: step.id,
    workflowArn: step.workflow_arn,
    workflowExecutionId: step.workflow_id,
  };
}
