/**
 * Event patterns in EventBridge's language: a pure matcher. A pattern is a map with the event's structure; its leaves
 * are lists of values, one of which must match. Operators: `prefix`, `suffix`, `anything-but`, `equals-ignore-case`,
 * `wildcard`, `numeric`, `exists`, `cidr`, and `$or` for one of several maps. Source: EventBridge's guide, "Comparison
 * operators", and the behavior of AWS's own library (`aws/event-ruler`).
 */
import { isInRange, parseRange } from '../policies/addresses.ts';

/** A parsed pattern. */
export interface EventPattern {
  /** Whether the pattern matches an event. @param event the whole envelope */
  matches(event: unknown): boolean;
}

/** An invalid pattern, with every fault and its path. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Maximum length of a pattern as JSON, in characters: EventBridge's highest quota. */
const LONGEST_PATTERN = 4096;
/** Maximum number of combinations from the alternatives of `$or`, as in EventBridge. */
const MOST_COMBINATIONS = 1000;
/** Largest number in `numeric`, as in EventBridge. */
const LARGEST_NUMBER = 5e9;

type Primitive = string | number | boolean | null;
type Test = (value: Primitive) => boolean;

/** The list at the end of a path: one of its values must match. */
interface Leaf {
  readonly path: readonly string[];
  readonly tests: readonly Test[];
  /** `exists: true` and `exists: false` compare no value. */
  readonly present: boolean;
  readonly absent: boolean;
}

/** A map of a pattern: all fields and one map of each `$or` must match. */
interface Branch {
  readonly fields: readonly (readonly [name: string, what: Branch | Leaf])[];
  readonly either: readonly Branch[] | undefined;
}

/**
 * Parses a pattern.
 * @param value parsed JSON or YAML
 * @throws {PatternError} with every fault; paths are like `detail.state.status[0]`
 */
export function readPattern(value: unknown): EventPattern {
  const faults: string[] = [];
  if (JSON.stringify(value ?? null).length > LONGEST_PATTERN)
    throw new PatternError([`the pattern has more than ${LONGEST_PATTERN} characters as JSON`]);
  const root = readBranch(value, [], 'the pattern', faults);
  if (faults.length === 0 && combinations(root) > MOST_COMBINATIONS)
    faults.push(`the pattern: its $or make more than ${MOST_COMBINATIONS} combinations`);
  if (faults.length > 0) throw new PatternError(faults);
  return { matches: (event) => branchMatches(root, event, event) };
}

/** Parses a pattern from JSON text. */
export function parsePattern(text: string): EventPattern {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (error) {
    throw new PatternError([`the pattern is not JSON: ${(error as Error).message}`]);
  }
  return readPattern(value);
}

function readBranch(value: unknown, path: readonly string[], place: string, faults: string[]): Branch {
  if (!isMap(value)) {
    faults.push(`${place}: must be a map`);
    return { fields: [], either: undefined };
  }
  const names = Object.keys(value);
  if (names.length === 0) faults.push(`${place}: must not be empty`);
  const alternatives = value['$or'];
  const isOr = Array.isArray(alternatives) && alternatives.length > 1 && alternatives.every(isMap);
  if (alternatives !== undefined && !isOr)
    faults.push(`${placeOf(path, '$or')}: must be a list of two or more maps, one of which has to match`);
  return {
    fields: names
      .filter((name) => name !== '$or')
      .map((name) => {
        const inner = value[name];
        const at = [...path, name];
        return [name, Array.isArray(inner) ? readLeaf(inner, at, faults) : readInner(inner, at, faults)] as const;
      }),
    either: isOr
      ? alternatives.map((each, index) => readBranch(each, path, `${placeOf(path, '$or')}[${index}]`, faults))
      : undefined,
  };
}

function readInner(inner: unknown, at: readonly string[], faults: string[]): Branch | Leaf {
  if (isMap(inner)) return readBranch(inner, at, placeOf(at), faults);
  faults.push(`${placeOf(at)}: must be a list of values, such as [${JSON.stringify(inner)}], or a map`);
  return { fields: [], either: undefined };
}

