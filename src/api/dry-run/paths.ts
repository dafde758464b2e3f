/** Paths in a request (`components[1].componentArn`), and copies of requests without faulty values. Pure. */
import type { Structure } from '../codec.ts';

/** A member's name, or the index of a list. */
type Token = string | number;

/** Splits `distributions[0].region`. Keys of maps may contain dots, so what follows a map's name is not split. */
export function tokensOf(path: string): readonly Token[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? name! : Number(index),
  );
}

/** Joins the parts of a path. */
function pathOf(tokens: readonly Token[]): string {
  return tokens
    .map((token, index) => (typeof token === 'number' ? `[${token}]` : index === 0 ? token : `.${token}`))
    .join('');
}

/** The value at a path, or `undefined`. */
export function valueAt(value: unknown, tokens: readonly Token[]): unknown {
  let at = value;
  for (const token of tokens) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, token)) return undefined;
    at = (at as Readonly<Record<Token, unknown>>)[token];
  }
  return at;
}

/** A copy with another value at a path. `undefined` leaves a hole in a list, so that later items keep their indexes. */
export function withValue(value: unknown, tokens: readonly Token[], changed: unknown): unknown {
  const [token, ...rest] = tokens;
  if (token === undefined) return changed;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (index === token ? withValue(item, rest, changed) : item));
  const members = typeof value === 'object' && value !== null ? (value as Structure) : {};
  return { ...members, [token]: withValue(members[token], rest, changed) };
}

/** A copy without holes and undefined members, as it is sent. */
export function withoutHoles(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== undefined).map(withoutHoles);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries.map(([name, member]) => [name, withoutHoles(member)]));
}

/** Translates a path in the sent value to one in the original value, which may have undefined items. */
export function originalPath(value: unknown, path: string): string {
  let at = value;
  const tokens = tokensOf(path).map((token): Token => {
    let real = token;
    if (Array.isArray(at) && typeof token === 'number') {
      const kept = [...at.keys()].filter((index) => (at as readonly unknown[])[index] !== undefined);
      real = kept[token] ?? token;
    }
    at = valueAt(at, [real]);
    return real;
  });
  return pathOf(tokens);
}

/** The path of the first text that is equal to `text`. */
export function pathOfText(value: unknown, text: string, tokens: readonly Token[] = []): string | undefined {
  if (value === text) return pathOf(tokens);
  if (typeof value !== 'object' || value === null) return undefined;
  const entries: readonly (readonly [Token, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  for (const [token, member] of entries) {
    const found = pathOfText(member, text, [...tokens, token]);
    if (found !== undefined) return found;
  }
  return undefined;
}
