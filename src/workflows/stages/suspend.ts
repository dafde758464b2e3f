/**
 * Work that waits as a record. When a step waits for an answer, the work's process lets go of the image: what the work
 * has made until then is recorded, its instances keep running, and its place is free. Work that was interrupted waits
 * in the same way, without instances. Whoever goes on, be it after a restart, takes it from the record.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { amisOfImage, pendingAmis } from '../../catalog/amis.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { heldRecorder } from '../../catalog/held.ts';
import { updateInstance } from '../../catalog/instances.ts';
import { suspendImage, takeSuspended } from '../../catalog/suspended-images.ts';
import { pointOf, waitToGoOn } from '../../catalog/work-points.ts';
import { withdrawAmi } from '../../distribution/withdraw.ts';
import type { Instance } from '../../instances/instance.ts';
import { driverNamed } from '../../instances/launch.ts';
import { timestamp } from '../../platform/clock.ts';
import { releaseAll } from '../../platform/held.ts';
import { nameArn, parseArn } from '../../resources/arns.ts';
import { madeContainer } from '../containers/container-output.ts';
import { unusedInstance } from '../containers/unused-instance.ts';
import type { Suspension } from '../errors.ts';
import type {
  ImageProgress,
  ImageServices,
  SavedInstance,
  StepControl,
  WorkInstance,
  WorkLaunch,
} from '../machines/image-progress.ts';
import { endWorkInstance } from '../machines/instances.ts';
import { layersOf, readSaved, saved as recordOf, type SavedWork } from '../machines/saved-work.ts';
import type { ImagePlan } from '../planning/image-plan.ts';

/** What suspending and taking up needs. */
interface Work extends StepControl {
  readonly progress: ImageProgress;
  readonly services: ImageServices;
}

/**
 * Objects of instances that this process launched: it goes on with them where it can. A process that ended is replaced
 * by one that attaches to them.
 */
const alive = new Map<string, Instance>();

/** Records the work on an image as waiting. Its layers and instances stay; copies that were begun are given up. */
export async function suspendWork(
  work: Work,
  plan: Pick<ImagePlan, 'arn' | 'components' | 'workflows'>,
  { stepId, wakeAt }: Suspension,
): Promise<void> {
  const { progress, services } = work;
  await progress.copiesAhead?.drop();
  progress.copiesAhead = undefined;
  // A disk that was made into an image needs its machine no more.
  for (const [name, { stopped }] of [...progress.instances]) if (stopped) await endWorkInstance(work, name);
  for (const entry of progress.instances.values()) {
    // The sweeper leaves layers alone that are in use.
    if (entry.layer !== undefined) await services.layers.use(entry.layer.id, plan.arn);
    alive.set(entry.instance.id, entry.instance);
  }
  const state = await recordOf(services.catalog.db, { plan, progress }, { stepId });
  for (const id of new Set(layersOf(state))) await services.layers.use(id, plan.arn);
  await services.catalog.transaction((trx) =>
    suspendImage(trx, {
      image_arn: plan.arn,
      step_id: stepId,
      since: timestamp(),
      wake_at: new Date(wakeAt).toISOString(),
      state: JSON.stringify(state),
    }),
  );
}

/**
 * Leaves interrupted work to whoever goes on with it, from the last point that is on record. Its instances have ended.
 * @returns the work as it will go on; `undefined` when nothing is finished that it could go on from
 */
export async function goOnLater(catalog: Catalog, arn: string): Promise<SavedWork | undefined> {
  return catalog.transaction(async (trx) => {
    const state = await pointOf(trx, arn);
    const work = readSaved(state);
    if (work !== undefined) await waitToGoOn(trx, arn, { state: state!, layers: layersOf(work), now: timestamp() });
    return work;
  });
}

/** What was recorded of an image's work, or `undefined`: it has to begin. The record is gone then. */
export async function savedWork(
  { catalog }: Pick<ImageServices, 'catalog'>,
  arn: string,
): Promise<SavedWork | undefined> {
  return readSaved(await catalog.transaction((trx) => takeSuspended(trx, arn)));
}

