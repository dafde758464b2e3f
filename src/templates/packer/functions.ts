/** Functions of Packer's language that depend only on their arguments. Pure. */
import { PackerFault, type Place } from './syntax.ts';
import { booleanOf, BUILD_TIME, isList, isMap, numberOf, textOf, UNIQUE, type PackerValue } from './values.ts';

type PackerFunction = (args: readonly PackerValue[], place: Place) => PackerValue;

/** Maximum length of a text or list that a function returns. */
const MOST = 1 << 20;

function text(run: (text: string) => PackerValue): PackerFunction {
  return (args, place) => run(textOf(argument(args, 0, place), place));
}

function argument(args: readonly PackerValue[], index: number, place: Place): PackerValue {
  const value = args[index];
  if (value === undefined) throw new PackerFault(`argument ${index + 1} is missing`, place);
  return value;
}

function listOf(value: PackerValue, place: Place): readonly PackerValue[] {
  if (isList(value)) return value;
  throw new PackerFault('expected a list', place);
}

function mapOf(value: PackerValue, place: Place): ReadonlyMap<string, PackerValue> {
  if (isMap(value)) return value.map;
  throw new PackerFault('expected a map', place);
}

/** Text with `timestamp()` is unchanged, because the build's time is used in its place. */
function keepsTime(args: readonly PackerValue[], otherwise: (first: string) => PackerValue, place: Place): PackerValue {
  const first = textOf(argument(args, 0, place), place);
  return first.includes(BUILD_TIME) ? first : otherwise(first);
}

/** Replaces a plain text, within a limit. */
function replaceAll(from: string, search: string, by: string, place: Place): string {
  if (search === '') return from;
  const parts = from.split(search);
  if (from.length + parts.length * by.length > MOST) throw new PackerFault('the text becomes too long', place);
  return parts.join(by);
}

/** Replaces a set of characters such as `[- TZ:]`, or a plain text; other patterns are rejected. */
function regexReplace(from: string, pattern: string, by: string, place: Place): string {
  if (from.length * (by.length + 1) > MOST) throw new PackerFault('the text becomes too long', place);
  if (!by.includes('$')) {
    if (/^[A-Za-z0-9 _:,/=-]+$/.test(pattern)) return replaceAll(from, pattern, by, place);
    const fits = setOf(pattern);
    if (fits !== undefined) {
      const run = pattern.endsWith('+');
      let made = '';
      let before = false;
      for (const character of from) {
        const is = fits(character);
        if (!is) made += character;
        else if (!run || !before) made += by;
        before = is;
      }
      return made;
    }
  }
  throw new PackerFault(`the pattern '${pattern}' is not evaluated here`, place);
}

/** The meaning of `[^a-z_.]` or `[- TZ:]+`; undefined for other patterns. */
function setOf(pattern: string): ((character: string) => boolean) | undefined {
  const found = /^\[(\^?)([^[\]\\]{1,200})\]\+?$/.exec(pattern);
  if (found === null) return undefined;
  const signs = [...found[2]!];
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < signs.length; at++) {
    const isRange = signs[at + 1] === '-' && at + 2 < signs.length;
    ranges.push([signs[at]!, isRange ? signs[at + 2]! : signs[at]!]);
    if (isRange) at += 2;
  }
  const without = found[1] === '^';
  return (character) => ranges.some(([low, high]) => low <= character && character <= high) !== without;
}

function flatten(list: readonly PackerValue[]): PackerValue[] {
  const flat: PackerValue[] = [];
  for (const item of list) {
    if (isList(item)) flat.push(...flatten(item));
    else flat.push(item);
    if (flat.length > MOST) break;
  }
  return flat;
}

/** `format` with %s, %d, %v, %q and %%. */
function format(args: readonly PackerValue[], place: Place): string {
  const pattern = textOf(argument(args, 0, place), place);
  let next = 1;
  return pattern.replace(/%(?:%|(0?\d*)([sdvq])|.)/g, (whole, width: string | undefined, verb: string | undefined) => {
    if (whole === '%%') return '%';
    if (verb === undefined || Number(width ?? 0) > 1000)
      throw new PackerFault(`format: '${whole}' is not evaluated here`, place);
    const value = textOf(argument(args, next++, place), place);
    const shown = verb === 'q' ? JSON.stringify(value) : value;
    return shown.padStart(Number(width), width?.startsWith('0') ? '0' : ' ');
  });
}

