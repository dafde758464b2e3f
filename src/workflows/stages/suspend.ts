/**
 * Suspends work in a record. When a step waits for an answer, the process releases the image: its results so far are
 * recorded, its instances keep running, and its build slot is free. Any process can continue from the record, also
 * after a restart.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { heldRecorder } from '../../catalog/held.ts';
import { updateInstance } from '../../catalog/instances.ts';
import { suspendImage, takeSuspended } from '../../catalog/suspended-images.ts';
import type { OpenLayer } from '../../images/layer-store.ts';
import type { Instance, InstanceHandle } from '../../instances/instance.ts';
import { driverNamed } from '../../instances/launch.ts';
import { timestamp } from '../../platform/clock.ts';
import { releaseAll } from '../../platform/held.ts';
import { nameArn, parseArn } from '../../resources/arns.ts';
import type { Suspension } from '../errors.ts';
import type {
  ImageProgress,
  ImageServices,
  StepControl,
  WorkInstance,
  WorkLaunch,
} from '../machines/image-progress.ts';
import { endWorkInstance } from '../machines/instances.ts';
import type { DriverChoice } from '../planning/choose-driver.ts';
import type { ImagePlan } from '../planning/image-plan.ts';

/** Where suspended work continues. */
export interface ResumePoint {
  readonly stage: string;
  /** Index of the stage's group, from 0. */
  readonly group: number;
  /** When the stage began, in milliseconds since 1970. */
  readonly stageStarted: number;
  readonly workflowExecutionId: string;
  readonly stepId: string;
}

/** A record of suspended work, as JSON. */
interface SavedWork {
  readonly point: ResumePoint;
  /** The resolved components and workflows: a plan does not change while it waits. */
  readonly components: readonly string[];
  readonly workflows: readonly string[];
  readonly ami: { readonly id: string; readonly layer: string } | undefined;
  readonly osVersion: string | undefined;
  readonly sealed: readonly string[];
  readonly workflowOutputs: readonly (readonly [string, unknown])[];
  readonly instances: readonly SavedInstance[];
}

interface SavedInstance {
  /** Its name in workflows. */
  readonly name: string;
  readonly handle: InstanceHandle;
  readonly driver: string;
  readonly preferred: DriverChoice;
  readonly launch: Omit<WorkLaunch, 'parent' | 'report' | 'signal' | 'searchSince'> & {
    readonly parent: string;
    readonly searchSince: string | undefined;
  };
  readonly layer: OpenLayer | undefined;
  readonly parent: string;
  readonly componentsDone: number;
  readonly parentKey: string;
  readonly sanitized: boolean | undefined;
}

/** What suspending and resuming needs. */
interface Work extends StepControl {
  readonly progress: ImageProgress;
  readonly services: ImageServices;
}

/**
 * Objects of instances that this process launched, which it reuses if it continues. Another process attaches to the
 * instances.
 */
const alive = new Map<string, Instance>();

