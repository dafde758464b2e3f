/**
 * Conditions: the comparison and logical operators in the inputs of `Assert` and in `if`. Source: reference,
 * `awstoe.md` section 4. String comparisons and patterns ignore case, as its text says.
 */
import { compareDecimals, isDecimal } from '../decimal.ts';
import type { FaultCollector } from '../faults.ts';
import { didYouMean } from '../nearest.ts';
import { describeNode, entryOf, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode } from '../nodes.ts';
import { compilePattern, matchPattern } from '../patterns.ts';
import { childPath, readChoice } from '../reading.ts';
import type { InputValue, StepCondition, StepDecision } from './document.ts';
import { hasReference } from './references.ts';

/** The operand of a comparison beside its baseline. */
type Operand = 'none' | 'value' | 'path';

interface Comparison {
  readonly kind: 'string' | 'number' | 'pattern' | 'binary' | 'file' | 'folder' | 'hash';
  readonly operand: Operand;
}

/** The comparison operators: what they compare, and their operand. */
export const COMPARISONS = {
  stringIsEmpty: { kind: 'string', operand: 'none' },
  stringIsWhitespace: { kind: 'string', operand: 'none' },
  stringEquals: { kind: 'string', operand: 'value' },
  stringLessThan: { kind: 'string', operand: 'value' },
  stringLessThanEquals: { kind: 'string', operand: 'value' },
  stringGreaterThan: { kind: 'string', operand: 'value' },
  stringGreaterThanEquals: { kind: 'string', operand: 'value' },
  patternMatches: { kind: 'pattern', operand: 'value' },
  numberEquals: { kind: 'number', operand: 'value' },
  numberLessThan: { kind: 'number', operand: 'value' },
  numberLessThanEquals: { kind: 'number', operand: 'value' },
  numberGreaterThan: { kind: 'number', operand: 'value' },
  numberGreaterThanEquals: { kind: 'number', operand: 'value' },
  binaryExists: { kind: 'binary', operand: 'none' },
  fileExists: { kind: 'file', operand: 'none' },
  folderExists: { kind: 'folder', operand: 'none' },
  fileMD5Equals: { kind: 'hash', operand: 'path' },
  fileSHA1Equals: { kind: 'hash', operand: 'path' },
  fileSHA256Equals: { kind: 'hash', operand: 'path' },
  fileSHA512Equals: { kind: 'hash', operand: 'path' },
} as const satisfies Readonly<Record<string, Comparison>>;

/** A comparison operator. */
type ComparisonOperator = keyof typeof COMPARISONS;
const LOGICAL = ['and', 'or', 'not'] as const;

/** Names of all operators, the logical ones last. */
export const CONDITION_OPERATORS: readonly string[] = [...Object.keys(COMPARISONS), ...LOGICAL];

/** What evaluation queries from the instance. */
export interface ConditionProbe {
  readonly binaryExists: (name: string) => Promise<boolean>;
  readonly fileExists: (path: string) => Promise<boolean>;
  readonly folderExists: (path: string) => Promise<boolean>;
  /** The hash of a file in hexadecimal; `undefined` if the file does not exist. */
  readonly fileHash: (path: string, algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512') => Promise<string | undefined>;
  /** Lets other work of the process run: a pattern may take a second, and a condition may have a thousand. */
  readonly pause: () => Promise<void>;
}

/** The result of a condition, and a sentence that says which part decided. */
export interface ConditionOutcome {
  readonly holds: boolean;
  readonly explanation: string;
}

function isComparison(name: string): name is ComparisonOperator {
  return Object.hasOwn(COMPARISONS, name);
}

// ---- parsing

/**
 * Parses a condition to a normal form: one operator, operands as texts, `and` and `or` with lists, `not` with a map.
 */
export function readCondition(node: DocumentNode, path: string, faults: FaultCollector): InputValue | undefined {
  return new ConditionReader(faults).statement(node, path, false);
}

/**
 * Parses the `if` of a step. `then` and `else` are beside the operator; beside that of a `not`, where people also put
 * them, they mean the same.
 */
export function readStepCondition(node: DocumentNode, path: string, faults: FaultCollector): StepCondition | undefined {
  const reader = new ConditionReader(faults);
  const condition = reader.statement(node, path, true);
  return condition === undefined ? undefined : { condition, then: 'Execute', else: 'Skip', ...reader.branches };
}

/** The decisions of an `if`. */
export const STEP_DECISIONS = ['Abort', 'Execute', 'Skip'] as const;

/** Maximum characters of a document's patterns that are compiled before it runs. */
const MAX_PATTERNS = 8192;
/** Number of compiled characters, by the collector of a document. */
const patternsRead = new WeakMap<FaultCollector, number>();

class ConditionReader {
  readonly #faults: FaultCollector;
  readonly branches: { then?: StepDecision; else?: StepDecision } = {};