function readLeaf(values: readonly unknown[], path: readonly string[], faults: string[]): Leaf {
  const place = placeOf(path);
  if (values.length === 0) faults.push(`${place}: must not be empty`);
  const tests: Test[] = [];
  let present = false;
  let absent = false;
  for (const [index, value] of values.entries()) {
    const at = `${place}[${index}]`;
    if (isPrimitive(value)) tests.push((given) => given === value);
    else if (isMap(value) && Object.keys(value).length === 1) {
      const [[operator, operand]] = Object.entries(value) as [[string, unknown]];
      if (operator === 'exists') {
        if (typeof operand !== 'boolean') faults.push(`${at}.exists: must be true or false`);
        present ||= operand === true;
        absent ||= operand === false;
      } else tests.push(readOperator(operator, operand, at, faults));
    } else faults.push(`${at}: must be a value, or a map of one operator: ${OPERATOR_NAMES.join(', ')}`);
  }
  return { path, tests, present, absent };
}

const NEVER: Test = () => false;

type ReadOperator = (operand: unknown, place: string, faults: string[]) => Test;

/** Operators on texts, which `anything-but` also accepts. */
const TEXT_OPERATORS: Readonly<Record<string, ReadOperator>> = {
  prefix: (operand, place, faults) => edge(operand, place, faults, (value, text) => value.startsWith(text)),
  suffix: (operand, place, faults) => edge(operand, place, faults, (value, text) => value.endsWith(text)),
  'equals-ignore-case': (operand, place, faults) => {
    const text = textOf(operand, place, faults)?.toLowerCase();
    return (value) => typeof value === 'string' && value.toLowerCase() === text;
  },
  wildcard: (operand, place, faults) => {
    const text = textOf(operand, place, faults);
    const matches = text === undefined ? undefined : readWildcard(text, place, faults);
    return matches === undefined ? NEVER : (value) => typeof value === 'string' && matches(value);
  },
};

const OPERATORS: Readonly<Record<string, ReadOperator>> = {
  ...TEXT_OPERATORS,
  numeric: readNumeric,
  cidr: (operand, place, faults) => {
    const range = typeof operand === 'string' && operand.includes('/') ? parseRange(operand) : undefined;
    if (range === undefined) {
      faults.push(`${place}: must be a range of addresses, such as 10.0.0.0/8`);
      return NEVER;
    }
    return (value) => typeof value === 'string' && isInRange(value, range);
  },
  'anything-but': readAnythingBut,
};

const OPERATOR_NAMES: readonly string[] = [...Object.keys(OPERATORS), 'exists'];

function readOperator(operator: string, operand: unknown, at: string, faults: string[]): Test {
  if (Object.hasOwn(OPERATORS, operator)) return OPERATORS[operator]!(operand, `${at}.${operator}`, faults);
  faults.push(`${at}.${operator}: unknown operator; expected one of ${OPERATOR_NAMES.join(', ')}`);
  return NEVER;
}

function textOf(operand: unknown, place: string, faults: string[]): string | undefined {
  if (typeof operand === 'string') return operand;
  faults.push(`${place}: must be a text`);
  return undefined;
}

/** `prefix` and `suffix`: a text, or `{"equals-ignore-case": text}`. */
function edge(operand: unknown, place: string, faults: string[], has: (value: string, text: string) => boolean): Test {
  const folded = isMap(operand) && Object.keys(operand).join() === 'equals-ignore-case';
  const text = textOf(folded ? operand['equals-ignore-case'] : operand, place, faults);
  if (text === undefined) return NEVER;
  if (!folded) return (value) => typeof value === 'string' && has(value, text);
  return (value) => typeof value === 'string' && has(value.toLowerCase(), text.toLowerCase());
}

function readAnythingBut(operand: unknown, place: string, faults: string[]): Test {
  if (isMap(operand)) {
    const [[operator, inner], ...more] = Object.entries(operand) as [string, unknown][] as [
      [string, unknown],
      ...unknown[],
    ];
    if (operator === undefined || more.length > 0 || !Object.hasOwn(TEXT_OPERATORS, operator)) {
      faults.push(`${place}: must be values, or a map of one of ${Object.keys(TEXT_OPERATORS).join(', ')}`);
      return NEVER;
    }
    const each = Array.isArray(inner) ? (inner as readonly unknown[]) : [inner];
    if (each.length === 0) faults.push(`${place}.${operator}: must not be empty`);
    const tests = each.map((one) => TEXT_OPERATORS[operator]!(one, `${place}.${operator}`, faults));
    return (value) => !tests.some((test) => test(value));
  }
  const values = Array.isArray(operand) ? (operand as readonly unknown[]) : [operand];
  const [first] = values;
  const kinds = typeof first === 'string' || typeof first === 'number';
  if (!kinds || values.some((value) => typeof value !== typeof first))
    faults.push(`${place}: must be a text, a number, or a list of texts or of numbers`);
  return (value) => !values.includes(value);
}

