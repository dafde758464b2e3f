/** Whether the work on an image may take layers that earlier builds made. Pure. */
import type { Image } from '@aws-sdk/client-imagebuilder';

/** The image's tag that says which layers it may take: `off`, `on`, or the greatest age, as `90m`, `24h`, `7d`. */
export const CACHE_TAG = 'ingot:layer-cache';

/** How old a layer may be when nothing else is said: as long as a day's mirror is believed. */
const DEFAULT_MAX_AGE_SECONDS = 24 * 3600;

/** What may be taken. */
export type CachePolicy =
  | { readonly use: false; readonly reason: string }
  | { readonly use: true; readonly maxAgeSeconds: number };

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * The policy of an image. Scheduled builds never take a layer: they exist to get what is new. (What takes the newest of something,
 * like `UpdateOS`, has a key of its own in every build, whatever the policy.)
 * @throws {Error} naming the tag and its value when it is none of the forms
 */
export function cachePolicy(image: Pick<Image, 'buildType' | 'tags'>): CachePolicy {
  if (image.buildType === 'SCHEDULED')
    return { use: false, reason: 'a scheduled build takes nothing of an earlier one' };
  const wanted = image.tags?.[CACHE_TAG];
  if (wanted === undefined || wanted === 'on') return { use: true, maxAgeSeconds: DEFAULT_MAX_AGE_SECONDS };
  if (wanted === 'off') return { use: false, reason: `switched off by the tag ${CACHE_TAG}` };
  const seconds = ageSeconds(wanted);
  if (seconds === undefined)
    throw new Error(
      `the tag ${CACHE_TAG} has the value '${wanted}': it takes on, off, or an age such as 90m, 24h or 7d`,
    );
  return { use: true, maxAgeSeconds: seconds };
}

/** Seconds of an age such as `90m`, `24h` or `7d`; `undefined` for anything else. */
export function ageSeconds(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNITS[unit!]!;
}
