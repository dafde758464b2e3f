/** Ends executions. */
import type { Catalog } from '../../catalog/catalog.ts';
import { getLifecycleExecution, updateLifecycleExecution } from '../../catalog/lifecycle-executions.ts';
import { timestamp } from '../../platform/clock.ts';

/** The result for an AMI, an image in a repository, or an image. */
export interface Outcome {
  readonly status: 'SUCCESS' | 'SKIPPED' | 'FAILED';
  readonly reason: string | null;
}

/** Ends an execution whose cancellation was requested. Returns whether it was. */
export async function endIfCancelled(catalog: Catalog, id: string): Promise<boolean> {
  if ((await getLifecycleExecution(catalog.db, id))?.status !== 'CANCELLING') return false;
  await endExecution(catalog, id, 'CANCELLED');
  return true;
}

/** Ends an execution. */
export async function endExecution(
  catalog: Catalog,
  id: string,
  status: 'SUCCESS' | 'FAILED' | 'CANCELLED',
  reason?: string,
): Promise<void> {
  await updateLifecycleExecution(catalog.db, id, {
    status,
    reason: reason?.slice(0, 1000) ?? null,
    end_time: timestamp(),
  });
}
