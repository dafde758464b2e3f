/**
 * Filters of `Describe…` operations. An item passes if every filter matches by one of its values. `*` matches any
 * characters and `?` one character; a backslash escapes them. Source: EC2 User Guide, "List and filter your resources".
 */
import { invalidParameter } from './errors.ts';

/** A filter of a request. */
export interface Filter {
  readonly Name?: string | undefined;
  readonly Values?: readonly string[] | undefined;
}

/** How to get an item's values for each filter name. With no values, no filter value matches. */
export type FilterValues<T> = Readonly<Record<string, (item: T) => readonly (string | undefined)[]>>;

/** Source: EC2 User Guide, "Filtering considerations". */
const MOST_FILTERS = 50;
const MOST_VALUES = 200;
/** Character comparisons that the filters of one request may use: about a tenth of a second. */
const MOST_STEPS = 20_000_000;

/**
 * Returns the items that pass all filters.
 * @param tagsOf enables the filters `tag:KEY` and `tag-key`
 * @throws {ServiceError} InvalidParameterValue for a filter that the operation does not have
 */
export function filtered<T>(
  items: readonly T[],
  filters: readonly Filter[] | undefined,
  values: FilterValues<T>,
  tagsOf?: (item: T) => Readonly<Record<string, string>>,
): T[] {
  if ((filters?.length ?? 0) > MOST_FILTERS) throw invalidParameter(`A request takes at most ${MOST_FILTERS} filters.`);
  let found = [...items];
  const budget: Budget = { left: MOST_STEPS };
  for (const { Name: name, Values: wanted = [] } of filters ?? []) {
    if (name === undefined) throw invalidParameter('Each filter needs a Name.');
    if (wanted.length > MOST_VALUES) throw invalidParameter(`The filter '${name.slice(0, 64)}' has too many values.`);
    const valuesOf = valuesFor(name, values, tagsOf);
    const matches = wanted.map((pattern) => matcher(pattern, budget));
    found = found.filter((item) =>
      valuesOf(item).some((value) => value !== undefined && matches.some((match) => match(value))),
    );
  }
  return found;
}

function valuesFor<T>(
  name: string,
  values: FilterValues<T>,
  tagsOf: ((item: T) => Readonly<Record<string, string>>) | undefined,
): (item: T) => readonly (string | undefined)[] {
  if (Object.hasOwn(values, name)) return values[name]!;
  if (tagsOf !== undefined && name === 'tag-key') return (item) => Object.keys(tagsOf(item));
  if (tagsOf !== undefined && name.startsWith('tag:')) {
    const key = name.slice('tag:'.length);
    return (item) => {
      const tags = tagsOf(item);
      return Object.hasOwn(tags, key) ? [tags[key]] : [];
    };
  }
  const known = [...Object.keys(values), ...(tagsOf === undefined ? [] : ['tag:KEY', 'tag-key'])].sort();
  throw invalidParameter(`The filter '${name.slice(0, 64)}' is invalid. Valid filters are: ${known.join(', ')}.`);
}

/** Character comparisons that are left for this request. */
interface Budget {
  left: number;
}

/**
 * Makes a function that compares a text with a pattern. After a mismatch it resumes at the last star.
 * @throws {ServiceError} InvalidParameterValue, from the comparison that exceeds the budget
 */
export function matcher(pattern: string, budget: Budget = { left: Infinity }): (value: string) => boolean {
  const parts: string[] = [];
  const STAR = '*';
  const ANY = '?';
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index]!;
    if (character === '\\' && index + 1 < pattern.length) parts.push(`=${pattern[++index]!}`);
    else if (character === STAR || character === ANY) parts.push(character);
    else parts.push(`=${character}`);
  }
  if (!parts.includes(STAR) && !parts.includes(ANY)) {
    const plain = parts.map((part) => part.slice(1)).join('');
    return (value) => value === plain;
  }
  return (value) => {
    let at = 0;
    let next = 0;
    let star = -1;
    let back = 0;
    while (at < value.length) {
      if (budget.left-- <= 0)
        throw invalidParameter('The filters take too long: use fewer values with * and ?, or shorter ones.');
      if (next < parts.length && (parts[next] === ANY || parts[next] === `=${value[at]}`)) {
        at++;
        next++;
      } else if (parts[next] === STAR) {
        star = next++;
        back = at;
      } else if (star >= 0) {
        next = star + 1;
        at = ++back;
      } else return false;
    }
    while (parts[next] === STAR) next++;
    return next === parts.length;
  };
}
