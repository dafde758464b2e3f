/** `Fn::ForEach` of AWS::LanguageExtensions: a key of a map that expands to several keys. */
import type { Position } from '../documents/position.ts';
import type { Faults } from './faults.ts';
import { needsExtensions } from './functions.ts';
import { describe, textAt, type MapEntry, type MapNode, type TemplateNode, type Value } from './nodes.ts';
import type { Scope } from './scope.ts';

const LOOP = 'Fn::ForEach::';

/**
 * The entries of a map with its loops expanded, including nested loops.
 * @param evaluate evaluates the values of a loop
 */
export function loopsOf(
  node: MapNode,
  path: string,
  scope: Pick<Scope, 'extensions' | 'budget'>,
  faults: Faults,
  evaluate: (node: TemplateNode) => Value | undefined,
): [string, MapEntry][] {
  const entries: [string, MapEntry][] = [];
  const names = new Set(node.entries.keys());
  for (const [key, entry] of node.entries) {
    if (!key.startsWith(LOOP)) {
      entries.push([key, entry]);
      continue;
    }
    const at = { position: entry.position, path: `${path}.${key}`, faults };
    if (!scope.extensions) {
      needsExtensions(at, 'Fn::ForEach');
      continue;
    }
    for (const [name, made] of loop(entry, at.path, scope, faults, evaluate)) {
      if (names.has(name))
        faults.add('invalid-value', entry.position, at.path, `the loop makes '${name}', which already exists`);
      else entries.push([name, made]);
      names.add(name);
    }
  }
  return entries;
}

function loop(
  entry: MapEntry,
  path: string,
  scope: Pick<Scope, 'extensions' | 'budget'>,
  faults: Faults,
  evaluate: (node: TemplateNode) => Value | undefined,
): [string, MapEntry][] {
  const { value } = entry;
  const [identifier, collection, fragment] = value.kind === 'list' && value.items.length === 3 ? value.items : [];
  if (identifier?.kind !== 'scalar' || collection === undefined || fragment?.kind !== 'map') {
    faults.add(
      'wrong-type',
      value.position,
      path,
      `Fn::ForEach takes [identifier, list, map of what is made for each], found ${describe(value)}`,
    );
    return [];
  }
  const values = evaluate(collection);
  if (values?.kind === 'unknown' || values === undefined) return [];
  // A list item may be a list itself: a parameter among plain values.
  const items =
    values.kind === 'list' ? values.items.flatMap((each) => (each.kind === 'list' ? each.items : each)) : [];
  if (values.kind !== 'list' || items.some((item) => item.kind !== 'scalar')) {
    faults.add(
      'wrong-type',
      collection.position,
      path,
      `Fn::ForEach goes over a list of strings, found ${describe(values)}`,
    );
    return [];
  }
  const entries: [string, MapEntry][] = [];
  for (const item of items) {
    if (item.kind !== 'scalar') continue;
    const made = substituted(fragment, identifier.text, item.text, scope.budget);
    if (made === undefined) {
      faults.add(
        'invalid-value',
        entry.position,
        path,
        'the loops of the template make more values than a template may have',
      );
      return entries;
    }
    entries.push(...loopsOf(made as MapNode, path, scope, faults, evaluate));
  }
  return entries;
}

/** A copy with the identifier replaced, or `undefined` if there are too many copies. */
function substituted(
  node: TemplateNode,
  identifier: string,
  value: string,
  budget: { left: number },
): TemplateNode | undefined {
  budget.left -= 1;
  if (budget.left < 0) return undefined;
  const text = (from: string): string =>
    // `&{X}` removes characters that a logical id cannot have.
    from
      .replaceAll(`\${${identifier}}`, () => value)
      .replaceAll(`&{${identifier}}`, () => value.replace(/[^A-Za-z0-9]/g, ''));
  switch (node.kind) {
    case 'null':
      return node;
    case 'scalar': {
      const replaced = text(node.text);
      if (replaced === node.text) return node;
      // A long value in many places: characters count too.
      budget.left -= replaced.length >> 4;
      return textAt(replaced, node.position);
    }
    case 'list': {
      const items: TemplateNode[] = [];
      for (const item of node.items) {
        const copy = substituted(item, identifier, value, budget);
        if (copy === undefined) return undefined;
        items.push(copy);
      }
      return { ...node, items };
    }
    case 'map': {
      const entries = new Map<string, { position: Position; value: TemplateNode }>();
      for (const [key, entry] of node.entries) {
        const copy = substituted(entry.value, identifier, value, budget);
        if (copy === undefined) return undefined;
        entries.set(text(key), { position: entry.position, value: copy });
      }
      return { ...node, entries };
    }
    case 'call': {
      if (node.name === 'Ref' && node.argument.kind === 'scalar' && node.argument.text === identifier)
        return textAt(value, node.position);
      const argument = substituted(node.argument, identifier, value, budget);
      return argument === undefined ? undefined : { ...node, argument };
    }
  }
}
