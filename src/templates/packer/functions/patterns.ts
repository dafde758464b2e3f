/** Functions of Packer's language with regular expressions: those of Go, whose matching takes linear time. Pure. */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { PackerFault, type Place } from '../syntax.ts';
import type { PackerValue } from '../values.ts';
import { known, limited, textArgument, type PackerFunctions } from './arguments.ts';

/** Maximum characters of a pattern, and of pattern times text: the work of a match. */
const LONGEST_PATTERN = 1000;
const MOST_WORK = 1 << 23;

/** Loaded with the first pattern. */
let engine: typeof RE2JS | undefined;

function compile(pattern: string, text: string, place: Place): RE2JS {
  if (pattern.length > LONGEST_PATTERN || pattern.length * text.length > MOST_WORK)
    throw new PackerFault('the pattern or its text is too long', place);
  engine ??= (createRequire(import.meta.url)('re2js') as typeof import('re2js')).RE2JS;
  try {
    return engine.compile(pattern);
  } catch (error) {
    throw new PackerFault(`the pattern '${pattern}' is not valid: ${(error as Error).message}`, place);
  }
}

/** What a match is in Packer: the text, or its groups as a list, or as a map if they have names. */
function found(pattern: RE2JS, matcher: ReturnType<RE2JS['matcher']>): PackerValue {
  const count = pattern.groupCount();
  if (count === 0) return matcher.group() ?? null;
  const names = Object.entries(pattern.namedGroups());
  if (names.length > 0) return { map: new Map(names.map(([name, index]) => [name, matcher.group(index) ?? null])) };
  return Array.from({ length: count }, (_, index) => matcher.group(index + 1) ?? null);
}

/** The matches of a pattern in a text, at most `most`. */
function matches(args: readonly PackerValue[], most: number, place: Place): readonly PackerValue[] {
  const text = known(textArgument(args, 1, place), place);
  const pattern = compile(textArgument(args, 0, place), text, place);
  const matcher = pattern.matcher(text);
  const all: PackerValue[] = [];
  while (all.length < most && matcher.find()) all.push(found(pattern, matcher));
  return all;
}

/** Replaces what a pattern matches; the replacement has `$1`, `${1}` and `${name}` for groups. */
export function regexReplace(from: string, pattern: string, by: string, place: Place): string {
  const compiled = compile(pattern, from, place);
  const matcher = compiled.matcher(from);
  const names = compiled.namedGroups();
  let made = '';
  let at = 0;
  while (matcher.find()) {
    made += from.slice(at, matcher.start());
    made += by.replace(/\$\$|\$(?:\{(\w+)\}|(\w+))/g, (whole, braced: string | undefined, bare: string | undefined) => {
      if (whole === '$$') return '$';
      const group = (braced ?? bare)!;
      const index = /^\d+$/.test(group) ? Number(group) : names[group];
      return index === undefined || index > compiled.groupCount() ? '' : (matcher.group(index) ?? '');
    });
    at = matcher.end();
    limited(made.length, place);
  }
  return made + from.slice(at);
}

/** Patterns by name. */
export const PATTERNS: PackerFunctions = [
  [
    'regex',
    (args, place) => {
      const [first] = matches(args, 1, place);
      if (first === undefined) throw new PackerFault('regex: the pattern does not match', place);
      return first;
    },
  ],
  ['regexall', (args, place) => matches(args, 10_000, place)],
];
