/** Parsers of single values. Each reports faults and returns the value, or `undefined`. */
import { didYouMean, nearestWord } from './nearest.ts';
import type { FaultCollector } from './faults.ts';
import { describeNode, entryOf, shorten } from './nodes.ts';
import type { DocumentNode, ListNode, MapEntry, MapNode, ScalarNode } from './nodes.ts';
import type { Position } from './position.ts';

/** `base.key`, or `key` at the top. */
export function childPath(base: string, key: string): string {
  return base === '' ? key : `${base}.${key}`;
}

/** A sentence with a lower-case beginning, for use within another one. */
export function lowerFirst(sentence: string): string {
  return sentence.slice(0, 1).toLowerCase() + sentence.slice(1);
}

/** Whether a key has no value. */
export function isNull(node: DocumentNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

/** Visits every scalar of a value, with its path. */
export function walkScalars(node: DocumentNode, path: string, visit: (scalar: ScalarNode, path: string) => void): void {
  if (node.kind === 'scalar') visit(node, path);
  if (node.kind === 'list')
    for (const [index, item] of node.items.entries()) walkScalars(item, `${path}[${index}]`, visit);
  if (node.kind === 'map')
    for (const entry of node.entries) walkScalars(entry.value, childPath(path, entry.key), visit);
}

/** A map, or a `wrong-type` fault. `what` starts the sentence: `A step`. */
export function readMap(node: DocumentNode, path: string, what: string, faults: FaultCollector): MapNode | undefined {
  if (node.kind === 'map') return node;
  faults.add('wrong-type', node.position, path, `${what} must be a map, not ${describeNode(node)}.`);
  return undefined;
}

/** A list, or a `wrong-type` fault. */
export function readList(node: DocumentNode, path: string, what: string, faults: FaultCollector): ListNode | undefined {
  if (node.kind === 'list') return node;
  faults.add('wrong-type', node.position, path, `${what} must be a list, not ${describeNode(node)}.${asList(node)}`);
  return undefined;
}

/** What to write where a list was expected. */
export function asList(node: DocumentNode): string {
  if (node.kind === 'map') return ' Each item begins with a dash and a space.';
  if (node.kind !== 'scalar' || node.value === null) return '';
  return !node.quoted && /^-\S/.test(node.text) ? ' A space is missing after the dash.' : ' Put it after a dash.';
}

/** The text of a scalar (numbers and booleans as written), or a `wrong-type` fault. */
export function readText(node: DocumentNode, path: string, what: string, faults: FaultCollector): string | undefined {
  if (node.kind === 'scalar' && node.value !== null) return node.text;
  faults.add('wrong-type', node.position, path, `${what} must be a text, not ${describeNode(node)}.`);
  return undefined;
}

/** One of several words, case-sensitive. */
export function readChoice<const T extends string>(
  node: DocumentNode,
  path: string,
  what: string,
  choices: readonly T[],
  faults: FaultCollector,
): T | undefined {
  const text = readText(node, path, what, faults);
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const message = `${what} must be one of ${choices.join(', ')}, not '${shorten(text)}'.${didYouMean(text, choices)}`;
  faults.add('invalid-value', node.position, path, message);
  return undefined;
}

/** The integer in a text; as in Go, a leading zero means octal. `undefined` if it is not an integer. */
export function integerOf(written: string): number | undefined {
  const text = written.trim();
  const octal = /^([-+]?)0o?([0-7]+)$/.exec(text);
  if (octal !== null) return Number.parseInt(`${octal[1]}${octal[2]}`, 8);
  if (/^[-+]?(?:0|[1-9][0-9]*)(?:\.0+)?$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text)) {
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  return undefined;
}

/** An integer; a quoted one is accepted with a warning. */
export function readInteger(
  node: DocumentNode,
  path: string,
  what: string,
  faults: FaultCollector,
): number | undefined {
  const value = node.kind === 'scalar' && node.value !== null ? integerOf(node.text) : undefined;
  if (node.kind !== 'scalar' || value === undefined) {
    faults.add('wrong-type', node.position, path, `${what} must be an integer, not ${describeNode(node)}.`);
    return undefined;
  }
  if (node.quoted)
    faults.add('quoted-scalar', node.position, path, `${what} is quoted; it is read as the integer ${value}.`);
  return value;
}

const TRUE_WORDS: readonly string[] = ['true', 'yes', 'on', 'y'];
const FALSE_WORDS: readonly string[] = ['false', 'no', 'off', 'n'];

/** The boolean in a text, including Go's other words; `undefined` if it is not a boolean. */
export function booleanOf(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (TRUE_WORDS.includes(word)) return true;
  return FALSE_WORDS.includes(word) ? false : undefined;
}

/** A boolean. Go's other words for it (`yes`, `off`) are accepted; quoted ones cause a warning. */
export function readBoolean(
  node: DocumentNode,
  path: string,
  what: string,
  faults: FaultCollector,
): boolean | undefined {
  const value = node.kind === 'scalar' ? booleanOf(node.text) : undefined;
  if (node.kind !== 'scalar' || value === undefined) {
    faults.add('wrong-type', node.position, path, `${what} must be true or false, not ${describeNode(node)}.`);
    return undefined;
  }
  if (node.quoted) faults.add('quoted-scalar', node.position, path, `${what} is quoted; it is read as ${value}.`);
  return value;
}

/** The entry of a required key; if it is missing, a `missing-key` fault at the map. */
export function requireEntry(
  map: MapNode,
  key: string,
  path: string,
  what: string,
  faults: FaultCollector,
): MapEntry | undefined {
  const entry = entryOf(map, key);
  if (entry === undefined) {
    faults.add('missing-key', map.position, path, `${what} has no '${key}', which is required.${meantBy(map, key)}`);
  }
  return entry;
}

/**
 * ` It has 'foreach': write 'forEach'.` if a map has a key that was probably meant as another one; otherwise empty.
 * @param known keys with a meaning of their own
 */
export function meantBy(map: MapNode, key: string, known: readonly string[] = []): string {
  const near = map.entries.find((other) => !known.includes(other.key) && nearestWord(other.key, [key]) !== undefined);
  if (near === undefined) return '';
  const same = near.key.toLowerCase() === key.toLowerCase();
  return same ? ` It has '${near.key}': case counts.` : ` It has '${shorten(near.key)}': write '${key}'.`;
}

/** Warns about every key that is not in `known`. */
export function warnUnknownKeys(
  map: MapNode,
  known: readonly string[],
  path: string,
  what: string,
  faults: FaultCollector,
): void {
  for (const entry of map.entries) {
    if (known.includes(entry.key)) continue;
    const unknown = `Unknown key '${shorten(entry.key)}' in ${lowerFirst(what)}; it has no effect.`;
    const message = unknown + didYouMean(entry.key, known);
    faults.add('unknown-key', entry.keyPosition, childPath(path, entry.key), message);
  }
}

/** The form of the name of a step or a loop in a component document. */
export const ELEMENT_NAME = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Reports a name of a step or a loop that EC2 Image Builder rejects, with its message.
 * @param where such as `in phase 'build'`; may be empty
 */
export function checkElementName(
  name: string,
  what: 'step' | 'loop',
  where: string,
  position: Position,
  path: string,
  faults: FaultCollector,
): void {
  if (ELEMENT_NAME.test(name)) return;
  const subject = `Invalid ${what} name '${shorten(name)}'${where === '' ? '' : ` ${where}`}.`;
  const problem =
    name.length > 128
      ? `It has ${name.length} characters; at most 128 are allowed.`
      : 'Allowed characters are combinations of numbers [0-9], english letters [a-z,A-Z] and special characters [-_].';
  faults.add('invalid-value', position, path, `${subject} ${problem}`);
}

/** Tracks names that must be unique, and reports a second use with the line of the first. */
export class UniqueNames {
  readonly #seen = new Map<string, Position>();
  readonly #what: string;
  readonly #faults: FaultCollector;

  constructor(what: string, faults: FaultCollector) {
    this.#what = what;
    this.#faults = faults;
  }

  /** Returns whether the name is new. */
  add(name: string, position: Position, path: string): boolean {
    const earlier = this.#seen.get(name);
    if (earlier === undefined) {
      this.#seen.set(name, position);
      return true;
    }
    this.#faults.add(
      'duplicate-name',
      position,
      path,
      `${this.#what} '${shorten(name)}' is a duplicate of the one in line ${earlier.line}.`,
    );
    return false;
  }
}

/** Checks `schemaVersion`: `1.0` in any notation (1, 1.0, "1.0"). */
export function readSchemaVersion(map: MapNode, what: string, faults: FaultCollector): void {
  const entry = requireEntry(map, 'schemaVersion', '', what, faults);
  if (entry === undefined) return;
  const text = readText(entry.value, 'schemaVersion', "'schemaVersion'", faults);
  if (text === undefined || /^1(?:\.0)?$/.test(text.trim())) return;
  faults.add(
    'unsupported-schema-version',
    entry.value.position,
    'schemaVersion',
    `The schemaVersion must be 1.0, not '${shorten(text)}'.`,
  );
}
