/**
 * The finished disk of a build, named by all that made it: the layer of the last component, the workflow with its
 * clean-up, and Ingot's own programs. A build that would make the same disk again takes it, and starts no instance.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { imageWithDisk } from '../../catalog/amis.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import type { FinishedDisk, ImageServices } from './image-progress.ts';
import { canonicalJson } from './layer-key.ts';

/** The members of a plan that a finished disk depends on, beside its layers. */
export type FinishedPlan = Pick<
  ImagePlan,
  'arn' | 'account' | 'image' | 'workflows' | 'allowedSecrets' | 'workingDirectory' | 'cache'
>;

/** Raised when the same members no longer make the same disk. */
const FORMAT = 1;
/** Steps whose effect on the disk depends on the members of the key only. */
const STEPS: readonly string[] = [
  'LaunchInstance',
  'ExecuteComponents',
  'CollectImageMetadata',
  'SanitizeInstance',
  // Never runs here: it is for Windows.
  'RunSysPrep',
  'CreateImage',
  'TerminateInstance',
];
const ONCE: readonly string[] = ['LaunchInstance', 'ExecuteComponents', 'CreateImage'];

/**
 * The key of the disk that a build makes.
 * @param parentKey of the layer of its last component
 * @returns `undefined` if its workflow does something that no key describes
 */
export function finishedKey(
  plan: Omit<FinishedPlan, 'arn' | 'cache'>,
  parentKey: string,
): { readonly key: string; readonly record: object } | undefined {
  const [workflow, ...others] = plan.workflows.BUILD.flat();
  if (workflow === undefined || others.length > 0) return undefined;
  const actions = workflow.document.steps.map(({ action }) => action);
  if (!actions.every((action) => STEPS.includes(action))) return undefined;
  const places = ONCE.map((action) => actions.indexOf(action));
  const isUsual =
    ONCE.every((action) => actions.filter((each) => each === action).length === 1) &&
    places.every((place, index) => index === 0 || places[index - 1]! < place);
  if (!isUsual) return undefined;
  const record = {
    finished: FORMAT,
    parent: parentKey,
    account: plan.account,
    steps: sha256(canonicalJson(workflow.document.steps.map(({ position: _, ...step }) => step))),
    values: workflow.values,
    programs: guestPrograms(),
    allowedSecrets: plan.allowedSecrets,
    workingDirectory: plan.workingDirectory,
    inventory: plan.image.enhancedImageMetadataEnabled ?? true,
  };
  return { key: sha256(canonicalJson(record)), record };
}

/** The disk that this build would make, if an earlier one has made it. It is recorded as used by the image. */
export async function findFinished(
  { catalog, layers }: Pick<ImageServices, 'catalog' | 'layers'>,
  plan: FinishedPlan,
  parentKey: string,
): Promise<FinishedDisk | undefined> {
  // There would be no instance to keep.
  const keeps = plan.image.infrastructureConfiguration?.terminateInstanceOnCompletion === false;
  const named = plan.cache.use && !keeps ? finishedKey(plan, parentKey) : undefined;
  if (named === undefined || !plan.cache.use) return undefined;
  const since = new Date(Date.now() - plan.cache.maxAgeSeconds * 1000).toISOString();
  const layer = await layers.take(named.key, since, plan.arn);
  if (layer === undefined) return undefined;
  const made = await imageWithDisk(catalog.db, layer.id, plan.account);
  return made && { layer, imageArn: made.image_arn, osVersion: made.os_version ?? undefined };
}

let programs: string | undefined;

/** Hash of the programs that finish a disk: the files of `guest/`. */
function guestPrograms(): string {
  if (programs !== undefined) return programs;
  const folder = new URL('../../guest/', import.meta.url);
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort())
    if (/\.(?:ts|js|sh)$/.test(name) && !name.includes('.test.'))
      hash.update(name).update(readFileSync(new URL(name, folder)));
  programs = hash.digest('hex');
  return programs;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
