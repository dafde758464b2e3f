/** The `loop` of a step: parsing it, and its iterations. Source: reference, `awstoe.md` section 5. */
import type { FaultCollector } from '../faults.ts';
import { describeNode, entryOf, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode } from '../nodes.ts';
import {
  checkElementName,
  integerOf,
  isNull,
  meantBy,
  readInteger,
  readMap,
  readText,
  requireEntry,
  type UniqueNames,
  warnUnknownKeys,
} from '../reading.ts';
import type { Loop } from './document.ts';
import { findReferences } from './references.ts';

/** Keys of a loop, of `for`, and of `forEach` with a delimited list. */
export const LOOP_KEYS = ['name', 'for', 'forEach'] as const;
export const FOR_KEYS = ['start', 'end', 'updateBy'] as const;
export const LIST_KEYS = ['list', 'delimiter'] as const;

/** Possible delimiters of a list; the first is the default. */
const DELIMITERS: readonly string[] = [',', '.', ';', ':', '\n', '\t', ' ', '-', '_'];
const DELIMITER_NAMES: ReadonlyMap<string, string> = new Map([
  ['\n', 'newline'],
  ['\t', 'tab'],
  [' ', 'space'],
]);

/** One iteration of a loop. */
export interface LoopIteration {
  /** `{{ loop.index }}`, from 0. */
  readonly index: number;
  /** `{{ loop.value }}` */
  readonly value: string;
}

/** The iterations of a loop, or why it has none. Iterating again starts from the beginning. */
export type LoopPlan = { readonly iterations: () => Iterable<LoopIteration> } | { readonly problem: string };

/**
 * The iterations of a loop once its references are known. Integers are generated one at a time, so that a long loop
 * takes no memory. An empty delimited list has no iterations; the values of a list are the texts between the
 * delimiters, spaces included.
 * @param resolve resolves the references of a text
 */
export function planLoop(loop: Loop, resolve: (text: string) => string): LoopPlan {
  if (loop.kind === 'forEach') return { iterations: numbered(loop.items.map(resolve)) };
  if (loop.kind === 'list') {
    const delimiter = resolve(loop.delimiter);
    if (!DELIMITERS.includes(delimiter)) return { problem: delimiterProblem(delimiter) };
    const list = resolve(loop.list);
    return { iterations: () => parts(list, delimiter) };
  }
  const bounds: number[] = [];
  for (const key of FOR_KEYS) {
    const given = loop[key];
    const value = typeof given === 'number' ? given : integerOf(resolve(given));
    if (value === undefined)
      return { problem: `'${key}' of the loop must be an integer, not '${shorten(resolve(String(given)))}'` };
    bounds.push(value);
  }
  const [start = 0, end = 0, updateBy = 0] = bounds;
  const problem = endlessProblem(start, end, updateBy);
  return problem === undefined ? { iterations: () => counted(start, end, updateBy) } : { problem };
}

function numbered(values: readonly string[]): () => Iterable<LoopIteration> {
  const iterations = values.map((value, index) => ({ index, value }));
  return () => iterations;
}

/** One value at a time, because a chained list may have millions. */
function* parts(list: string, delimiter: string): Iterable<LoopIteration> {
  if (list === '') return;
  let from = 0;
  for (let index = 0; ; index += 1) {
    const to = list.indexOf(delimiter, from);
    yield { index, value: list.slice(from, to === -1 ? undefined : to) };
    if (to === -1) return;
    from = to + delimiter.length;
  }
}

function* counted(start: number, end: number, updateBy: number): Iterable<LoopIteration> {
  const turns = Math.floor((end - start) / updateBy);
  for (let index = 0; index <= turns; index += 1) yield { index, value: String(start + index * updateBy) };
}

function endlessProblem(start: number, end: number, updateBy: number): string | undefined {
  if (updateBy === 0) return 'the loop cannot end: updateBy is 0';
  if (start === end || start < end === updateBy > 0) return undefined;
  return `the loop cannot end: from ${start}, updateBy ${updateBy} leads away from ${end}`;
}

function delimiterProblem(delimiter: string): string {
  const known = DELIMITERS.map((one) => DELIMITER_NAMES.get(one) ?? `'${one}'`).join(', ');
  const hint = /^\\[nt]$/.test(delimiter) ? '. In YAML, newline and tab need double quotes' : '';
  return `the delimiter must be one of ${known}, not '${shorten(delimiter)}'${hint}`;
}

/** The context for parsing a loop. */
export interface LoopScope {
  /** Names of the phase's loops. */
  readonly names: UniqueNames;
  /** Values of the document's constants, used to validate a loop before it runs. */
  readonly constants: ReadonlyMap<string, string>;
}

/** Parses the value of `loop`; `undefined` if it cannot run. */
export function readLoop(node: DocumentNode, path: string, scope: LoopScope, faults: FaultCollector): Loop | undefined {
  const map = readMap(node, path, "'loop'", faults);
  if (map === undefined) return undefined;
  warnUnknownKeys(map, LOOP_KEYS, path, "'loop'", faults);
  const name = readName(map, path, scope, faults);
  const forms = map.entries.filter((entry) => entry.key === 'for' || entry.key === 'forEach');
  const [form] = forms;
  if (form === undefined || forms.length > 1) {
    const found = form === undefined ? 'neither' : 'both';
    const meant = form === undefined ? meantBy(map, 'forEach', LOOP_KEYS) || meantBy(map, 'for', LOOP_KEYS) : '';
    faults.add(
      'loop-form',
      node.position,
      path,
      `A loop needs exactly one of 'for' and 'forEach', and has ${found}.${meant}`,
    );
    return undefined;
  }
  const named = name === undefined || name === '' ? {} : { name };
  if (form.key === 'for') return readFor(form, `${path}.for`, named, scope, faults);
  return readForEach(form, `${path}.forEach`, named, scope, faults);
}

