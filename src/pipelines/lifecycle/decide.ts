/**
 * Decides what a lifecycle policy does with each image, from the images, the policy and the time. Pure. Source:
 * reference, `resources.md` section 8.
 */
import type { LifecyclePolicyDetail } from '@aws-sdk/client-imagebuilder';
import { exclusionReason, unitsBefore, type AmiFacts } from '../../resources/lifecycle-exclusions.ts';
import { slug } from '../../resources/names.ts';
import { isInProgress, type ImageStatus } from '../../resources/statuses.ts';
import { matchesVersion, parseVersionPattern, type Version } from '../../resources/versions.ts';
import type { StoredLifecyclePolicy } from '../../catalog/lifecycle-policies.ts';

/** An AMI of an image. */
export interface AgedAmi extends AmiFacts {
  readonly id: string;
}

/** An image that a policy may select. */
export interface AgedImage {
  readonly arn: string;
  /** Its name as in ARNs. */
  readonly slug: string;
  readonly version: Version;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly status: ImageStatus;
  readonly tags: Readonly<Record<string, string>>;
  readonly amis: readonly AgedAmi[];
  /** Why it cannot be deleted: an instance that runs from it, or a recipe that names it. */
  readonly held?: string | undefined;
  /** ARNs of the images that are based on it. */
  readonly builtUpon: readonly string[];
}

/** The tag of a policy that sets the scope of its counts. */
export const SCOPE_TAG = 'ingot:retention-scope';
/** Values of the tag: each version of a recipe separately, as on AWS, or all versions of a recipe's name together. */
export const SCOPES = ['version', 'recipe'] as const;

/** The actions of a policy. */
export type LifecycleAction = 'DEPRECATE' | 'DISABLE' | 'DELETE';

/** The decision on one image. */
export interface Decision {
  readonly arn: string;
  /** `KEEP` if no rule applies. */
  readonly action: LifecycleAction | 'KEEP';
  /** The reason, as a sentence. */
  readonly why: string;
  /** The policy's detail that led to it. */
  readonly detail?: LifecyclePolicyDetail;
  /** The action of a rule that an exception prevented. */
  readonly spared?: LifecycleAction;
  /** AMIs that the action leaves unchanged, with the reason. */
  readonly passedOver?: readonly { readonly id: string; readonly reason: string }[];
}

/** The order of evaluation, as on AWS: one action per image and run. */
const ORDER: readonly LifecycleAction[] = ['DEPRECATE', 'DISABLE', 'DELETE'];
/** Statuses from which an action is possible. */
const FROM: Readonly<Record<LifecycleAction, readonly ImageStatus[]>> = {
  DEPRECATE: ['AVAILABLE'],
  DISABLE: ['AVAILABLE', 'DEPRECATED'],
  DELETE: ['AVAILABLE', 'DEPRECATED', 'DISABLED', 'FAILED', 'CANCELLED'],
};
const DONE: Readonly<Record<LifecycleAction, string>> = {
  DEPRECATE: 'deprecated',
  DISABLE: 'disabled',
  DELETE: 'deleted',
};

/** Decides on all selected images, newest first; others are left out. */
export function decideLifecycle(
  images: readonly AgedImage[],
  policy: Pick<StoredLifecyclePolicy, 'policyDetails' | 'resourceSelection' | 'tags'>,
  now: number,
): readonly Decision[] {
  const selected = images
    .filter((image) => isSelected(image, policy.resourceSelection))
    .sort((a, b) => b.created - a.created || (a.arn < b.arn ? 1 : -1));
  const together = policy.tags?.[SCOPE_TAG] === 'recipe';
  const details = ORDER.flatMap((type) => (policy.policyDetails ?? []).filter(({ action }) => action?.type === type));
  const decided = new Map<string, Decision>();
  for (const detail of details) {
    // The number of newer retained images, by recipe.
    const places = new Map<string, number>();
    for (const image of selected) {
      const group = together ? image.slug : `${image.slug}/${versionText(image.version)}`;
      const place = places.get(group) ?? 0;
      if (holdsPlace(image, detail)) places.set(group, place + 1);
      if ((decided.get(image.arn)?.action ?? 'KEEP') !== 'KEEP') continue;
      decided.set(image.arn, laterReason(decided.get(image.arn), decisionFor(image, detail, place, together, now)));
    }
  }
  keepParents(selected, decided, images);
  return selected.map(({ arn }) => decided.get(arn) ?? { arn, action: 'KEEP', why: 'The policy has no rule.' });
}

function isSelected(image: AgedImage, selection: StoredLifecyclePolicy['resourceSelection']): boolean {
  if (selection?.recipes !== undefined)
    return selection.recipes.some(({ name, semanticVersion }) => {
      const pattern = parseVersionPattern(semanticVersion!);
      return slug(name!) === image.slug && pattern !== undefined && matchesVersion(pattern, image.version);
    });
  return Object.entries(selection?.tagMap ?? {}).some(([key, value]) => image.tags[key] === value);
}

