/** Carries out executions that are due: requested state updates of images, and lifecycle policies. */
import type { Catalog } from '../../catalog/catalog.ts';
import { dueExecutions, getLifecycleExecution, type LifecycleExecution } from '../../catalog/lifecycle-executions.ts';
import { logger } from '../../platform/log.ts';
import { endExecution } from './ends.ts';
import { runPolicy } from './policy-run.ts';
import { runStateUpdate } from './state-updates.ts';

/**
 * Carries out due executions, one after another.
 * @param stopping checked between two; the rest is done at the next start
 */
export async function runDueExecutions(catalog: Catalog, stopping: () => boolean): Promise<void> {
  for (const execution of await dueExecutions(catalog.db)) {
    if (stopping()) return;
    await runOne(catalog, execution, stopping).catch(async (error: unknown) => {
      logger().error({ execution: execution.id, error }, 'a change of state failed');
      const reason = `It failed because of an internal error: ${(error as Error).message}`;
      await endExecution(catalog, execution.id, 'FAILED', reason);
    });
  }
}

async function runOne(catalog: Catalog, execution: LifecycleExecution, stopping: () => boolean): Promise<void> {
  // It may have been cancelled since the list was read.
  const now = await getLifecycleExecution(catalog.db, execution.id);
  if (now === undefined || now.status === 'CANCELLED') return;
  await (now.policy_arn === null ? runStateUpdate(catalog, now) : runPolicy(catalog, now, stopping));
}
