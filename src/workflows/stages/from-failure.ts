/** Going on with a build that failed: from the step and the component that failed, on the layer before it. */
import type { Queryable } from '../../catalog/catalog.ts';
import {
  insertStepExecution,
  insertWorkflowExecution,
  stepExecutionsOfImage,
  stepExecutionsOfWorkflow,
  workflowExecutionsOfImage,
} from '../../catalog/executions.ts';
import { getLayer } from '../../catalog/layers.ts';
import { tryAgain } from '../../catalog/try-again.ts';
import { keepLayers, pointOf, savePoint } from '../../catalog/work-points.ts';
import { newStepExecutionId, newWorkflowExecutionId } from '../../platform/ids.ts';
import { layersOf, readSaved } from '../machines/saved-work.ts';

/** Where a failed build goes on. */
export interface FailurePlace {
  readonly step: string;
  /** Components of the build that are finished. */
  readonly components: number;
}

/**
 * Makes a failed image wait for a worker that goes on with its build. Its finished steps are on record again in runs of
 * their workflows that count; the earlier runs stay on record as they ended.
 * @returns where it goes on, or why it cannot, as a sentence
 * @throws {IllegalMoveError} for an image that did not fail
 */
export async function goOnFromFailure(trx: Queryable, arn: string): Promise<FailurePlace | string> {
  const saved = readSaved(await pointOf(trx, arn));
  if (saved === undefined) return 'Nothing of its build stage was finished.';
  if (saved.point.stage !== 'BUILD') return 'Its build stage did not fail: `RetryImage` retries the others.';
  for (const id of layersOf(saved))
    if ((await getLayer(trx, id))?.state !== 'complete')
      return 'The layers of its finished components have been removed.';
  const all = await workflowExecutionsOfImage(trx, arn);
  const earlier = all.filter(({ type, retried }) => type === 'BUILD' && retried === 0);
  const failed = (await stepExecutionsOfImage(trx, arn)).find(
    ({ type, status, on_failure }) => type === 'BUILD' && status === 'FAILED' && on_failure === 'ABORT',
  );
  if (failed === undefined) return 'No step of its build stage failed.';
  await tryAgain(trx, arn, { kind: 'retry', stage: 'BUILD' });
  const ids = new Map(earlier.map(({ id }) => [id, newWorkflowExecutionId()]));
  for (const run of earlier) {
    const again = run.status === 'COMPLETED' ? {} : { status: 'RUNNING', message: null, outputs: null, end_time: null };
    const id = ids.get(run.id)!;
    const position = all.length + run.position - saved.point.first;
    await insertWorkflowExecution(trx, { ...run, id, position, retried: 0, ...again });
    for (const step of await stepExecutionsOfWorkflow(trx, run.id))
      if (run.id !== failed.workflow_execution_id || step.position < failed.position)
        await insertStepExecution(trx, {
          ...step,
          id: newStepExecutionId(),
          workflow_execution_id: id,
          rollback_status: null,
        });
  }
  const state = {
    ...saved,
    point: { ...saved.point, first: all.length },
    instances: saved.instances.map((each) =>
      each.layerAt === undefined
        ? each
        : { ...each, layerAt: { ...each.layerAt, workflowId: ids.get(each.layerAt.workflowId) ?? '' } },
    ),
  };
  await savePoint(trx, arn, JSON.stringify(state));
  await keepLayers(trx, arn, layersOf(saved));
  return { step: failed.name, components: Math.max(0, ...saved.instances.map(({ componentsDone }) => componentsDone)) };
}
