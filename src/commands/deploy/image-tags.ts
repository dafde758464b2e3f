/** Options of `ingot build` that become tags of the images: reuse of layers, and keeping instances of failed builds. */
import { durationFault, durationSeconds } from '../../resources/durations.ts';
import { CACHE_TAG } from '../../workflows/planning/cache-policy.ts';
import { DEFAULT_KEEP_SECONDS, KEEP_TAG } from '../../workflows/planning/keep.ts';
import { WrongUse, type Arguments } from '../command.ts';

/** Tags from the options, which override the template's. @throws {WrongUse} */
export function imageTagsOf(args: Arguments): Readonly<Record<string, string>> {
  const cache = cacheTagOf(args);
  const keep = keepTagOf(args);
  return {
    ...(cache === undefined ? {} : { [CACHE_TAG]: cache }),
    ...(keep === undefined ? {} : { [KEEP_TAG]: keep }),
  };
}

/** How long the instance of a failed build is kept; `undefined` if no option says so. */
function keepTagOf(args: Arguments): string | undefined {
  const given = args.text('keep-for');
  if (given === undefined) return args.flag('keep-on-failure') ? `${DEFAULT_KEEP_SECONDS / 3600}h` : undefined;
  if (!durationSeconds(given)) throw new WrongUse(durationFault('--keep-for', given));
  return given;
}

/**
 * The tag's value for reusing layers; `undefined` without an option.
 * @throws {WrongUse} if the options contradict each other, or the age is invalid
 */
function cacheTagOf(args: Arguments): string | undefined {
  const age = args.text('cache-max-age');
  const given = [
    ...(args.flag('cache') ? ['--cache'] : []),
    ...(args.flag('no-cache') ? ['--no-cache'] : []),
    ...(age === undefined ? [] : ['--cache-max-age']),
  ];
  if (given.length > 1) throw new WrongUse(`${given.join(' and ')} cannot be used together`);
  if (age !== undefined && durationSeconds(age) === undefined)
    throw new WrongUse(durationFault('--cache-max-age', age));
  return age ?? (args.flag('no-cache') ? 'off' : args.flag('cache') ? 'on' : undefined);
}

/** The tags of a request, overridden by those from the options. */
export function withTags(
  tags: unknown,
  asked: Readonly<Record<string, string>>,
): { readonly tags?: Readonly<Record<string, string>> } {
  return Object.keys(asked).length === 0
    ? {}
    : { tags: { ...(tags as Readonly<Record<string, string>> | undefined), ...asked } };
}
