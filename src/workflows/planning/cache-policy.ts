/** Whether the work on an image may use layers of earlier builds. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { durationFault, durationSeconds } from '../../resources/durations.ts';

/** The image's tag that says which layers it may take: `off`, `on`, or the greatest age, as `90m`, `24h`, `7d`. */
export const CACHE_TAG = 'ingot:layer-cache';

/** The default maximum age of a layer: as long as a day's mirror is considered current. */
const DEFAULT_MAX_AGE_SECONDS = 24 * 3600;

/** What may be used. */
export type CachePolicy =
  | { readonly use: false; readonly reason: string }
  | { readonly use: true; readonly maxAgeSeconds: number };

/**
 * The policy of an image. Scheduled builds never take a layer: they exist to get what is new. (What takes the newest of
 * something, like `UpdateOS`, has a key of its own in every build, whatever the policy.)
 * @throws {Error} naming the tag and its value when it is none of the forms
 */
export function cachePolicy(image: Pick<Image, 'buildType' | 'tags'>): CachePolicy {
  if (image.buildType === 'SCHEDULED') return { use: false, reason: 'scheduled builds use no cached layers' };
  const wanted = image.tags?.[CACHE_TAG];
  if (wanted === undefined || wanted === 'on') return { use: true, maxAgeSeconds: DEFAULT_MAX_AGE_SECONDS };
  if (wanted === 'off') return { use: false, reason: `disabled by the tag ${CACHE_TAG}` };
  const seconds = durationSeconds(wanted);
  if (seconds === undefined) throw new Error(durationFault(`tag ${CACHE_TAG}`, wanted, 'on, off'));
  return { use: true, maxAgeSeconds: seconds };
}