const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

/** `["=", 5]`, `["<", 5]`, or a lower and an upper bound: `[">", 0, "<=", 5]`. */
function readNumeric(operand: unknown, place: string, faults: string[]): Test {
  const words = Array.isArray(operand) ? (operand as readonly unknown[]) : [];
  const [first, low, second, high] = words;
  const compares = (word: unknown, among: readonly string[]): word is string => among.includes(word as string);
  const counts = (word: unknown): word is number => typeof word === 'number' && Math.abs(word) <= LARGEST_NUMBER;
  if (words.length === 2 && compares(first, Object.keys(COMPARISONS)) && counts(low)) {
    const compare = COMPARISONS[first]!;
    return (value) => typeof value === 'number' && compare(value, low);
  }
  const isRange = words.length === 4 && compares(first, ['>', '>=']) && compares(second, ['<', '<=']);
  if (isRange && counts(low) && counts(high) && low < high) {
    const [above, below] = [COMPARISONS[first]!, COMPARISONS[second]!];
    return (value) => typeof value === 'number' && above(value, low) && below(value, high);
  }
  faults.push(
    `${place}: must be a comparison, such as [">", 5], or a range, such as [">", 0, "<=", 5], ` +
      `with numbers from -${LARGEST_NUMBER} to ${LARGEST_NUMBER}`,
  );
  return NEVER;
}

/** `*` matches any text; `\*` and `\\` are the literal characters. */
function readWildcard(text: string, place: string, faults: string[]): ((value: string) => boolean) | undefined {
  const parts = [''];
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (c === '*') {
      if (text[at + 1] === '*') {
        faults.push(`${place}: two * in a row are not allowed`);
        return undefined;
      }
      parts.push('');
      continue;
    }
    const next = text[at + 1];
    if (c === '\\' && next !== '*' && next !== '\\') {
      faults.push(`${place}: a backslash must stand before * or another backslash`);
      return undefined;
    }
    if (c === '\\') at++;
    parts[parts.length - 1] += text[at]!;
  }
  const [first, ...rest] = parts as [string, ...string[]];
  const last = rest.pop();
  if (last === undefined) return (value) => value === first;
  return (value) => {
    if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
    let at = first.length;
    const end = value.length - last.length;
    for (const part of rest) {
      const found = value.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

function branchMatches(branch: Branch, value: unknown, event: unknown): boolean {
  const fits = (one: Readonly<Record<string, unknown>>): boolean =>
    branch.fields.every(([name, what]) => {
      const inner = Object.hasOwn(one, name) ? one[name] : undefined;
      return 'tests' in what ? leafMatches(what, inner, event) : branchMatches(what, inner, event);
    }) &&
    (branch.either?.some((each) => branchMatches(each, one, event)) ?? true);
  // For a list of maps, one single map must match the whole branch.
  const maps = flat(value).filter(isMap);
  return maps.length === 0 ? fits({}) : maps.some(fits);
}

function leafMatches({ path, tests, present, absent }: Leaf, value: unknown, event: unknown): boolean {
  const values = flat(value).filter(isPrimitive);
  if (present && values.length > 0) return true;
  if (values.some((each) => tests.some((test) => test(each)))) return true;
  // A field is absent only if no map of any list on its path has it.
  return absent && valuesAt(event, path).length === 0;
}

function valuesAt(event: unknown, path: readonly string[]): readonly Primitive[] {
  let found = flat(event);
  for (const name of path)
    found = found.filter(isMap).flatMap((each) => (Object.hasOwn(each, name) ? flat(each[name]) : []));
  return found.filter(isPrimitive);
}

function flat(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]).flatMap(flat) : [value];
}

function combinations({ fields, either }: Branch): number {
  const own = fields.map(([, what]) => ('tests' in what ? 1 : combinations(what)));
  const alternatives = either === undefined ? 1 : either.reduce((sum, each) => sum + combinations(each), 0);
  return own.reduce((product, each) => product * each, alternatives);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPrimitive(value: unknown): value is Primitive {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

function placeOf(path: readonly string[], ...more: readonly string[]): string {
  return [...path, ...more].join('.');
}
