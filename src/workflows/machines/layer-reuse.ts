/** Finds the components of a build that layers of earlier builds contain. */
import { layerWithLabel } from '../../catalog/layers.ts';
import type { SealedLayer } from '../../images/layer-store.ts';
import { timestamp } from '../../platform/clock.ts';
import type { Report } from '../../resources/progress.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { LayerPart } from '../planning/planned-component.ts';
import type { ImageServices } from './image-progress.ts';
import { differingMembers, layerKey, type LayerRecord } from './layer-key.ts';

/** What the layers of an image's components depend on. */
export interface LayerPlan
  extends Pick<ImagePlan, 'arn' | 'account' | 'region' | 'image' | 'cache' | 'workingDirectory'> {}

/** Where layers are found. */
export type LayerPlace = Pick<ImageServices, 'catalog' | 'layers'>;

/** The identity of the disk below the first component's layer: the parent image, the disk's size and its key. */
export function groundKey(parent: SealedLayer, sizeBytes: number | undefined, keyArn?: string): string {
  const sized = sizeBytes === undefined ? parent.key : `${parent.key}/${sizeBytes}`;
  return keyArn === undefined ? sized : `${sized}/${keyArn}`;
}

/** The key of the layer that a component leaves on a disk. */
export function componentKey(
  plan: Pick<LayerPlan, 'account' | 'image' | 'workingDirectory'>,
  planned: LayerPart,
  parentKey: string,
  driver: string,
): { readonly key: string; readonly record: LayerRecord } {
  return layerKey({
    parent: parentKey,
    account: plan.account,
    document: planned.component.data,
    parsed: planned.document,
    parameters: planned.component.parameters,
    phases: planned.phases,
    architecture: 'x86_64',
    driver,
    workingDirectory: plan.workingDirectory,
    userData: plan.image.imageRecipe?.additionalInstanceConfiguration?.userDataOverride ?? null,
    buildDate: plan.image.dateCreated ?? timestamp(),
  });
}

/** The label of a component's layer, for comparing a miss with the previous build's layer. */
export function layerLabel(plan: Pick<LayerPlan, 'account' | 'region' | 'image'>, planned: LayerPart): string {
  return `${plan.account}/${plan.region}/${plan.image.name}/${planned.component.name}`;
}

/** Layers of earlier builds that replace the first components. */
export interface ReusedLayers {
  /** Number of components that need not run. */
  readonly count: number;
  /** The disk after them; the parent image if there are none. */
  readonly layer: SealedLayer;
  /** The key below the next component's layer. */
  readonly key: string;
}

/**
 * Finds the longest sequence of components, from the first, that have a layer. Reports a hit or miss for each
 * component, and for a miss the part of the key that changed.
 * @param drivers kinds of driver that each component may have run on, the most likely first
 */
export async function reuseLayers<Part extends LayerPart>(
  place: LayerPlace,
  plan: LayerPlan,
  components: readonly Part[],
  parent: SealedLayer,
  ground: string,
  drivers: (planned: Part) => readonly string[],
  report: Report,
): Promise<ReusedLayers> {
  const policy = plan.cache;
  let reused: ReusedLayers = { count: 0, layer: parent, key: ground };
  for (const [index, planned] of components.entries()) {
    const tell = (text: string, status?: 'CACHED'): void =>
      report({
        type: 'log',
        component: planned.component.name,
        status,
        text: `layer of ${planned.component.name}: ${text}`,
      });
    if (!policy.use) {
      tell(`miss, ${policy.reason}`);
      continue;
    }
    const since = new Date(Date.now() - policy.maxAgeSeconds * 1000).toISOString();
    const layer =
      reused.count === index ? await find(place, plan, planned, reused.key, drivers(planned), since) : undefined;
    if (layer !== undefined) {
      reused = { count: index + 1, layer, key: layer.key };
      tell(`hit, ${layer.id}`, 'CACHED');
      continue;
    }
    const why =
      reused.count === index
        ? await whyMissed(place, plan, planned, reused.key, drivers(planned)[0]!, since)
        : 'an earlier component runs again';
    tell(`miss, ${why}`);
  }
  return reused;
}

async function find(
  { layers }: LayerPlace,
  plan: LayerPlan,
  planned: LayerPart,
  parentKey: string,
  drivers: readonly string[],
  since: string,
): Promise<SealedLayer | undefined> {
  for (const driver of drivers) {
    const layer = await layers.take(componentKey(plan, planned, parentKey, driver).key, since, plan.arn);
    if (layer !== undefined) return layer;
  }
  return undefined;
}

const MEMBERS: Readonly<Record<string, string>> = {
  format: 'Ingot runs components in a new way',
  parent: 'the layer below it changed',
  account: 'the earlier layer was made before layers belonged to accounts',
  document: 'its document changed',
  phases: 'other phases run',
  architecture: 'the architecture changed',
  driver: 'it ran on another driver',
  workingDirectory: 'the working directory changed',
  userData: 'the user data changed',
  freshness: 'it uses the newest available versions, in every build',
};

async function whyMissed(
  { catalog }: LayerPlace,
  plan: LayerPlan,
  planned: LayerPart,
  parentKey: string,
  driver: string,
  since: string,
): Promise<string> {
  const last = await layerWithLabel(catalog.db, layerLabel(plan, planned));
  if (last === undefined) return 'no such layer exists yet';
  const members = differingMembers(
    JSON.parse(last.key_record) as LayerRecord,
    componentKey(plan, planned, parentKey, driver).record,
  );
  if (members.length > 0) return members.map((member) => MEMBERS[member] ?? `${member} changed`).join(', ');
  return last.created < since ? `it is too old (made ${last.created})` : 'its file is gone';
}