  constructor(faults: FaultCollector) {
    this.#faults = faults;
  }

  statement(given: DocumentNode, path: string, branches: boolean): InputValue | undefined {
    const node =
      given.kind === 'list' && given.items.length === 1 && given.items[0] !== undefined ? given.items[0] : given;
    if (node.kind !== 'map') {
      this.#faults.add(
        'wrong-type',
        node.position,
        path,
        `A condition must be a map with one operator, not ${describeNode(node)}.`,
      );
      return undefined;
    }
    const operators = node.entries.filter((entry) => CONDITION_OPERATORS.includes(entry.key));
    const operator = operators[0];
    const unknown = this.#others(node, operator, path, branches);
    // One fault is enough: the unknown word is in the place of the operator.
    if (operator === undefined && unknown) return undefined;
    if (operator === undefined || operators.length > 1) {
      const found = operators.length === 0 ? 'none' : operators.map((entry) => entry.key).join(', ');
      this.#faults.add(
        'operator-count',
        node.position,
        path,
        `A condition needs exactly one operator, and has ${found}.`,
      );
      return undefined;
    }
    const at = childPath(path, operator.key);
    if (operator.key === 'and' || operator.key === 'or') return this.#many(operator, at);
    if (operator.key === 'not') {
      const inner = this.statement(operator.value, at, branches);
      return inner === undefined ? undefined : { not: inner };
    }
    return isComparison(operator.key) ? this.#comparison(node, operator.key, operator, path) : undefined;
  }

  /** @returns whether there is a word that is not an operator */
  #others(node: MapNode, operator: MapEntry | undefined, path: string, branches: boolean): boolean {
    let unknown = false;
    const comparison = operator !== undefined && isComparison(operator.key) ? COMPARISONS[operator.key] : undefined;
    const allowed = comparison === undefined ? ['value', 'path'] : [comparison.operand];
    for (const entry of node.entries) {
      if (CONDITION_OPERATORS.includes(entry.key) || allowed.includes(entry.key)) continue;
      const at = childPath(path, entry.key);
      if (branches && (entry.key === 'then' || entry.key === 'else') && this.branches[entry.key] === undefined) {
        const decision = readChoice(entry.value, at, `'${entry.key}'`, STEP_DECISIONS, this.#faults);
        if (decision !== undefined) this.branches[entry.key] = decision;
        continue;
      }
      if (['value', 'path', 'then', 'else'].includes(entry.key)) {
        this.#faults.add('unknown-key', entry.keyPosition, at, `'${entry.key}' has no meaning here; it has no effect.`);
        continue;
      }
      const message =
        `'${shorten(entry.key)}' is not a comparison or logical ` +
        `operator.${didYouMean(entry.key, CONDITION_OPERATORS)}`;
      this.#faults.add('unknown-operator', entry.keyPosition, at, message);
      unknown = true;
    }
    return unknown;
  }

  #many(operator: MapEntry, path: string): InputValue | undefined {
    if (operator.value.kind !== 'list' || operator.value.items.length === 0) {
      const found = operator.value.kind === 'list' ? 'an empty list' : describeNode(operator.value);
      const hint = operator.value.kind === 'map' ? ' Each one begins with a dash and a space.' : '';
      const message = `'${operator.key}' must be a list of one or more conditions, not ${found}.${hint}`;
      this.#faults.add('wrong-type', operator.value.position, path, message);
      return undefined;
    }
    const inner = operator.value.items.map((item, index) => this.statement(item, `${path}[${index}]`, false));
    return inner.some((item) => item === undefined) ? undefined : { [operator.key]: inner.map((item) => item ?? null) };
  }

  #comparison(node: MapNode, name: ComparisonOperator, operator: MapEntry, path: string): InputValue | undefined {
    const { kind, operand } = COMPARISONS[name];
    const baseline = this.#operand(operator, childPath(path, name), operand === 'none' || kind === 'string');
    if (baseline !== undefined && !hasReference(baseline))
      this.#checkBaseline(kind, baseline, operator, childPath(path, name));
    if (operand === 'none') return baseline === undefined ? undefined : { [name]: baseline };
    const variable = entryOf(node, operand);
    if (variable === undefined) {
      this.#faults.add(
        'missing-input',
        operator.keyPosition,
        path,
        `'${name}' needs '${operand}' beside it: what is compared.`,
      );
      return undefined;
    }
    const compared = this.#operand(variable, childPath(path, operand), operand === 'value');
    return baseline === undefined || compared === undefined ? undefined : { [name]: baseline, [operand]: compared };
  }

  /** Compiling a pattern takes time proportional to its length. Beyond the limit, it is compiled when its step runs. */
  #mayRead(pattern: string): boolean {
    const read = (patternsRead.get(this.#faults) ?? 0) + pattern.length;
    patternsRead.set(this.#faults, read);
    return read <= MAX_PATTERNS;
  }

  #operand(entry: MapEntry, path: string, emptyAllowed: boolean): string | undefined {
    const node = entry.value;
    if (node.kind === 'scalar' && (node.value !== null || emptyAllowed)) return node.text;
    this.#faults.add(
      'wrong-type',
      node.position,
      path,
      `'${entry.key}' must be a single value, not ${describeNode(node)}.`,
    );
    return undefined;
  }

  #checkBaseline(kind: Comparison['kind'], baseline: string, entry: MapEntry, path: string): void {
    const position = entry.value.position;
    if (kind === 'number' && !isDecimal(baseline)) {
      this.#faults.add('wrong-type', position, path, `'${entry.key}' must be a number, not '${shorten(baseline)}'.`);
    }
    if (kind !== 'pattern' || !this.#mayRead(baseline)) return;
    const pattern = compilePattern(baseline, 'ignored');
    if (typeof pattern !== 'string') return;
    this.#faults.add('invalid-value', position, path, `The pattern '${shorten(baseline)}' cannot be read: ${pattern}.`);
  }
}

