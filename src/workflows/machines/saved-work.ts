/**
 * What is kept of the work on an image while it goes on: enough for another process to continue it. It is written in
 * the transaction that records what was finished.
 */
import { amisOfImage } from '../../catalog/amis.ts';
import type { Queryable } from '../../catalog/catalog.ts';
import { savePoint } from '../../catalog/work-points.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { ImageProgress, SavedInstance, WorkInstance, WorkPoint } from './image-progress.ts';

/** The form of `SavedWork`: work that another version saved in another form begins again. */
const FORMAT = 1;

/** A record of work: JSON. */
export interface SavedWork {
  readonly format: typeof FORMAT;
  readonly point: WorkPoint;
  /** When it was saved, in milliseconds since 1970. */
  readonly at: number;
  /** The step that waits for an answer, if one does. */
  readonly stepId?: string | undefined;
  /** What the recipe's components and the image's workflows were resolved to: a plan does not change while it waits. */
  readonly components: readonly string[];
  readonly workflows: readonly string[];
  readonly ami: { readonly id: string; readonly layer: string } | undefined;
  /** AMIs of the image: others came from a step that did not finish. */
  readonly amis: readonly string[];
  /** The container image that the build stage has made, with its layer if it has one. */
  readonly container: { readonly layer: string | undefined } | undefined;
  readonly osVersion: string | undefined;
  readonly sealed: readonly string[];
  readonly workflowOutputs: readonly (readonly [string, unknown])[];
  readonly instances: readonly SavedInstance[];
}

/** The work of which a record is made. */
export interface SavedFrom {
  readonly plan: Pick<ImagePlan, 'arn' | 'components' | 'workflows'>;
  readonly progress: ImageProgress;
}

/** What changes with the record that is being written. */
export interface PointChange {
  /** A layer that is being sealed, and its instance as it is then. */
  readonly layer?: { readonly id: string; readonly of: WorkInstance; readonly then: Partial<SavedInstance> };
}

/** A record of the work. @param stepId the step that waits, if one does */
export async function saved(
  db: Queryable,
  { plan, progress }: SavedFrom,
  { layer, stepId }: PointChange & { readonly stepId?: string } = {},
): Promise<SavedWork> {
  return {
    format: FORMAT,
    point: progress.point!,
    at: Date.now(),
    stepId,
    components: plan.components.map(({ arn }) => arn),
    workflows: Object.values(plan.workflows).flatMap((groups) => groups.flat().map(({ arn }) => arn)),
    ami: progress.ami === undefined ? undefined : { id: progress.ami.id, layer: progress.ami.layer.id },
    amis: (await amisOfImage(db, plan.arn)).map(({ id }) => id),
    container: progress.container && { layer: progress.container.layer?.id },
    osVersion: progress.osVersion,
    sealed: [...progress.sealed.map(({ id }) => id), ...(layer === undefined ? [] : [layer.id])],
    workflowOutputs: [...progress.workflowOutputs],
    instances: [
      ...[...progress.instances].map(([name, entry]) => ({
        ...savedInstance(name, entry),
        ...(entry === layer?.of ? layer.then : {}),
      })),
      ...progress.lost.values(),
    ],
  };
}

/** Keeps the point that the work has reached. Work that has no stages keeps none. */
export async function keepPoint(trx: Queryable, work: SavedFrom, change: PointChange = {}): Promise<void> {
  if (work.progress.point !== undefined)
    await savePoint(trx, work.plan.arn, JSON.stringify(await saved(trx, work, change)));
}

/** A record of work that this version can read; `undefined` for another's. */
export function readSaved(state: string | undefined): SavedWork | undefined {
  const work = state === undefined ? undefined : (JSON.parse(state) as SavedWork);
  return work?.format === FORMAT ? work : undefined;
}

/** The layers that work needs to go on, without those that its instances still write. */
export function layersOf({ ami, container, sealed, instances }: SavedWork): readonly string[] {
  return [
    ...(container?.layer === undefined ? [] : [container.layer]),
    ...(ami === undefined ? [] : [ami.layer]),
    ...sealed,
    ...instances.flatMap(({ parent, launch }) => [parent, launch.parent]),
  ];
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
    stopped: entry.stopped,
    layerAt: entry.layerAt,
  };
}