type Named = { readonly name?: string };

function readName(map: MapNode, path: string, scope: LoopScope, faults: FaultCollector): string | undefined {
  const entry = entryOf(map, 'name');
  if (entry === undefined || isNull(entry.value)) return undefined;
  const name = readText(entry.value, `${path}.name`, "'name'", faults);
  if (name === undefined || name === '') return name;
  checkElementName(name, 'loop', '', entry.value.position, `${path}.name`, faults);
  scope.names.add(name, entry.value.position, `${path}.name`);
  return name;
}

function readFor(
  entry: MapEntry,
  path: string,
  named: Named,
  scope: LoopScope,
  faults: FaultCollector,
): Loop | undefined {
  const map = readMap(entry.value, path, "'for'", faults);
  if (map === undefined) return undefined;
  warnUnknownKeys(map, FOR_KEYS, path, "'for'", faults);
  const [start, end, updateBy] = FOR_KEYS.map((key) => {
    const given = requireEntry(map, key, path, "'for'", faults);
    return given === undefined ? undefined : readBound(given, `${path}.${key}`, faults);
  });
  if (start === undefined || end === undefined || updateBy === undefined) return undefined;
  const loop: Loop = { kind: 'for', ...named, start, end, updateBy };
  const known = [start, end, updateBy].every((bound) => typeof bound === 'number' || !hasUnknown(bound, scope));
  const plan = known ? planLoop(loop, (text) => replaceConstants(text, scope)) : undefined;
  if (plan === undefined || !('problem' in plan)) return loop;
  const code = plan.problem.includes('cannot end') ? 'endless-loop' : 'wrong-type';
  faults.add(code, map.position, path, `${plan.problem[0]!.toUpperCase()}${plan.problem.slice(1)}.`);
  return undefined;
}

function readBound(entry: MapEntry, path: string, faults: FaultCollector): number | string | undefined {
  const node = entry.value;
  const references = node.kind === 'scalar' ? findReferences(node.text) : [];
  if (node.kind !== 'scalar' || references.length === 0) return readInteger(node, path, `'${entry.key}'`, faults);
  return refuseChaining(node, path, `'${entry.key}' of a loop`, faults) ? undefined : node.text;
}

function refuseChaining(
  node: DocumentNode & { readonly kind: 'scalar' },
  path: string,
  what: string,
  faults: FaultCollector,
): boolean {
  const chain = findReferences(node.text).find(({ kind }) => kind === 'chain' || kind === 'secret');
  if (chain === undefined) return false;
  const message =
    `${what} takes parameters and constants, but no value of another step and no secret: ` +
    `'${shorten(chain.text)}'.`;
  faults.add('reference-not-allowed', node.locate(chain.text, 0), path, message);
  return true;
}

function hasUnknown(text: string, scope: LoopScope): boolean {
  return findReferences(text).some((reference) => reference.kind === 'name' && !scope.constants.has(reference.name));
}

function replaceConstants(text: string, scope: LoopScope): string {
  return text.replace(/\{\{\s*([A-Za-z0-9_-]+)\s*\}\}/g, (whole, name: string) => scope.constants.get(name) ?? whole);
}

function readForEach(
  entry: MapEntry,
  path: string,
  named: Named,
  scope: LoopScope,
  faults: FaultCollector,
): Loop | undefined {
  const node = entry.value;
  if (node.kind === 'map') return readDelimited(node, path, named, scope, faults);
  if (node.kind !== 'list') {
    const message =
      "'forEach' must be a list of texts, or a map with 'list' and 'delimiter', not " + `${describeNode(node)}.`;
    faults.add('wrong-type', node.position, path, message);
    return undefined;
  }
  if (node.items.length === 0)
    faults.add('out-of-range', node.position, path, "'forEach' has no values; it needs one at least.");
  const items = node.items.map(
    (item, index) => readText(item, `${path}[${index}]`, `Value ${index} of 'forEach'`, faults) ?? '',
  );
  return { kind: 'forEach', ...named, items };
}

function readDelimited(
  map: MapNode,
  path: string,
  named: Named,
  scope: LoopScope,
  faults: FaultCollector,
): Loop | undefined {
  warnUnknownKeys(map, LIST_KEYS, path, "'forEach'", faults);
  const given = requireEntry(map, 'list', path, "'forEach'", faults);
  const list = given && readText(given.value, `${path}.list`, "'list'", faults);
  if (list === '')
    faults.add('out-of-range', given!.value.position, `${path}.list`, "'list' has no values; it needs one at least.");
  const entry = entryOf(map, 'delimiter');
  const delimiter =
    entry === undefined || isNull(entry.value)
      ? DELIMITERS[0]
      : readText(entry.value, `${path}.delimiter`, "'delimiter'", faults);
  if (list === undefined || delimiter === undefined) return undefined;
  const loop: Loop = { kind: 'list', ...named, list, delimiter };
  if (entry?.value.kind !== 'scalar') return loop;
  if (refuseChaining(entry.value, `${path}.delimiter`, "'delimiter'", faults) || hasUnknown(delimiter, scope))
    return loop;
  const plan = planLoop({ ...loop, list: '' }, (text) => replaceConstants(text, scope));
  if ('problem' in plan)
    faults.add(
      'invalid-value',
      entry.value.position,
      `${path}.delimiter`,
      `${plan.problem[0]!.toUpperCase()}${plan.problem.slice(1)}.`,
    );
  return loop;
}
