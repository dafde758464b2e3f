/** UpdateOS on systems with RPM packages: the commands of dnf, yum and zypper. Pure. Source: reference, `awstoe.md` section 6. */
import { InputError } from './module.ts';

/** Package managers of such systems, the better one first where there are two. */
export const RPM_MANAGERS = ['dnf', 'yum', 'zypper'] as const;
export type RpmManager = (typeof RPM_MANAGERS)[number];

/** Names as RPM allows them, `*` and `?` as wildcards. @throws {InputError} for what a manager would take for something else */
export function rpmNames(input: string, names: readonly string[]): readonly string[] {
  for (const name of names) if (!/^[A-Za-z0-9*?][A-Za-z0-9+._*?-]*$/.test(name)) throw new InputError(`${input}: "${name}" is no name of a package`);
  return names;
}

/**
 * The commands, in order; each has to succeed. Indexes are fetched anew.
 * @param installed names of the installed packages: zypper leaves out none by itself, so that it is told the others
 */
export function rpmCommands(manager: RpmManager, include: readonly string[], exclude: readonly string[], installed: readonly string[]): readonly (readonly string[])[] {
  if (manager === 'zypper') {
    const wanted = exclude.length === 0 ? include : among(include.length === 0 ? ['*'] : include, installed).filter((name) => !among(exclude, installed).includes(name));
    if (exclude.length > 0 && wanted.length === 0) return [];
    return [['zypper', '--non-interactive', 'refresh'], ['zypper', '--non-interactive', 'update', '--auto-agree-with-licenses', '--', ...wanted]];
  }
  const without = exclude.map((name) => `--exclude=${name}`);
  if (manager === 'dnf') return [['dnf', '-y', '--refresh', ...without, 'upgrade', '--', ...include]];
  return [['yum', '-y', 'clean', 'expire-cache'], ['yum', '-y', ...without, 'update', '--', ...include]];
}

function among(patterns: readonly string[], names: readonly string[]): readonly string[] {
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.replace(/[.+]/g, '\\$&').replace(/\*+/g, '.*').replaceAll('?', '.')}$`));
  return names.filter((name) => expressions.some((expression) => expression.test(name)));
}