// ---- evaluating

/**
 * Evaluates a condition that {@link readCondition} returned, with its references resolved. `and` and `or` stop at the
 * first part that decides. Throws if the value is not a condition, or if a pattern is invalid or takes longer than a
 * second.
 */
export async function evaluateCondition(condition: InputValue, probe: ConditionProbe): Promise<ConditionOutcome> {
  const map = asMap(condition);
  const [name, operand] = Object.entries(map).find(([key]) => CONDITION_OPERATORS.includes(key)) ?? [];
  if (name === undefined || operand === undefined) throw new Error('A condition needs exactly one operator.');
  if (name === 'and' || name === 'or') return await evaluateMany(name, asList(operand), probe);
  if (name === 'not') {
    const inner = await evaluateCondition(operand, probe);
    return { holds: !inner.holds, explanation: `not (${inner.explanation})` };
  }
  if (!isComparison(name)) throw new Error(`'${shorten(name)}' is not an operator.`);
  const baseline = asText(operand);
  const holds = await compare(name, baseline, asText(map['value'] ?? ''), asText(map['path'] ?? ''), probe);
  const left =
    COMPARISONS[name].operand === 'none' ? '' : `'${shorten(asText(map[COMPARISONS[name].operand] ?? ''))}' `;
  return { holds, explanation: `${left}${name} '${shorten(baseline)}' is ${String(holds)}` };
}

