/**
 * UpdateOS on systems with RPM packages: the commands of dnf, yum and zypper. Pure. Source: reference, `awstoe.md`
 * section 6.
 */
import { wildcardMatcher } from '../../policies/globs.ts';
import { InputError } from '../module.ts';

/** Package managers of such systems, the preferred one first. */
export const RPM_MANAGERS = ['dnf', 'yum', 'zypper'] as const;
export type RpmManager = (typeof RPM_MANAGERS)[number];

/**
 * Validates package names as RPM allows them, with `*` and `?` as wildcards.
 * @throws {InputError} for a text that a package manager would interpret differently
 */
export function rpmNames(input: string, names: readonly string[]): readonly string[] {
  for (const name of names)
    if (!/^[A-Za-z0-9*?][A-Za-z0-9+._*?-]*$/.test(name))
      throw new InputError(`${input}: "${name}" is not a valid package name`);
  return names;
}

/**
 * The commands, in order; each must succeed. Indexes are downloaded again. An index that cannot be downloaded is a
 * failure, unless its repository's own file says otherwise (`skip_if_unavailable`, which distributions set).
 * @param installed names of the installed packages: dnf fails for a name that is not installed or is excluded, and
 * zypper cannot exclude by itself, so both get the remaining names
 * @returns an empty list if nothing is to be updated
 */
export function rpmCommands(
  manager: RpmManager,
  include: readonly string[],
  exclude: readonly string[],
  installed: readonly string[],
): readonly (readonly string[])[] {
  const named = include.length > 0 || (manager === 'zypper' && exclude.length > 0);
  const excluded = among(exclude, installed);
  const wanted = named
    ? among(include.length === 0 ? ['*'] : include, installed).filter((name) => !excluded.includes(name))
    : [];
  if (named && wanted.length === 0) return [];
  if (manager === 'zypper') {
    return [
      ['zypper', '--non-interactive', 'refresh'],
      ['zypper', '--non-interactive', 'update', '--auto-agree-with-licenses', '--', ...wanted],
    ];
  }
  const without = exclude.map((name) => `--exclude=${name}`);
  const failing = '--setopt=skip_if_unavailable=False';
  if (manager === 'dnf') return [['dnf', '-y', '--refresh', failing, ...without, 'upgrade', '--', ...wanted]];
  return [
    ['yum', '-y', 'clean', 'expire-cache'],
    ['yum', '-y', failing, ...without, 'update', '--', ...wanted],
  ];
}

/** The names that match the patterns. */
export function among(patterns: readonly string[], names: readonly string[]): readonly string[] {
  const matchers = patterns.map((pattern) => wildcardMatcher(pattern));
  return [...new Set(names)].filter((name) => matchers.some((matches) => matches(name)));
}
