/** Whether the work on an image may reuse layers of earlier builds. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { durationFault, durationSeconds } from '../../resources/durations.ts';

/** The image's tag that selects the layers it may reuse: `off`, `on`, or a maximum age such as `90m`, `24h`, `7d`. */
export const CACHE_TAG = 'ingot:layer-cache';

/** The default maximum age of a layer: as long as a day's mirror is considered current. */
const DEFAULT_MAX_AGE_SECONDS = 24 * 3600;

/** Which layers may be reused. */
export type CachePolicy =
  | { readonly use: false; readonly reason: string }
  | { readonly use: true; readonly maxAgeSeconds: number };

/**
 * The policy of an image. Scheduled builds never reuse a layer, because their purpose is to get updates. (Components
 * that install the newest versions, like `UpdateOS`, have a unique key in every build, whatever the policy.)
 * @throws {Error} that names the tag and its value if it has no valid form
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
