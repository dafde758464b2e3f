/** The section Conditions, and the functions that return true or false. */
import { conditionNamed, entriesOf, evaluate } from './evaluate.ts';
import type { Faults } from './faults.ts';
import { plainValue } from './functions.ts';
import { describe, type MapEntry, type TemplateNode, type Value } from './nodes.ts';
import type { Scope, Truth } from './scope.ts';

/** Functions of the section Rules that return true or false and take evaluated values. */
export type ValueTest = (values: readonly Value[]) => boolean | undefined;

/** Maximum nesting of conditions: more than anybody writes. */
const DEEPEST = 200;

/**
 * Evaluates the section.
 * @returns the value of each condition by name
 */
export function evaluateConditions(
  section: TemplateNode | undefined,
  scope: Omit<Scope, 'condition' | 'conditionNames'>,
  faults: Faults,
): ReadonlyMap<string, Truth> {
  const values = new Map<string, Truth>();
  if (section === undefined) return values;
  if (section.kind !== 'map') {
    faults.add('wrong-type', section.position, 'Conditions', `expected a map, found ${describe(section)}`);
    return values;
  }
  const open = new Set<string>();
  // Conditions can refer to parameters and mappings only.
  const inside: Scope = { ...scope, resources: new Map(), conditionNames: [], condition: () => undefined };
  const entries = new Map<string, MapEntry>(entriesOf(section, 'Conditions', inside, faults));
  const whole: Scope = { ...inside, conditionNames: [...entries.keys()], condition: (name) => valueOf(name) };
  function valueOf(name: string): Truth | undefined {
    const entry = entries.get(name);
    if (entry === undefined) return undefined;
    const before = values.get(name);
    if (before !== undefined) return before;
    const path = `Conditions.${name}`;
    if (open.has(name)) {
      faults.add('dependency-cycle', entry.position, path, `depends on itself: ${[...open, name].join(' -> ')}`);
      return 'unknown';
    }
    if (open.size >= DEEPEST) {
      faults.add('too-many', entry.position, path, `more than ${DEEPEST} conditions in conditions`);
      return 'unknown';
    }
    open.add(name);
    const value = isTrue(entry.value, path, whole, faults);
    open.delete(name);
    values.set(name, value);
    return value;
  }
  for (const name of entries.keys()) valueOf(name);
  return values;
}

/**
 * Whether a condition is true; unknown after a fault.
 * @param tests further functions by name
 */
export function isTrue(
  node: TemplateNode,
  path: string,
  scope: Scope,
  faults: Faults,
  tests: ReadonlyMap<string, ValueTest> = new Map(),
): Truth {
  if (node.kind === 'map' && node.entries.size === 1 && node.entries.has('Condition')) {
    const { value } = node.entries.get('Condition')!;
    if (value.kind === 'scalar') return conditionNamed(value.text, value.position, path, scope, faults);
  }
  if (node.kind !== 'call') {
    faults.add('wrong-type', node.position, path, `expected ${expected(tests)}, found ${describe(node)}`);
    return 'unknown';
  }
  const { argument } = node;
  const inner = (each: TemplateNode): Truth => isTrue(each, path, scope, faults, tests);
  switch (node.name) {
    case 'Condition':
      if (argument.kind === 'scalar') return conditionNamed(argument.text, argument.position, path, scope, faults);
      break;
    case 'Fn::Not':
      if (argument.kind === 'list' && argument.items.length === 1) {
        const value = inner(argument.items[0]!);
        return value === 'unknown' ? value : !value;
      }
      faults.add('wrong-type', argument.position, path, `${node.written} takes a list of one condition`);
      return 'unknown';
    case 'Fn::And':
    case 'Fn::Or': {
      if (argument.kind !== 'list' || argument.items.length < 2 || argument.items.length > 10) {
        faults.add('wrong-type', argument.position, path, `${node.written} takes a list of 2 to 10 conditions`);
        return 'unknown';
      }
      const values = argument.items.map(inner);
      const decisive = node.name === 'Fn::Or';
      if (values.includes(decisive)) return decisive;
      return values.includes('unknown') ? 'unknown' : !decisive;
    }
    case 'Fn::Equals': {
      const sides = valuesOf(argument, 2, path, scope, faults);
      if (sides === undefined) break;
      return sides.length < 2 ? 'unknown' : same(sides[0]!, sides[1]!);
    }
    default: {
      const work = tests.get(node.name);
      if (work !== undefined) {
        const values = valuesOf(argument, 2, path, scope, faults);
        if (values === undefined) break;
        return values.length < 2 ? 'unknown' : (work(values) ?? 'unknown');
      }
      faults.add('wrong-type', node.position, path, `expected ${expected(tests)}, found ${node.written}`);
      return 'unknown';
    }
  }
  const takes = node.name === 'Condition' ? 'the name of a condition' : 'a list of two values';
  faults.add('wrong-type', argument.position, path, `${node.written} takes ${takes}`);
  return 'unknown';
}

function expected(tests: ReadonlyMap<string, ValueTest>): string {
  const more = [...tests.keys()].map((name) => `, ${name}`).join('');
  return `a condition (Fn::Equals, Fn::Not, Fn::And, Fn::Or, Condition${more})`;
}

/** The values of a list; empty if one could not be evaluated; `undefined` if it is not a list of the right length. */
function valuesOf(
  argument: TemplateNode,
  many: number,
  path: string,
  scope: Scope,
  faults: Faults,
): readonly Value[] | undefined {
  if (argument.kind !== 'list' || argument.items.length !== many) return undefined;
  const values = argument.items.map((item) => evaluate(item, path, scope, faults));
  return values.includes(undefined) ? [] : (values as Value[]);
}

function same(a: Value, b: Value): Truth {
  if (a.kind === 'scalar' && b.kind === 'scalar') return a.text === b.text;
  const [left, right] = [plainValue(a), plainValue(b)];
  if (left === undefined || right === undefined) return 'unknown';
  return JSON.stringify(left) === JSON.stringify(right);
}
