/** The `if` of a workflow step: parsing and evaluation. Source: reference, `workflows.md` section 3. */
import { compareDecimals, isDecimal } from '../decimal.ts';
import type { FaultCollector } from '../faults.ts';
import { didYouMean } from '../nearest.ts';
import { describeNode, entryOf, shorten } from '../nodes.ts';
import type { DocumentNode, MapNode } from '../nodes.ts';
import { booleanOf, childPath } from '../reading.ts';
import type { WorkflowComparison, WorkflowCondition, WorkflowValue } from './document.ts';
import { interpolatedPaths, isPath, resolveWorkflowValue } from './references.ts';
import type { WorkflowLookup } from './references.ts';

/** The comparison operators. */
export const COMPARISONS: readonly WorkflowComparison[] = [
  'booleanEquals',
  'stringEquals',
  'numberEquals',
  'numberGreaterThan',
  'numberGreaterThanEquals',
  'numberLessThan',
  'numberLessThanEquals',
];
const OPERATORS: readonly string[] = [...COMPARISONS, 'and', 'or', 'not'];
const MAX_LEVELS = 4;
/** Maximum number of conditions below an `and` or `or`. */
export const MAX_CHILDREN = 10;

/** Parses the statement below an `if`. `level` is its depth, from 1. */
export function readWorkflowCondition(
  node: DocumentNode,
  path: string,
  faults: FaultCollector,
  level = 1,
): WorkflowCondition | undefined {
  if (level > MAX_LEVELS) {
    faults.add('condition-too-deep', node.position, path, `A condition may have ${MAX_LEVELS} levels below 'if'.`);
    return undefined;
  }
  if (node.kind !== 'map') {
    faults.add(
      'wrong-type',
      node.position,
      path,
      `A condition must be a map with one operator, not ${describeNode(node)}.`,
    );
    return undefined;
  }
  const found = node.entries.filter((entry) => OPERATORS.includes(entry.key));
  for (const entry of node.entries) {
    if (OPERATORS.includes(entry.key) || entry.key === 'value') continue;
    const hint = didYouMean(entry.key, OPERATORS);
    const message = `'${shorten(entry.key)}' is not an operator of workflow conditions.${hint}`;
    faults.add('unknown-operator', entry.keyPosition, childPath(path, entry.key), message);
  }
  const [operator] = found;
  if (operator === undefined || found.length > 1) {
    const names = found.length === 0 ? 'none' : found.map((entry) => entry.key).join(', ');
    faults.add('operator-count', node.position, path, `A condition needs exactly one operator, and has ${names}.`);
    return undefined;
  }
  const at = childPath(path, operator.key);
  const comparison = COMPARISONS.find((name) => name === operator.key);
  if (comparison !== undefined) return readComparison(node, comparison, operator.value, path, faults);
  if (operator.key === 'not') {
    const inner =
      operator.value.kind === 'list' && operator.value.items.length === 1 ? operator.value.items[0] : operator.value;
    const condition = inner && readWorkflowCondition(inner, at, faults, level + 1);
    return condition === undefined ? undefined : { kind: 'not', condition };
  }
  const items = operator.value.kind === 'list' ? operator.value.items : [];
  if (operator.value.kind !== 'list') {
    const message = `'${operator.key}' must be a list of conditions, not ${describeNode(operator.value)}.`;
    faults.add('wrong-type', operator.value.position, at, message);
    return undefined;
  }
  if (items.length === 0 || items.length > MAX_CHILDREN) {
    faults.add(
      'out-of-range',
      operator.value.position,
      at,
      `'${operator.key}' takes 1 to ${MAX_CHILDREN} conditions, and has ${items.length}.`,
    );
  }
  const conditions = items.map((item, index) => readWorkflowCondition(item, `${at}[${index}]`, faults, level + 1));
  return {
    kind: operator.key === 'and' ? 'and' : 'or',
    conditions: conditions.filter((condition) => condition !== undefined),
  };
}

function readComparison(
  node: MapNode,
  operator: WorkflowComparison,
  baselineNode: DocumentNode,
  path: string,
  faults: FaultCollector,
): WorkflowCondition | undefined {
  const entry = entryOf(node, 'value');
  if (entry === undefined) {
    faults.add('missing-input', node.position, path, `'${operator}' needs 'value' beside it: what is compared.`);
    return undefined;
  }
  const baseline = operand(baselineNode, operator, childPath(path, operator), faults);
  const value = operand(entry.value, 'value', `${path}.value`, faults);
  if (baseline === undefined || value === undefined) return undefined;
  if (!isReference(baseline)) {
    const wrong =
      operator === 'booleanEquals'
        ? booleanOf(baseline) === undefined
        : operator !== 'stringEquals' && !isDecimal(baseline);
    const expected = operator === 'booleanEquals' ? 'true or false' : 'a number';
    const message = `'${operator}' takes ${expected}, and has '${shorten(baseline)}'.`;
    if (wrong) faults.add('wrong-type', baselineNode.position, childPath(path, operator), message);
  }
  return { kind: 'comparison', operator, baseline, value };
}

function isReference(text: string): boolean {
  return isPath(text) || interpolatedPaths(text).length > 0;
}

function operand(node: DocumentNode, name: string, path: string, faults: FaultCollector): string | undefined {
  if (node.kind === 'scalar' && node.value !== null) return node.text;
  faults.add('wrong-type', node.position, path, `'${name}' must be a single value, not ${describeNode(node)}.`);
  return undefined;
}

/**
 * Evaluates a condition; `and` and `or` stop at the first part that decides. A value that is not a boolean or a number
 * compares as false.
 * @throws {UnresolvedReferenceError} if a reference has no value
 */
export function evaluateCondition(condition: WorkflowCondition, lookup: WorkflowLookup): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.conditions.every((part) => evaluateCondition(part, lookup));
    case 'or':
      return condition.conditions.some((part) => evaluateCondition(part, lookup));
    case 'not':
      return !evaluateCondition(condition.condition, lookup);
    case 'comparison':
      return evaluateComparison(condition, lookup);
  }
}

function evaluateComparison(
  condition: Extract<WorkflowCondition, { kind: 'comparison' }>,
  lookup: WorkflowLookup,
): boolean {
  const value = textOf(condition.value, lookup);
  const baseline = textOf(condition.baseline, lookup);
  if (condition.operator === 'stringEquals') return value === baseline;
  if (condition.operator === 'booleanEquals')
    return booleanOf(value) !== undefined && booleanOf(value) === booleanOf(baseline);
  const order = compareDecimals(value, baseline);
  if (order === undefined) return false;
  switch (condition.operator) {
    case 'numberEquals':
      return order === 0;
    case 'numberGreaterThan':
      return order > 0;
    case 'numberGreaterThanEquals':
      return order >= 0;
    case 'numberLessThan':
      return order < 0;
    case 'numberLessThanEquals':
      return order <= 0;
  }
}

function textOf(value: WorkflowValue, lookup: WorkflowLookup): string {
  const found = resolveWorkflowValue(value, lookup);
  return typeof found === 'string' ? found : JSON.stringify(found);
}