/** Puts the progress back. Instances that ended meanwhile are `lost`. */
export async function restoreProgress(work: Work & { readonly arn: string }, saved: SavedWork): Promise<void> {
  const { progress, services, report, signal, arn } = work;
  const { layers, catalog } = services;
  const interrupted = saved.stepId === undefined;
  // The time in which nobody worked on it does not count; that in which it waited does.
  progress.point = interrupted
    ? { ...saved.point, stageStarted: saved.point.stageStarted + Date.now() - saved.at }
    : saved.point;
  if (saved.ami !== undefined) progress.ami = { id: saved.ami.id, layer: await layers.get(saved.ami.layer) };
  if (saved.container !== undefined) progress.container = await madeContainer(services, arn);
  progress.osVersion = saved.osVersion;
  for (const id of saved.sealed) progress.sealed.push(await layers.get(id));
  for (const [name, value] of saved.workflowOutputs) progress.workflowOutputs.set(name, value);
  // A distribution takes the AMIs that it has finished.
  const finished = saved.point.stage === 'BUILD' ? await amisOfImage(catalog.db, arn) : [];
  for (const ami of [...finished, ...(await pendingAmis(catalog.db, arn))])
    if (!saved.amis.includes(ami.id)) await withdrawAmi(catalog, layers, ami, { keepReusable: true });
  for (const each of saved.instances) {
    const { name, handle, stopped } = each;
    const entry = async (instance: Instance): Promise<WorkInstance> => ({
      instance,
      driver: each.driver,
      preferred: each.preferred,
      launch: {
        ...each.launch,
        parent: await layers.get(each.launch.parent),
        searchSince: each.launch.searchSince === undefined ? undefined : new Date(each.launch.searchSince),
        report,
        signal,
      } as WorkLaunch,
      layer: stopped ? undefined : each.layer,
      parent: await layers.get(each.parent),
      componentsDone: each.componentsDone,
      parentKey: each.parentKey,
      sanitized: each.sanitized,
      layerAt: each.layerAt,
      stopped,
    });
    if (stopped || each.driver === 'none') {
      progress.instances.set(name, await entry(unusedInstance()));
      continue;
    }
    const why = interrupted
      ? ''
      : await attach(services, each, async (instance) => {
          progress.instances.set(name, await entry(instance));
        });
    if (why === undefined) continue;
    if (why !== '')
      report({
        type: 'log',
        level: 'warn',
        text: `${handle.id}, the ${each.launch.purpose} instance, ended while the image waited: ${why}`,
      });
    progress.lost.set(name, { ...each, layer: undefined });
    progress.replaced.set(name, each.layerAt);
  }
}

/** @returns why it cannot be gone on with; `undefined` when it can */
async function attach(
  { catalog, layers }: Pick<ImageServices, 'catalog' | 'layers'>,
  { driver, handle, layer }: SavedInstance,
  use: (instance: Instance) => Promise<void>,
): Promise<string | undefined> {
  const held = heldRecorder(catalog.db, handle.id);
  try {
    // Attached even if its object is at hand: that shows whether it still runs.
    const attached = await driverNamed(driver).attach(handle, held);
    await use(alive.get(handle.id) ?? attached);
    return undefined;
  } catch (error) {
    await releaseAll(held);
    if (layer !== undefined) await layers.discard(layer);
    await updateInstance(catalog.db, handle.id, { state: 'terminated', handle: null });
    return (error as Error).message;
  } finally {
    alive.delete(handle.id);
  }
}

/** The image with the versions that it was planned with. */
export function pinned(image: Image, { components, workflows }: SavedWork): Image {
  const pin = (arns: readonly string[], given: string | undefined): string | undefined => {
    const wanted = given === undefined ? undefined : parseArn(given);
    if (wanted === undefined) return given;
    return arns.find((arn) => nameArn(parseArn(arn)!) === nameArn(wanted)) ?? given;
  };
  const { imageRecipe, containerRecipe } = image;
  const pinComponents = <Recipe extends NonNullable<Image['imageRecipe'] | Image['containerRecipe']>>(
    recipe: Recipe,
  ): Recipe => ({
    ...recipe,
    components: recipe.components?.map((each) => ({ ...each, componentArn: pin(components, each.componentArn) })),
  });
  return {
    ...image,
    imageRecipe: imageRecipe === undefined ? undefined : pinComponents(imageRecipe),
    containerRecipe: containerRecipe === undefined ? undefined : pinComponents(containerRecipe),
    workflows: image.workflows?.map((each) => ({ ...each, workflowArn: pin(workflows, each.workflowArn) })),
  };
}