/** All functions by name. */
export const FUNCTIONS: ReadonlyMap<string, PackerFunction> = new Map<string, PackerFunction>([
  ['timestamp', () => BUILD_TIME],
  ['formatdate', (args, place) => textOf(argument(args, 1, place), place)],
  ['legacy_isotime', () => BUILD_TIME],
  ['legacy_strftime', () => BUILD_TIME],
  ['uuidv4', () => UNIQUE],
  [
    'regex_replace',
    (args, place) =>
      keepsTime(
        args,
        (from) =>
          regexReplace(from, textOf(argument(args, 1, place), place), textOf(argument(args, 2, place), place), place),
        place,
      ),
  ],
  [
    'replace',
    (args, place) =>
      keepsTime(
        args,
        (from) =>
          replaceAll(from, textOf(argument(args, 1, place), place), textOf(argument(args, 2, place), place), place),
        place,
      ),
  ],
  [
    'substr',
    (args, place) =>
      keepsTime(
        args,
        (from) => {
          const start = numberOf(argument(args, 1, place), place);
          const length = numberOf(argument(args, 2, place), place);
          return from.slice(start, length < 0 ? undefined : start + length);
        },
        place,
      ),
  ],
  ['lower', text((value) => value.toLowerCase())],
  ['upper', text((value) => value.toUpperCase())],
  [
    'title',
    text((value) => value.replace(/(^|\s)(\S)/g, (_, gap: string, first: string) => gap + first.toUpperCase())),
  ],
  ['trimspace', text((value) => value.trim())],
  ['chomp', text((value) => value.replace(/[\r\n]{0,100}$/, ''))],
  [
    'trimprefix',
    (args, place) => {
      const [from, prefix] = [textOf(argument(args, 0, place), place), textOf(argument(args, 1, place), place)];
      return from.startsWith(prefix) ? from.slice(prefix.length) : from;
    },
  ],
  [
    'trimsuffix',
    (args, place) => {
      const [from, suffix] = [textOf(argument(args, 0, place), place), textOf(argument(args, 1, place), place)];
      return suffix !== '' && from.endsWith(suffix) ? from.slice(0, -suffix.length) : from;
    },
  ],
  ['base64encode', text((value) => Buffer.from(value).toString('base64'))],
  ['base64decode', text((value) => Buffer.from(value, 'base64').toString())],
  ['jsonencode', (args, place) => JSON.stringify(plain(argument(args, 0, place)))],
  ['tostring', (args, place) => textOf(argument(args, 0, place), place)],
  ['tonumber', (args, place) => numberOf(argument(args, 0, place), place)],
  ['tobool', (args, place) => booleanOf(argument(args, 0, place), place)],
  ['tolist', (args, place) => listOf(argument(args, 0, place), place)],
  ['toset', (args, place) => [...new Set(listOf(argument(args, 0, place), place))]],
  ['format', format],
  [
    'join',
    (args, place) => {
      const items = args.slice(1).flatMap((list) => listOf(list, place).map((item) => textOf(item, place)));
      const between = textOf(argument(args, 0, place), place);
      if (items.length * between.length > MOST) throw new PackerFault('the text becomes too long', place);
      return items.join(between);
    },
  ],
  ['split', (args, place) => textOf(argument(args, 1, place), place).split(textOf(argument(args, 0, place), place))],
  ['concat', (args, place) => args.flatMap((list) => [...listOf(list, place)])],
  ['flatten', (args, place) => flatten(listOf(argument(args, 0, place), place))],
  ['compact', (args, place) => listOf(argument(args, 0, place), place).filter((item) => item !== '' && item !== null)],
  ['distinct', (args, place) => [...new Set(listOf(argument(args, 0, place), place))]],
  ['reverse', (args, place) => listOf(argument(args, 0, place), place).toReversed()],
  [
    'sort',
    (args, place) =>
      listOf(argument(args, 0, place), place)
        .map((item) => textOf(item, place))
        .sort(),
  ],
  ['merge', (args, place) => ({ map: new Map(args.flatMap((map) => (map === null ? [] : [...mapOf(map, place)]))) })],
  ['keys', (args, place) => [...mapOf(argument(args, 0, place), place).keys()].sort()],
  [
    'values',
    (args, place) =>
      [...mapOf(argument(args, 0, place), place)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value),
  ],
  [
    'lookup',
    (args, place) => {
      const found = mapOf(argument(args, 0, place), place).get(textOf(argument(args, 1, place), place)) ?? args[2];
      if (found === undefined) throw new PackerFault('lookup: the map has no such key, and there is no default', place);
      return found;
    },
  ],
  [
    'element',
    (args, place) => {
      const list = listOf(argument(args, 0, place), place);
      return list[numberOf(argument(args, 1, place), place) % list.length] ?? null;
    },
  ],
  ['contains', (args, place) => listOf(argument(args, 0, place), place).includes(argument(args, 1, place))],
  [
    'length',
    (args, place) => {
      const value = argument(args, 0, place);
      return isList(value) ? value.length : isMap(value) ? value.map.size : [...textOf(value, place)].length;
    },
  ],
  [
    'coalesce',
    (args, place) => {
      const found = args.find((value) => value !== null && value !== '');
      if (found === undefined) throw new PackerFault('coalesce: no argument has a value', place);
      return found;
    },
  ],
  ['max', (args, place) => args.map((value) => numberOf(value, place)).reduce((a, b) => Math.max(a, b))],
  ['min', (args, place) => args.map((value) => numberOf(value, place)).reduce((a, b) => Math.min(a, b))],
  ['floor', (args, place) => Math.floor(numberOf(argument(args, 0, place), place))],
  ['ceil', (args, place) => Math.ceil(numberOf(argument(args, 0, place), place))],
  ['abs', (args, place) => Math.abs(numberOf(argument(args, 0, place), place))],
  ['dirname', text((value) => value.slice(0, Math.max(value.lastIndexOf('/'), 0)) || '.')],
  ['basename', text((value) => value.slice(value.lastIndexOf('/') + 1))],
  ['abspath', text((value) => value)],
]);

/** A value as in JSON. */
function plain(value: PackerValue): unknown {
  if (isList(value)) return value.map(plain);
  return isMap(value) ? Object.fromEntries([...value.map].map(([key, item]) => [key, plain(item)])) : value;
}