/** Records the work on an image as waiting. Its layers and instances stay; unfinished copies are dropped. */
export async function suspendWork(
  work: Work,
  plan: Pick<ImagePlan, 'arn' | 'components' | 'workflows'>,
  { stepId, workflowId, place, wakeAt }: Suspension,
): Promise<void> {
  const { progress, services } = work;
  await progress.copiesAhead?.drop();
  progress.copiesAhead = undefined;
  // A disk that became an image no longer needs its machine.
  for (const [name, { stopped }] of [...progress.instances]) if (stopped) await endWorkInstance(work, name);
  const instances: SavedInstance[] = [];
  for (const [name, entry] of progress.instances) {
    // The sweeper keeps layers that are in use.
    if (entry.layer !== undefined) await services.layers.use(entry.layer.id, plan.arn);
    await services.layers.use(entry.parent.id, plan.arn);
    alive.set(entry.instance.id, entry.instance);
    instances.push(savedInstance(name, entry));
  }
  if (progress.ami !== undefined) await services.layers.use(progress.ami.layer.id, plan.arn);
  for (const { id } of progress.sealed) await services.layers.use(id, plan.arn);
  const state: SavedWork = {
    point: { ...place!, stepId, workflowExecutionId: workflowId },
    components: plan.components.map(({ arn }) => arn),
    workflows: Object.values(plan.workflows).flatMap((groups) => groups.flat().map(({ arn }) => arn)),
    ami: progress.ami === undefined ? undefined : { id: progress.ami.id, layer: progress.ami.layer.id },
    osVersion: progress.osVersion,
    sealed: progress.sealed.map(({ id }) => id),
    workflowOutputs: [...progress.workflowOutputs],
    instances,
  };
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

function savedInstance(name: string, entry: WorkInstance): SavedInstance {
  const { report: _, signal: __, parent, searchSince, ...launch } = entry.launch;
  return {
    name,
    handle: entry.instance.handle,
    driver: entry.driver,
    preferred: entry.preferred,
    launch: { ...launch, parent: parent.id, searchSince: searchSince?.toISOString() },
    layer: entry.layer,
    parent: entry.parent.id,
    componentsDone: entry.componentsDone,
    parentKey: entry.parentKey,
    sanitized: entry.sanitized,
  };
}

/** Takes the record of an image's suspended work and deletes it; `undefined` if the work starts from the beginning. */
export async function savedWork(
  { catalog }: Pick<ImageServices, 'catalog'>,
  arn: string,
): Promise<SavedWork | undefined> {
  const state = await catalog.transaction((trx) => takeSuspended(trx, arn));
  return state === undefined ? undefined : (JSON.parse(state) as SavedWork);
}

/**
 * Restores the progress.
 * @throws {Error} if an instance ended while the image waited
 */
export async function restoreProgress({ progress, services, report, signal }: Work, saved: SavedWork): Promise<void> {
  const { layers } = services;
  if (saved.ami !== undefined) progress.ami = { id: saved.ami.id, layer: await layers.get(saved.ami.layer) };
  progress.osVersion = saved.osVersion;
  for (const id of saved.sealed) progress.sealed.push(await layers.get(id));
  for (const [name, value] of saved.workflowOutputs) progress.workflowOutputs.set(name, value);
  const gone: string[] = [];
  for (const { name, handle, searchSince, ...each } of saved.instances.map((one) => ({
    ...one,
    searchSince: one.launch.searchSince,
  }))) {
    try {
      const held = heldRecorder(services.catalog.db, handle.id);
      // Attaches even if this process has the object, which shows whether the instance still runs.
      const attached = await driverNamed(each.driver).attach(handle, held);
      progress.instances.set(name, {
        instance: alive.get(handle.id) ?? attached,
        driver: each.driver,
        preferred: each.preferred,
        launch: {
          ...each.launch,
          parent: await layers.get(each.launch.parent),
          ...(searchSince === undefined ? {} : { searchSince: new Date(searchSince) }),
          report,
          signal,
        } as WorkLaunch,
        layer: each.layer,
        parent: await layers.get(each.parent),
        componentsDone: each.componentsDone,
        parentKey: each.parentKey,
        ...(each.sanitized === undefined ? {} : { sanitized: each.sanitized }),
        stopped: false,
      });
    } catch (error) {
      gone.push(`${handle.id}, the ${each.launch.purpose} instance, ended meanwhile: ${(error as Error).message}`);
      await releaseAll(heldRecorder(services.catalog.db, handle.id));
      if (each.layer !== undefined) await layers.discard(each.layer);
      await updateInstance(services.catalog.db, handle.id, { state: 'terminated', handle: null });
    } finally {
      alive.delete(handle.id);
    }
  }
  if (gone.length > 0)
    throw new Error(`the image waited for an answer and cannot go on. ${gone.join('. ')}. Start the build again`);
}

/** The image with the versions that it was planned with. */
export function pinned(image: Image, { components, workflows }: SavedWork): Image {
  const pin = (arns: readonly string[], given: string | undefined): string | undefined => {
    const wanted = given === undefined ? undefined : parseArn(given);
    if (wanted === undefined) return given;
    return arns.find((arn) => nameArn(parseArn(arn)!) === nameArn(wanted)) ?? given;
  };
  const { imageRecipe } = image;
  return {
    ...image,
    ...(imageRecipe === undefined
      ? {}
      : {
          imageRecipe: {
            ...imageRecipe,
            components: imageRecipe.components?.map((each) => ({
              ...each,
              componentArn: pin(components, each.componentArn),
            })),
          },
        }),
    workflows: image.workflows?.map((each) => ({ ...each, workflowArn: pin(workflows, each.workflowArn) })),
  };
}
