/** Instances of failed builds that stay as they stood, for somebody to look at: which, and for how long. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { updateInstance } from '../../catalog/instances.ts';
import { driverNamed } from '../../instances/launch.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { timestampAfter } from '../../platform/clock.ts';
import { ageSeconds } from '../planning/cache-policy.ts';
import type { ImageWork, WorkInstance } from '../image-work.ts';

/** The image's tag that has its build or test instance kept when it fails: how long, as `90m`, `4h`, `2d`. */
export const KEEP_TAG = 'ingot:keep-on-failure';

/** How long an instance is kept when nothing else is said. */
export const DEFAULT_KEEP_SECONDS = 4 * 3600;

/**
 * For how many seconds a failed image's instance is kept; `undefined` when it is ended.
 * As on AWS, `terminateInstanceOnFailure: false` of the infrastructure configuration keeps build instances (reference, `workflows.md` section 4).
 * @throws {Error} naming the tag and its value when it is no age
 */
export function keepSeconds(
  image: Pick<Image, 'tags' | 'infrastructureConfiguration'>,
  purpose: 'build' | 'test',
): number | undefined {
  const wanted = image.tags?.[KEEP_TAG];
  if (wanted === undefined)
    return purpose === 'build' && image.infrastructureConfiguration?.terminateInstanceOnFailure === false
      ? DEFAULT_KEEP_SECONDS
      : undefined;
  const seconds = ageSeconds(wanted);
  if (seconds === undefined || seconds === 0)
    throw new Error(`the tag ${KEEP_TAG} has the value '${wanted}': it takes how long, such as 90m, 4h or 2d`);
  return seconds;
}

/** Whether an instance of failed work is to be kept: not when the image was cancelled or the worker ends, nor when it was shut down already. */
export function isToBeKept(work: ImageWork, entry: WorkInstance): boolean {
  return !work.signal.aborted && !entry.stopped && keepSeconds(work.image, entry.launch.purpose) !== undefined;
}

/**
 * Keeps an instance: from now on it is nobody's work but its user's, who ends it, or its time does.
 * @returns whether it is kept: one that is dead is not
 */
export async function keepWorkInstance(work: ImageWork, entry: WorkInstance): Promise<boolean> {
  const { instance, layer, launch } = entry;
  const { db } = work.catalog;
  try {
    await driverNamed(entry.driver).attach(instance.handle, heldRecorder(db, instance.id));
  } catch (error) {
    work.report({ type: 'log', level: 'warn', text: `${instance.id} cannot be kept: ${(error as Error).message}` });
    return false;
  }
  // Its layer is on record as its own before the image forgets it.
  if (layer !== undefined) await work.layers.use(layer.id, instance.id);
  const until = timestampAfter(keepSeconds(work.image, launch.purpose)!);
  await updateInstance(db, instance.id, { kept_until: until });
  for (const [id, each] of work.instances) if (each === entry) work.instances.delete(id);
  work.report({
    type: 'log',
    level: 'warn',
    text: `${instance.id}, the ${launch.purpose} instance, is kept as it stands until ${until}. Enter it: ingot shell ${instance.id}; end it: ingot terminate ${instance.id}`,
  });
  return true;
}