/** Whether an image counts as retained: failed, unfinished and excluded images do not. */
function holdsPlace(image: AgedImage, detail: LifecyclePolicyDetail): boolean {
  return (
    !isInProgress(image.status) &&
    image.status !== 'FAILED' &&
    image.status !== 'CANCELLED' &&
    excludedBy(image, detail) === undefined
  );
}

function excludedBy(image: AgedImage, { exclusionRules }: LifecyclePolicyDetail): string | undefined {
  const tag = Object.entries(exclusionRules?.tagMap ?? {}).find(([key, value]) => image.tags[key] === value);
  return tag === undefined ? undefined : `Images with the tag ${tag[0]}=${tag[1]} are excluded.`;
}

/** Applies one rule to one image. @param place the number of newer retained images */
function decisionFor(
  image: AgedImage,
  detail: LifecyclePolicyDetail,
  place: number,
  together: boolean,
  now: number,
): Decision {
  const action = detail.action!.type as LifecycleAction;
  const keep = (why: string): Decision => ({ arn: image.arn, action: 'KEEP', why });
  if (isInProgress(image.status)) return keep(`It is ${image.status}: images in work are left alone.`);
  if (!FROM[action].includes(image.status)) return keep(`It is ${image.status}, and cannot be ${DONE[action]}.`);
  const failed = image.status === 'FAILED' || image.status === 'CANCELLED';
  const { type, value = 0, unit, retainAtLeast = 0 } = detail.filter!;
  const ofWhat = together ? 'its recipe, all versions together' : 'its recipe version';
  const excluded = excludedBy(image, detail);
  let why: string;
  if (failed) why = `It is ${image.status}: such images are always ${DONE[action]}, and hold no place.`;
  else if (type === 'COUNT') {
    if (excluded === undefined && place < value)
      return keep(`It is number ${place + 1} of the ${value} that are kept of ${ofWhat}.`);
    why = `The newest ${value} of ${ofWhat} are kept, and there are ${place} newer ones.`;
  } else {
    const limit = unitsBefore(now, value, unit!);
    if (image.created > limit) return keep(`It is younger than ${value} ${unit}.`);
    if (excluded === undefined && place < retainAtLeast)
      return keep(`It is number ${place + 1} of at least ${retainAtLeast} that are retained of ${ofWhat}.`);
    why = `It is older than ${value} ${unit}.`;
  }
  const spare = (reason: string): Decision => ({ ...keep(reason), spared: action });
  if (excluded !== undefined) return spare(excluded);
  if (action === 'DELETE' && image.held !== undefined) return spare(image.held);
  const passedOver = passedOverOf(image, detail, now);
  if (action === 'DELETE' && passedOver.length > 0)
    return { ...spare(`It stays, since AMIs of it stay: ${passedOver[0]!.id}: ${passedOver[0]!.reason}`), passedOver };
  return { arn: image.arn, action, why, detail, ...(passedOver.length === 0 ? {} : { passedOver }) };
}

function passedOverOf(
  { amis }: AgedImage,
  { action, exclusionRules }: LifecyclePolicyDetail,
  now: number,
): readonly { readonly id: string; readonly reason: string }[] {
  if (action!.includeResources?.amis !== true) return [];
  return amis.flatMap((ami) => {
    const reason = exclusionReason(ami, exclusionRules?.amis, now);
    return reason === undefined ? [] : [{ id: ami.id, reason }];
  });
}

/** Picks the more informative of two reasons to keep an image. A rule that needs no change says least. */
function laterReason(before: Decision | undefined, now: Decision): Decision {
  if (before === undefined || now.action !== 'KEEP' || before.why === now.why) return now;
  return { ...before, ...now, why: `${before.why} ${now.why}` };
}

/**
 * Keeps images that a kept image is based on. An image that is deleted together with all images based on it is deleted
 * after them.
 */
function keepParents(
  selected: readonly AgedImage[],
  decided: Map<string, Decision>,
  images: readonly AgedImage[],
): void {
  const there = new Set(images.map(({ arn }) => arn));
  const goes = (arn: string): boolean => decided.get(arn)?.action === 'DELETE';
  for (let again = true; again; ) {
    again = false;
    for (const { arn, builtUpon } of selected) {
      const child = goes(arn) ? builtUpon.find((each) => there.has(each) && !goes(each)) : undefined;
      if (child === undefined) continue;
      const why = `The image ${child}, which is kept, is built on it.`;
      decided.set(arn, { arn, action: 'KEEP', spared: 'DELETE', why });
      again = true;
    }
  }
}

function versionText({ major, minor, patch }: Version): string {
  return `${major}.${minor}.${patch}`;
}
