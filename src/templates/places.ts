/** Where a value of a request was written in a template. Pure. */
import type { Position } from '../documents/position.ts';
import type { TemplateNode } from './nodes.ts';

/** Members with a different name in properties. */
const RENAMED: Readonly<Record<string, string>> = {
  semanticVersion: 'Version',
  launchPermission: 'LaunchPermissionConfiguration',
};

/** A position in a template, with its path. */
export interface Place {
  readonly position: Position;
  /** Such as `Properties.Components[0].ComponentArn`: as far as it could be followed. */
  readonly path: string;
  readonly node: TemplateNode;
}

/**
 * Follows a path of a request (`components[0].componentArn`) in the properties of its resource, as far as possible: it
 * ends at a function.
 */
export function placeOf(properties: TemplateNode, path: string): Place {
  let place: Place = { position: properties.position, path: 'Properties', node: properties };
  for (const [, index, name] of path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)) {
    const next = index === undefined ? memberAt(place, name!) : itemAt(place, Number(index));
    if (next === undefined) break;
    place = next;
  }
  return place;
}

function memberAt({ node, path }: Place, name: string): Place | undefined {
  if (node.kind !== 'map') return undefined;
  const capital = `${name[0]!.toUpperCase()}${name.slice(1)}`;
  for (const key of [RENAMED[name], capital, name]) {
    const entry = key === undefined ? undefined : node.entries.get(key);
    if (entry !== undefined) return { position: entry.position, path: `${path}.${key}`, node: entry.value };
  }
  return undefined;
}

function itemAt({ node, path }: Place, index: number): Place | undefined {
  const item = node.kind === 'list' ? node.items[index] : undefined;
  return item === undefined ? undefined : { position: item.position, path: `${path}[${index}]`, node: item };
}

/**
 * Converts a position inside a text value, such as a document in `Data: |`, in `!Sub |`, or in a JSON string, to one in
 * the template.
 * @param lines of the template
 * @param inner position in the value
 * @returns `undefined` if the value is not written line by line
 */
export function placeInText(lines: readonly string[], node: TemplateNode, inner: Position): Position | undefined {
  const scalar = scalarOf(node);
  if (scalar === undefined) return undefined;
  const start = scalar.position.line - 1;
  const rest = (lines[start] ?? '').slice(scalar.position.column - 1);
  const block = /^(?:![\w:]+\s+)?\|([+-]?)(\d?)[+-]?\s*(?:#.*)?$/.exec(rest.trimEnd());
  if (block !== null) {
    const first = lines.slice(start + 1).find((line) => line.trim() !== '') ?? '';
    const indent = first.length - first.trimStart().length;
    return { ...scalar.position, line: scalar.position.line + inner.line, column: indent + inner.column };
  }
  const quoted = rest.indexOf('"');
  return quoted < 0 ? undefined : placeInQuotes(rest, quoted, inner, scalar.position);
}

/** A scalar, or that of a function that inserts values into it. */
function scalarOf(node: TemplateNode): Extract<TemplateNode, { kind: 'scalar' }> | undefined {
  if (node.kind === 'scalar') return node;
  if (node.kind !== 'call' || node.name !== 'Fn::Sub') return undefined;
  const argument = node.argument.kind === 'list' ? node.argument.items[0] : node.argument;
  return argument?.kind === 'scalar' ? argument : undefined;
}

/** Walks through a one-line string with escapes to a line and a column of its value. */
function placeInQuotes(rest: string, quote: number, inner: Position, at: Position): Position | undefined {
  let [line, column] = [1, 1];
  for (let index = quote + 1; index < rest.length && rest[index] !== '"'; ) {
    if (line === inner.line && column === inner.column) return { ...at, column: at.column + index };
    const escape =
      rest[index] === '\\'
        ? /^\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/.exec(rest.slice(index, index + 6))?.[0]
        : undefined;
    if (escape === '\\n') [line, column] = [line + 1, 1];
    else column++;
    index += escape?.length ?? 1;
  }
  return undefined;
}
