/**
 * CloudWatch's filter patterns: terms, space-delimited fields, and JSON. Source: CloudWatch Logs User Guide, "Filter
 * pattern syntax".
 */
import { createRequire } from 'node:module';
import { readJsonPattern, type PatternTools } from './filter-json.ts';

/** What a pattern is matched with: the text of an event, and its record for JSON patterns. */
interface Matched {
  readonly message: string;
  readonly record: unknown;
}

/** A compiled pattern. */
export type FilterPattern = (event: Matched) => boolean;

/** A pattern is invalid; the message says why. */
export class FilterPatternError extends Error {
  override readonly name = 'FilterPatternError';
}

/** Maximum length of a pattern in characters, as on AWS. */
const LONGEST = 1024;

/** Parses a pattern. @throws {FilterPatternError} */
export function readFilterPattern(pattern: string): FilterPattern {
  if (pattern.length > LONGEST)
    throw new FilterPatternError(`it has ${pattern.length} characters, and at most ${LONGEST} are allowed`);
  const text = pattern.trim();
  if (text === '') return () => true;
  if (text.startsWith('{')) {
    const matches = readJsonPattern(text, tools);
    return ({ record, message }) => matches(record) || matches(parsed(message));
  }
  if (text.startsWith('[')) return fields(text);
  return terms(text);
}

const tools: PatternTools = { regex, wildcard, error: (message) => new FilterPatternError(message) };

/** Runs in linear time, because users write the patterns. */
function regex(source: string): (text: string) => boolean {
  if (!/^[\w:#=@/;,\-^$?[\]{}|\\*+.\s]+$/.test(source))
    throw new FilterPatternError(
      `%${source}% has a character that is not allowed in a regular expression: use letters, digits, spaces, ` +
        '_ # = @ / ; , : - and the operators ^ $ ? [ ] { } | \\ * + .',
    );
  try {
    // Loaded on first use: most patterns have no regular expression.
    const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof import('re2js');
    const compiled = RE2JS.compile(source);
    return (text) => compiled.matcher(text).find();
  } catch (error) {
    throw new FilterPatternError(`%${source}% is not a valid regular expression: ${(error as Error).message}`);
  }
}

function wildcard(source: string): (text: string) => boolean {
  const [first = '', ...parts] = source.split('*');
  if (parts.length === 0) return (text) => text === source;
  const last = parts.pop()!;
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    const end = text.length - last.length;
    for (const part of parts) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

function parsed(message: string): unknown {
  if (message[0] !== '{') return undefined;
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}

const TERM = /\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]*)%|([^\s"]+))/y;

function terms(text: string): FilterPattern {
  const all: ((message: string) => boolean)[] = [];
  const any: ((message: string) => boolean)[] = [];
  TERM.lastIndex = 0;
  while (TERM.lastIndex < text.length) {
    const begin = TERM.lastIndex;
    const match = TERM.exec(text);
    if (match === null) throw new FilterPatternError(`it cannot be read from '${text.slice(begin, begin + 40)}' on`);
    const [, sign, quoted, expression, plain] = match;
    const word = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain!;
    const has = expression === undefined ? (text: string) => text.includes(word) : regex(expression);
    if (sign === '?') any.push(has);
    else if (sign === '-') all.push((message) => !has(message));
    else all.push(has);
  }
  // As on AWS, terms with a question mark are ignored beside other terms.
  return all.length > 0
    ? ({ message }) => all.every((has) => has(message))
    : ({ message }) => any.some((has) => has(message));
}

/** Splits a message for the form with brackets: at spaces, but not in `[…]` and `"…"`. */
function columnsOf(message: string): readonly string[] {
  const columns: string[] = [];
  // Whether a closing character can still occur. Otherwise a line of `[ [ [ [` would be searched again and again.
  const open: Record<string, boolean> = { ']': true, '"': true };
  const word = /\S+/y;
  for (let at = 0; at < message.length; ) {
    const first = message[at]!;
    const close = first === '[' ? ']' : first === '"' ? '"' : undefined;
    if (close !== undefined && open[close]) {
      const end = message.indexOf(close, at + 1);
      if (end >= 0) {
        columns.push(message.slice(at + 1, end));
        at = end + 1;
        continue;
      }
      open[close] = false;
    }
    word.lastIndex = at;
    const found = word.exec(message)?.[0];
    if (found !== undefined) columns.push(found);
    at += found?.length ?? 1;
  }
  return columns;
}

type Test = (value: string) => boolean;

function fields(text: string): FilterPattern {
  if (!text.endsWith(']')) throw new FilterPatternError("it begins with '[' and does not end with ']'");
  const parts = splitFields(text.slice(1, -1));
  const gap = parts.indexOf('...');
  if (gap !== parts.lastIndexOf('...')) throw new FilterPatternError("'...' may be there once");
  const before = (gap < 0 ? parts : parts.slice(0, gap)).map(readField);
  const behind = gap < 0 ? [] : parts.slice(gap + 1).map(readField);
  return ({ message }) => {
    const columns = columnsOf(message);
    const fits = before.length + behind.length;
    if (gap < 0 ? columns.length !== fits : columns.length < fits) return false;
    return (
      before.every((test, index) => test(columns[index]!)) &&
      behind.every((test, index) => test(columns[columns.length - behind.length + index]!))
    );
  };
}

function splitFields(inner: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  for (const [token] of inner.matchAll(/"[^"]*"|%[^%]*%|[^]/g)) {
    if (token === ',') {
      parts.push(part.trim());
      part = '';
    } else part += token;
  }
  parts.push(part.trim());
  if (parts.includes('')) throw new FilterPatternError('a field between commas is empty');
  return parts;
}

/** `name`, `name = 4*`, `name = 4* || name = 5*` */
function readField(field: string): Test {
  if (!/[=<>]/.test(field)) return () => true;
  const any = field.split('||').map((alternative) => {
    const all = alternative.split('&&').map((condition) => readCondition(condition.trim()));
    return (value: string) => all.every((test) => test(value));
  });
  return (value) => any.some((test) => test(value));
}

function readCondition(condition: string): Test {
  const match = /^[\w$.-]*\s*(!=|<=|>=|=|<|>)\s*(?:"([^"]*)"|%([^%]+)%|(\S+))$/.exec(condition);
  if (match === null) throw new FilterPatternError(`'${condition}' is not a condition such as status = 4*`);
  const [, operator, quoted, expression, plain] = match;
  const wanted = quoted ?? plain ?? '';
  if (operator === '=' || operator === '!=') {
    const equal = expression === undefined ? wildcard(wanted) : regex(expression);
    return operator === '=' ? equal : (value) => !equal(value);
  }
  const number = Number(wanted);
  if (expression !== undefined || !Number.isFinite(number))
    throw new FilterPatternError(`'${condition}': ${operator} compares numbers`);
  return (value) => {
    const given = Number(value);
    if (!Number.isFinite(given)) return false;
    return operator === '<'
      ? given < number
      : operator === '<='
        ? given <= number
        : operator === '>'
          ? given > number
          : given >= number;
  };
}