async function evaluateMany(
  name: 'and' | 'or',
  parts: readonly InputValue[],
  probe: ConditionProbe,
): Promise<ConditionOutcome> {
  const said: string[] = [];
  for (const part of parts) {
    const outcome = await evaluateCondition(part, probe);
    if (outcome.holds === (name === 'or')) return outcome;
    said.push(outcome.explanation);
  }
  return { holds: name === 'and', explanation: said.join(`, ${name} `) };
}

async function compare(
  name: ComparisonOperator,
  baseline: string,
  value: string,
  path: string,
  probe: ConditionProbe,
): Promise<boolean> {
  switch (name) {
    case 'stringIsEmpty':
      return baseline.length === 0;
    case 'stringIsWhitespace':
      return /^\s+$/.test(baseline);
    case 'stringEquals':
      return compareTexts(value, baseline) === 0;
    case 'stringLessThan':
      return compareTexts(value, baseline) < 0;
    case 'stringLessThanEquals':
      return compareTexts(value, baseline) <= 0;
    case 'stringGreaterThan':
      return compareTexts(value, baseline) > 0;
    case 'stringGreaterThanEquals':
      return compareTexts(value, baseline) >= 0;
    case 'patternMatches':
      await probe.pause();
      return matchPattern(baseline, value, 'ignored');
    case 'numberEquals':
      return compareNumbers(value, baseline, (order) => order === 0);
    case 'numberLessThan':
      return compareNumbers(value, baseline, (order) => order < 0);
    case 'numberLessThanEquals':
      return compareNumbers(value, baseline, (order) => order <= 0);
    case 'numberGreaterThan':
      return compareNumbers(value, baseline, (order) => order > 0);
    case 'numberGreaterThanEquals':
      return compareNumbers(value, baseline, (order) => order >= 0);
    case 'binaryExists':
      return await probe.binaryExists(baseline);
    case 'fileExists':
      return await probe.fileExists(baseline);
    case 'folderExists':
      return await probe.folderExists(baseline);
    case 'fileMD5Equals':
      return sameHash(await probe.fileHash(path, 'md5'), baseline);
    case 'fileSHA1Equals':
      return sameHash(await probe.fileHash(path, 'sha1'), baseline);
    case 'fileSHA256Equals':
      return sameHash(await probe.fileHash(path, 'sha256'), baseline);
    case 'fileSHA512Equals':
      return sameHash(await probe.fileHash(path, 'sha512'), baseline);
  }
}

function sameHash(found: string | undefined, expected: string): boolean {
  return found !== undefined && found.toLowerCase() === expected.trim().toLowerCase();
}

/** Compares two texts without regard to case; digits come before letters. */
function compareTexts(a: string, b: string): number {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function compareNumbers(value: string, baseline: string, test: (order: number) => boolean): boolean {
  const order = compareDecimals(value, baseline);
  return order !== undefined && test(order);
}

function asMap(value: InputValue): Readonly<Record<string, InputValue>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Error('A condition must be a map.');
  return value as Readonly<Record<string, InputValue>>;
}

function asList(value: InputValue): readonly InputValue[] {
  if (!Array.isArray(value)) throw new Error("'and' and 'or' need a list.");
  return value as readonly InputValue[];
}

function asText(value: InputValue): string {
  if (value === null) return '';
  if (typeof value === 'object') throw new Error('A comparison needs single values.');
  return String(value);
}
