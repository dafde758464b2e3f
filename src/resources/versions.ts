/** Semantic versions and their wildcards. Source: reference, `resources.md` section 2. */

/** The largest number in a version: 2^30 - 1. */
const MAX_NODE = 2 ** 30 - 1;

/** Three nodes, each from 0 to `MAX_NODE`. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** A version and the build number that Ingot assigned, from 1. */
export interface BuildVersion extends Version {
  readonly build: number;
}

/** A version whose nodes may be `x`. */
export interface VersionPattern {
  readonly major: number | 'x';
  readonly minor: number | 'x';
  readonly patch: number | 'x';
}

/** Parses `1.2.3`. Returns `undefined` if it is malformed, out of range, or has wildcards. */
export function parseVersion(text: string): Version | undefined {
  const pattern = parseNodes(text);
  return pattern !== undefined && isVersion(pattern) ? pattern : undefined;
}

/**
 * Parses `1.2.3`, `1.2.x`, `1.x.x` or `x.x.x`. Returns `undefined` for others, such as `x.2.x` and `1.x.8`: after an
 * `x` all nodes must be `x`.
 */
export function parseVersionPattern(text: string): VersionPattern | undefined {
  const pattern = parseNodes(text);
  if (pattern === undefined) return undefined;
  if (pattern.major === 'x' && pattern.minor !== 'x') return undefined;
  if (pattern.minor === 'x' && pattern.patch !== 'x') return undefined;
  return pattern;
}

/**
 * Parses a version to increment: `1.0.x`, `1.x.0`, `1.x.x`, `x.0.0`, `x.x.x`. After the first `x` there may only be `x`
 * and 0. Returns `undefined` for others.
 */
export function parseIncrement(text: string): VersionPattern | undefined {
  const pattern = parseNodes(text);
  if (pattern === undefined || isVersion(pattern)) return undefined;
  const counts = (node: number | 'x'): boolean => node === 'x' || node === 0;
  if (pattern.major === 'x')
    return counts(pattern.minor) && counts(pattern.patch) ? { major: 'x', minor: 'x', patch: 'x' } : undefined;
  if (pattern.minor === 'x') return counts(pattern.patch) ? { ...pattern, patch: 'x' } : undefined;
  return pattern;
}

/** Whether no node is a wildcard. */
export function isVersion(pattern: VersionPattern): pattern is Version {
  return pattern.major !== 'x' && pattern.minor !== 'x' && pattern.patch !== 'x';
}

/** `1.2.3`, `1.x.x`. */
export function formatVersion(version: VersionPattern): string {
  return `${version.major}.${version.minor}.${version.patch}`;
}

/** Compares numerically: negative, 0 or positive. Builds are compared last, if both have one. */
export function compareVersions(
  a: Version & { readonly build?: number },
  b: Version & { readonly build?: number },
): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch || (a.build ?? 0) - (b.build ?? 0);
}

/** Whether a version matches a pattern. */
export function matchesVersion(pattern: VersionPattern, version: Version): boolean {
  return (['major', 'minor', 'patch'] as const).every(
    (node) => pattern[node] === 'x' || pattern[node] === version[node],
  );
}

/**
 * The highest version that matches a pattern, with its highest build if there are builds; `undefined` if none matches.
 */
export function highestMatch<V extends Version & { readonly build?: number }>(
  pattern: VersionPattern,
  versions: readonly V[],
): V | undefined {
  let highest: V | undefined;
  for (const version of versions) {
    if (matchesVersion(pattern, version) && (highest === undefined || compareVersions(version, highest) > 0))
      highest = version;
  }
  return highest;
}

/**
 * The incremented version: the first `x` is one higher than in the existing versions, and later nodes are 0. The first
 * version has 0 there; for `x.x.x` it is 1.0.0.
 * @param increment from `parseIncrement`
 * @param existing all existing versions
 * @returns `undefined` if the numbers are used up
 */
export function nextVersion(increment: VersionPattern, existing: readonly Version[]): Version | undefined {
  const last = highestMatch(increment, existing);
  const next = (node: number): number => node + 1;
  const version =
    increment.major === 'x'
      ? { major: last === undefined ? 1 : next(last.major), minor: 0, patch: 0 }
      : increment.minor === 'x'
        ? { major: increment.major, minor: last === undefined ? 0 : next(last.minor), patch: 0 }
        : { major: increment.major, minor: increment.minor, patch: last === undefined ? 0 : next(last.patch) };
  return Math.max(version.major, version.minor, version.patch) > MAX_NODE ? undefined : version;
}

/**
 * Parses three nodes, each a number or `x`, in any combination; callers check the combination. Returns `undefined` for
 * anything else.
 */
export const parseVersionParts: (text: string) => VersionPattern | undefined = parseNodes;

function parseNodes(text: string): VersionPattern | undefined {
  const match = /^(\d{1,10}|x)\.(\d{1,10}|x)\.(\d{1,10}|x)$/.exec(text);
  if (match === null) return undefined;
  const [major, minor, patch] = match.slice(1).map((node) => (node === 'x' ? 'x' : Number(node))) as [
    number | 'x',
    number | 'x',
    number | 'x',
  ];
  if ([major, minor, patch].some((node) => node !== 'x' && node > MAX_NODE)) return undefined;
  return { major, minor, patch };
}
