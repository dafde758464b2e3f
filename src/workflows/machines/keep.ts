/** Instances of failed builds that are kept for inspection: which, and for how long. */
import { updateInstance } from '../../catalog/instances.ts';
import { driverNamed } from '../../instances/launch.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { timestampAfter } from '../../platform/clock.ts';
import type { Report } from '../../resources/progress.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { WorkInstance } from './image-progress.ts';
import type { Ending } from './instances.ts';
import { INGOT } from '../../platform/own-program.ts';

/**
 * Whether an instance of failed work must be kept: not if the image was canceled, the worker stops, or the instance was
 * shut down.
 */
export function isToBeKept({ keep }: Pick<ImagePlan, 'keep'>, signal: AbortSignal, entry: WorkInstance): boolean {
  return !signal.aborted && !entry.stopped && keep[entry.launch.purpose] !== undefined;
}

/**
 * Keeps an instance: from now on only its user or its deadline terminates it.
 * @returns whether it is kept; a dead instance is not
 */
export async function keepWorkInstance(
  work: Ending & { readonly report: Report },
  entry: WorkInstance,
  seconds: number,
): Promise<boolean> {
  const { instance, layer, launch } = entry;
  const { db } = work.services.catalog;
  try {
    await driverNamed(entry.driver).attach(instance.handle, heldRecorder(db, instance.id));
  } catch (error) {
    work.report({ type: 'log', level: 'warn', text: `${instance.id} cannot be kept: ${(error as Error).message}` });
    return false;
  }
  // Its layer is recorded as used by the instance before the image releases it.
  if (layer !== undefined) await work.services.layers.use(layer.id, instance.id);
  const until = timestampAfter(seconds);
  await updateInstance(db, instance.id, { kept_until: until });
  for (const [id, each] of work.progress.instances) if (each === entry) work.progress.instances.delete(id);
  work.report({
    type: 'log',
    level: 'warn',
    text:
      `${instance.id}, the ${launch.purpose} instance, is kept in its current state until ${until}. ` +
      `Open a shell: ${INGOT} shell ${instance.id}; terminate it: ${INGOT} terminate ${instance.id}`,
  });
  return true;
}
