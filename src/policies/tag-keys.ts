/**
 * Keys of tags. Tags are case-sensitive, condition keys of policies are not: two tags that differ only in case are one
 * condition key with two values.
 */

/** Two keys that differ only in case; `undefined` if there are none. */
export function sameButForCase(keys: Iterable<string>): readonly [string, string] | undefined {
  const seen = new Map<string, string>();
  for (const key of keys) {
    const before = seen.get(key.toLowerCase());
    if (before !== undefined && before !== key) return [before, key];
    seen.set(key.toLowerCase(), key);
  }
  return undefined;
}

/** The message for keys that differ only in case. */
export function caseFault([one, other]: readonly [string, string]): string {
  return (
    `has the keys '${one}' and '${other}', which differ only in case: policies cannot tell them apart. Keep one of ` +
    'them'
  );
}

/** Merges tags: a tag replaces one whose key differs only in case. */
export function withTags(
  tags: Readonly<Record<string, string>>,
  over: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const replaced = new Set(Object.keys(over).map((key) => key.toLowerCase()));
  return { ...Object.fromEntries(Object.entries(tags).filter(([key]) => !replaced.has(key.toLowerCase()))), ...over };
}

/** The values of the tags that a condition key (in lower case) names; `undefined` if there are none. */
export function tagValues(tags: Readonly<Record<string, string>>, key: string): readonly string[] | undefined {
  const values = Object.entries(tags)
    .filter(([name]) => name.toLowerCase() === key)
    .map(([, value]) => value);
  return values.length === 0 ? undefined : values;
}

/** Whether a condition key, in lower case, is about one tag: `aws:resourcetag/team`. */
export function isTagKey(key: string): boolean {
  return /^[a-z0-9-]+:(?:resource|request|principal|createdresource)tag\//.test(key);
}
