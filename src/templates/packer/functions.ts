/** Functions of Packer's language that depend only on their arguments. Pure. */
import {
  argument,
  limited,
  listArgument,
  listOf,
  number,
  numberArgument,
  text,
  textArgument,
  type PackerFunction,
} from './functions/arguments.ts';
import { COLLECTIONS } from './functions/collections.ts';
import { ENCODINGS } from './functions/encodings.ts';
import { PATTERNS, regexReplace } from './functions/patterns.ts';
import { PackerFault, type Place } from './syntax.ts';
import { booleanOf, BUILD_TIME, isList, numberOf, textOf, UNIQUE, type PackerValue } from './values.ts';

/** Text with `timestamp()` is unchanged, because the build's time is used in its place. */
function keepsTime(change: (first: string, args: readonly PackerValue[], place: Place) => string): PackerFunction {
  return (args, place) => {
    const first = textArgument(args, 0, place);
    return first.includes(BUILD_TIME) ? first : change(first, args, place);
  };
}

/** Replaces a plain text, within a limit. */
function replaceAll(from: string, search: string, by: string, place: Place): string {
  if (search === '') return from;
  const parts = from.split(search);
  limited(from.length + parts.length * by.length, place);
  return parts.join(by);
}

/** `format` with %s, %d, %v, %q and %%. */
function format(args: readonly PackerValue[], place: Place): string {
  const pattern = textArgument(args, 0, place);
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

/** `format` for each item of its lists. */
function formatList(args: readonly PackerValue[], place: Place): readonly string[] {
  const lengths = args.flatMap((value) => (isList(value) ? [value.length] : []));
  const count = lengths.length === 0 ? 1 : Math.min(...lengths);
  return Array.from({ length: count }, (_, index) =>
    format(
      args.map((value) => (isList(value) ? value[index]! : value)),
      place,
    ),
  );
}

/** Removes characters of a set at both ends. */
function trim(from: string, set: string): string {
  const signs = [...from];
  const first = signs.findIndex((sign) => !set.includes(sign));
  return first === -1 ? '' : signs.slice(first, signs.findLastIndex((sign) => !set.includes(sign)) + 1).join('');
}

function parseInteger(args: readonly PackerValue[], place: Place): number {
  const [digits, base] = [textArgument(args, 0, place), numberArgument(args, 1, place)];
  const known = '0123456789abcdefghijklmnopqrstuvwxyz'.slice(0, base);
  if (!Number.isInteger(base) || base < 2 || base > 36 || trim(digits.replace(/^[-+]/, '').toLowerCase(), known) !== '')
    throw new PackerFault(`parseint: '${digits}' is not a whole number of base ${base}`, place);
  return Number.parseInt(digits, base);
}

/** All functions by name. */
export const FUNCTIONS: ReadonlyMap<string, PackerFunction> = new Map<string, PackerFunction>([
  ['timestamp', () => BUILD_TIME],
  ['formatdate', (args, place) => textArgument(args, 1, place)],
  ['legacy_isotime', () => BUILD_TIME],
  ['legacy_strftime', () => BUILD_TIME],
  ['uuidv4', () => UNIQUE],
  [
    'regex_replace',
    keepsTime((from, args, place) =>
      regexReplace(from, textArgument(args, 1, place), textArgument(args, 2, place), place),
    ),
  ],
  [
    'replace',
    keepsTime((from, args, place) =>
      replaceAll(from, textArgument(args, 1, place), textArgument(args, 2, place), place),
    ),
  ],
  [
    'substr',
    keepsTime((from, args, place) => {
      const start = numberArgument(args, 1, place);
      const length = numberArgument(args, 2, place);
      return from.slice(start, length < 0 ? undefined : start + length);
    }),
  ],
  ['lower', text((value) => value.toLowerCase())],
  ['upper', text((value) => value.toUpperCase())],
  [
    'title',
    text((value) => value.replace(/(^|\s)(\S)/g, (_, gap: string, first: string) => gap + first.toUpperCase())),
  ],
  ['strrev', keepsTime((value) => [...value].reverse().join(''))],
  ['trim', (args, place) => trim(textArgument(args, 0, place), textArgument(args, 1, place))],
  ['trimspace', text((value) => value.trim())],
  ['chomp', text((value) => value.replace(/[\r\n]{0,100}$/, ''))],
  [
    'trimprefix',
    (args, place) => {
      const [from, prefix] = [textArgument(args, 0, place), textArgument(args, 1, place)];
      return from.startsWith(prefix) ? from.slice(prefix.length) : from;
    },
  ],
  [
    'trimsuffix',
    (args, place) => {
      const [from, suffix] = [textArgument(args, 0, place), textArgument(args, 1, place)];
      return suffix !== '' && from.endsWith(suffix) ? from.slice(0, -suffix.length) : from;
    },
  ],
  ['startswith', (args, place) => textArgument(args, 0, place).startsWith(textArgument(args, 1, place))],
  ['endswith', (args, place) => textArgument(args, 0, place).endsWith(textArgument(args, 1, place))],
  ['strcontains', (args, place) => textArgument(args, 0, place).includes(textArgument(args, 1, place))],
  [
    'indent',
    (args, place) => {
      const spaces = Math.max(0, Math.min(numberArgument(args, 0, place), 1000));
      return replaceAll(textArgument(args, 1, place), '\n', `\n${' '.repeat(spaces)}`, place);
    },
  ],
  ['tostring', (args, place) => textArgument(args, 0, place)],
  ['tonumber', (args, place) => numberArgument(args, 0, place)],
  ['tobool', (args, place) => booleanOf(argument(args, 0, place), place)],
  ['tolist', (args, place) => listArgument(args, 0, place)],
  ['toset', (args, place) => [...new Set(listArgument(args, 0, place))]],
  ['tomap', (args, place) => argument(args, 0, place)],
  ['format', format],
  ['formatlist', formatList],
  [
    'join',
    (args, place) => {
      const items = args.slice(1).flatMap((list) => listOf(list, place).map((item) => textOf(item, place)));
      const between = textArgument(args, 0, place);
      limited(items.length * between.length, place);
      return items.join(between);
    },
  ],
  ['split', (args, place) => textArgument(args, 1, place).split(textArgument(args, 0, place))],
  ['max', (args, place) => args.map((value) => numberOf(value, place)).reduce((a, b) => Math.max(a, b))],
  ['min', (args, place) => args.map((value) => numberOf(value, place)).reduce((a, b) => Math.min(a, b))],
  ['floor', number(Math.floor)],
  ['ceil', number(Math.ceil)],
  ['abs', number(Math.abs)],
  ['signum', number(Math.sign)],
  ['pow', (args, place) => number((value) => value ** numberArgument(args, 1, place))(args, place)],
  ['log', (args, place) => number((value) => Math.log(value) / Math.log(numberArgument(args, 1, place)))(args, place)],
  ['parseint', parseInteger],
  ['dirname', text((value) => value.slice(0, Math.max(value.lastIndexOf('/'), 0)) || '.')],
  ['basename', text((value) => value.slice(value.lastIndexOf('/') + 1))],
  ['abspath', text((value) => value)],
  ...COLLECTIONS,
  ...ENCODINGS,
  ...PATTERNS,
]);
