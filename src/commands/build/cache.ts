/** The options of `ingot build` on layers of earlier builds. */
import { ageSeconds, CACHE_TAG } from '../../workflows/cache-policy.ts';
import { WrongUse, type Arguments } from '../command.ts';

/**
 * What the options say about layers of earlier builds, as the value of an image's tag; `undefined` when they say nothing.
 * @throws {WrongUse} when the options contradict each other, or the age is none
 */
export function cacheTagOf(args: Arguments): string | undefined {
  const age = args.text('cache-max-age');
  const given = [...(args.flag('cache') ? ['--cache'] : []), ...(args.flag('no-cache') ? ['--no-cache'] : []), ...(age === undefined ? [] : ['--cache-max-age'])];
  if (given.length > 1) throw new WrongUse(`${given.join(' and ')} exclude each other`);
  if (age !== undefined && ageSeconds(age) === undefined) throw new WrongUse(`--cache-max-age takes an age such as 90m, 24h or 7d, not '${age}'`);
  return age ?? (args.flag('no-cache') ? 'off' : args.flag('cache') ? 'on' : undefined);
}

/** The tags of a request with the one that says which layers of earlier builds may be taken. */
export function withCacheTag(cacheTag: string | undefined, tags: unknown): { readonly tags?: Readonly<Record<string, string>> } {
  return cacheTag === undefined ? {} : { tags: { ...(tags as Readonly<Record<string, string>> | undefined), [CACHE_TAG]: cacheTag } };
}
