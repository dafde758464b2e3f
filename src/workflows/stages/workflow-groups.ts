/**
 * Runs test workflows in parallel groups, and applies the effect of a failure on the others. Source: reference,
 * `workflows.md` section 1.
 */
import type { PlannedWorkflow } from '../planning/image-plan.ts';

/** Maximum workflows of a group that run at once; the others start as these end. */
export const AT_ONCE = 5;

type Grouped = Pick<PlannedWorkflow, 'parallelGroup' | 'onFailure'>;

/** A workflow was aborted because another of its group failed with `onFailure: ABORT`. */
export class GroupAborted extends Error {
  override readonly name = 'GroupAborted';
}

/** How to run one workflow of a group. */
export interface GroupRun<Workflow> {
  readonly signal: AbortSignal;
  /** Runs one workflow to its end. Rejects if it fails. */
  run(workflow: Workflow, signal: AbortSignal): Promise<void>;
  /** Whether a failure ends the stage whatever `onFailure` says. */
  isFinal(error: Error): boolean;
  /** Called for a failure that is ignored. */
  passedOver(workflow: Workflow, error: Error): void;
}

/**
 * Runs the workflows of a group. The failure of a workflow with `CONTINUE` is ignored. With `ABORT` the running ones
 * are aborted; without either they finish. In both cases no other starts, and the group fails.
 * @throws the error of the first one that failed, once none is running
 */
export async function runGroup<Workflow extends Grouped>(
  group: readonly Workflow[],
  { signal, run, isFinal, passedOver }: GroupRun<Workflow>,
): Promise<void> {
  const waiting = [...group];
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let failure: Error | undefined;
  const workAll = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && failure === undefined; next = waiting.shift()) {
      try {
        await run(next, either);
      } catch (error) {
        if (failure === undefined && next.onFailure === 'CONTINUE' && !signal.aborted && !isFinal(error as Error)) {
          passedOver(next, error as Error);
          continue;
        }
        failure ??= error as Error;
        if (next.onFailure === 'ABORT')
          stop.abort(new GroupAborted('Another workflow of the group failed, and its onFailure is ABORT.'));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, workAll));
  if (failure !== undefined) throw failure;
}
