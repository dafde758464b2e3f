/**
 * Decides which images of a repository its lifecycle policy deletes, from the rules, the images and the time. Pure.
 * Source: Amazon ECR User Guide, "Automate the cleanup of images by using lifecycle policies", "How lifecycle policies
 * work" and "Lifecycle policy parameters".
 */
import { matchesGlob, parseGlob } from '../../policies/globs.ts';

/** A rule of a valid policy: `lifecycleFaults` of the API checks it. */
export interface RepositoryRule {
  readonly rulePriority: number;
  readonly selection: {
    readonly tagStatus: 'tagged' | 'untagged' | 'any';
    readonly tagPrefixList?: readonly string[];
    readonly tagPatternList?: readonly string[];
    readonly countType: string;
    /** Images, or days. */
    readonly countNumber: number;
  };
  readonly action: { readonly type: string };
}

/** An image of a repository. Times are in milliseconds since 1970. */
export interface AgedRepositoryImage {
  readonly digest: string;
  readonly tags: readonly string[];
  readonly pushed: number;
  readonly pulled?: number | undefined;
  /** Digests of the images that an index names. */
  readonly children: readonly string[];
}

/** An image that a rule deletes. */
export interface ExpiredImage {
  readonly digest: string;
  readonly rulePriority: number;
}

const DAY_MS = 86_400_000;

/**
 * The images that expire. An image whose tags a rule selects is left alone by the rules after it. An image that a
 * kept index names stays.
 * @param now milliseconds since 1970
 */
export function expiredImages(
  rules: readonly RepositoryRule[],
  images: readonly AgedRepositoryImage[],
  now: number,
): readonly ExpiredImage[] {
  const youngestFirst = [...images].sort((a, b) => b.pushed - a.pushed || (a.digest < b.digest ? -1 : 1));
  const claimed = new Set<string>();
  const expired = new Map<string, number>();
  for (const { rulePriority, selection, action } of [...rules].sort((a, b) => a.rulePriority - b.rulePriority)) {
    // Ingot archives nothing: a rule that would leaves its images to the others.
    if (action.type !== 'expire') continue;
    const selected = youngestFirst.filter((image) => isSelected(image, selection));
    for (const { digest } of selected.filter((image, place) => isOver(image, place, selection, now)))
      if (!claimed.has(digest)) expired.set(digest, rulePriority);
    for (const { digest } of selected) claimed.add(digest);
  }
  keepChildren(images, expired);
  return youngestFirst.flatMap(({ digest }) => {
    const rulePriority = expired.get(digest);
    return rulePriority === undefined ? [] : [{ digest, rulePriority }];
  });
}

function isSelected(
  { tags }: AgedRepositoryImage,
  { tagStatus, tagPrefixList, tagPatternList }: RepositoryRule['selection'],
): boolean {
  if (tagStatus === 'any') return true;
  if (tagStatus === 'untagged') return tags.length === 0;
  // Of several prefixes or patterns each has to match some tag.
  if (tagPrefixList !== undefined) return tagPrefixList.every((prefix) => tags.some((tag) => tag.startsWith(prefix)));
  return (tagPatternList ?? []).every((pattern) => {
    const glob = parseGlob(pattern, { wildcards: true, variables: false });
    return glob !== undefined && tags.some((tag) => matchesGlob(glob, tag, () => undefined));
  });
}

/** Whether a rule deletes an image. @param place the number of younger images that the rule selects */
function isOver(
  { pushed, pulled }: AgedRepositoryImage,
  place: number,
  { countType, countNumber }: RepositoryRule['selection'],
  now: number,
): boolean {
  const limit = now - countNumber * DAY_MS;
  if (countType === 'imageCountMoreThan') return place >= countNumber;
  if (countType === 'sinceImagePushed') return pushed < limit;
  // What was never pulled counts from its push.
  if (countType === 'sinceImagePulled') return (pulled ?? pushed) < limit;
  return false;
}

function keepChildren(images: readonly AgedRepositoryImage[], expired: Map<string, number>): void {
  for (let again = true; again; ) {
    again = false;
    for (const { digest, children } of images)
      if (!expired.has(digest)) for (const child of children) if (expired.delete(child)) again = true;
  }
}
