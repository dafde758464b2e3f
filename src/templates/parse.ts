/**
 * Parses the text of a CloudFormation template (YAML 1.2 core schema with short tags, or JSON) to nodes with positions.
 */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments, type Document, type ParsedNode } from 'yaml';
import type { Position } from '../documents/position.ts';
import { syntaxFaults } from '../documents/syntax-faults.ts';
import { withoutStacks } from '../platform/without-stacks.ts';
import { Faults, TemplateError } from './faults.ts';
import type { CallNode, ListNode, MapEntry, MapNode, ScalarNode, TemplateNode } from './nodes.ts';

/** Maximum nesting, beyond any template's need; deeper text is rejected to protect the stack. */
const MAX_DEPTH = 100;
/** Maximum characters of a template: CloudFormation's limit. */
export const MAX_TEMPLATE = 1 << 20;
/**
 * Maximum values of a template with its aliases expanded. A template without aliases has at most half as many values as
 * characters.
 */
const MAX_NODES = 1 << 19;
/** Later syntax faults mostly follow from the first. */
const MAX_SYNTAX_FAULTS = 20;

/**
 * Parses the text of a template.
 * @param file its name, for positions in included files
 * @returns its root map
 * @throws {TemplateError} with every syntax fault
 */
export function parseText(text: string, file?: string): MapNode {
  const lines = new LineCounter();
  if (text.length > MAX_TEMPLATE)
    throw atStart(`the template has ${text.length} characters; at most ${MAX_TEMPLATE} are allowed`, file);
  const documents = withoutStacks(() =>
    parseAllDocuments(text, {
      schema: 'core',
      version: '1.2',
      lineCounter: lines,
      logLevel: 'silent',
      stringKeys: true,
      merge: false,
      // `map` checks for duplicates; the library would compare each key with all others.
      uniqueKeys: false,
      prettyErrors: false,
    }),
  );
  const reader = new Reader(lines, text, file);
  const empty = `${file === undefined ? 'the template' : 'an included file'} is empty`;
  if (!Array.isArray(documents) || documents.length === 0) throw atStart(empty, file);
  if (documents.length > 1) {
    reader.faults.add(
      'syntax',
      reader.at(documents[1]!.contents?.range[0] ?? 0),
      '',
      'a template is one YAML document, and this is a second one',
    );
  }
  const document: Document.Parsed = documents[0]!;
  const language = /^\s*\{/.test(text) ? 'JSON' : 'YAML';
  for (const { position, message } of syntaxFaults(text, document.errors, lines, MAX_SYNTAX_FAULTS)) {
    const words = message.replace(/^This is not YAML/, `This is not ${language}`);
    reader.faults.add('syntax', { ...position, ...(file === undefined ? {} : { file }) }, '', words);
  }
  reader.faults.throwIfAny();
  if (document.contents === null) throw atStart(empty, file);
  const root = reader.read(document.contents, '', 0);
  // A file that is a single function: the caller inserts it where a value belongs.
  if (file !== undefined && root?.kind === 'call') {
    const { name, argument: value, position } = root;
    return { kind: 'map', entries: new Map([[name, { position, value }]]), position };
  }
  if (root !== undefined && root.kind !== 'map')
    reader.faults.add(
      'wrong-type',
      root.position,
      '',
      file === undefined ? 'a template is a map with a Resources section' : 'an included file is a map',
    );
  reader.faults.throwIfAny();
  return root as MapNode;
}

function atStart(message: string, file: string | undefined): TemplateError {
  const position = { line: 1, column: 1, ...(file === undefined ? {} : { file }) };
  return new TemplateError([{ code: 'syntax', severity: 'error', position, path: '', message }]);
}

class Reader {
  readonly faults = new Faults();
  private readonly lines: LineCounter;
  private readonly text: string;
  private readonly file: { readonly file?: string };
  /** The nodes of aliases, with the number of values in them. */
  private readonly anchors = new Map<string, { readonly node: TemplateNode; readonly size: number }>();
  /** Number of values so far, including those of aliases. */
  private count = 0;

  constructor(lines: LineCounter, text: string, file: string | undefined) {
    this.lines = lines;
    this.text = text;
    this.file = file === undefined ? {} : { file };
  }

  at(offset: number): Position {
    const place = this.lines.linePos(offset);
    return { line: Math.max(1, place.line), column: Math.max(1, place.col), ...this.file };
  }

  /** `undefined` if the node was rejected; the fault is in `faults`. */
  read(node: ParsedNode, path: string, depth: number): TemplateNode | undefined {
    const position = this.at(node.range[0]);
    if (depth > MAX_DEPTH) {
      this.faults.add('syntax', position, path, `nested more than ${MAX_DEPTH} deep`);
      return undefined;
    }
    if (isAlias(node)) return this.alias(node.source, position, path);
    const before = this.count;
    this.count += 1;
    const tag = node.tag;
    const read = tag?.startsWith('!')
      ? this.tagged(tag.slice(1), node, position, path, depth)
      : this.plain(node, position, path, depth);
    if (node.anchor !== undefined && read !== undefined)
      this.anchors.set(node.anchor, { node: read, size: this.count - before });
    return read;
  }

  /** The node of an alias, shared with its anchor; its values count as if it was expanded. */
  private alias(name: string, position: Position, path: string): TemplateNode | undefined {
    const anchor = this.anchors.get(name);
    if (anchor === undefined) {
      this.faults.add('syntax', position, path, `the alias *${name} refers to itself, or to no anchor &${name} above`);
      return undefined;
    }
    this.count += anchor.size;
    if (this.count > MAX_NODES) {
      if (this.count - anchor.size <= MAX_NODES)
        this.faults.add('syntax', position, path, `more than ${MAX_NODES} values with the aliases written out`);
      return undefined;
    }
    return anchor.node;
  }

  private plain(node: ParsedNode, position: Position, path: string, depth: number): TemplateNode | undefined {
    if (isMap(node)) return this.map(node, position, path, depth);
    if (isSeq(node)) return this.list(node.items as ParsedNode[], position, path, depth);
    if (isScalar(node)) return this.scalar(node, position);
    return undefined;
  }

  private scalar(node: ParsedNode, position: Position): TemplateNode | undefined {
    if (!isScalar(node)) return undefined;
    const value: unknown = node.value;
    if (typeof value === 'string') return { kind: 'scalar', value, text: value, position, ...this.start(node) };
    if (typeof value === 'number' || typeof value === 'boolean')
      return { kind: 'scalar', value, text: node.source ?? String(value), position };
    return { kind: 'null', position };
  }

  /** Where the text of a scalar begins, if its lines are lines of the file. */
  private start(node: ParsedNode): { start?: Position } {
    if (!isScalar(node)) return {};
    const begin = this.at(node.range[0]);
    if (node.type === 'BLOCK_LITERAL') {
      const first = this.text.indexOf('\n', node.range[0]) + 1;
      // An indentation indicator or leading empty lines do not matter: the first line with text decides.
      const indent = /^(?:[ \t]*\r?\n)*( *)/.exec(this.text.slice(first, node.range[1]))?.[1]?.length ?? 0;
      return { start: { ...begin, line: begin.line + 1, column: indent + 1 } };
    }
    if (this.at(node.range[1]).line !== begin.line) return {};
    const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0;
    return { start: { ...begin, column: begin.column + quoted } };
  }

  private list(items: readonly ParsedNode[], position: Position, path: string, depth: number): ListNode {
    const read: TemplateNode[] = [];
    for (const [index, item] of items.entries()) {
      const value = this.read(item, `${path}[${index}]`, depth + 1);
      if (value !== undefined) read.push(value);
    }
    return { kind: 'list', items: read, position };
  }

  private map(node: ParsedNode, position: Position, path: string, depth: number): MapNode | CallNode | undefined {
    if (!isMap(node)) return undefined;
    const entries = new Map<string, MapEntry>();
    const pairs = node.items.map((pair) => ({ key: pair.key as ParsedNode, value: pair.value as ParsedNode | null }));
    const only = pairs.length === 1 && isScalar(pairs[0]!.key) ? String(pairs[0]!.key.value) : undefined;
    if (only !== undefined && isCall(only))
      return this.call(only, only, pairs[0]!.value, this.at(pairs[0]!.key.range[0]), path, depth);
    const own = new Set<string>();
    for (const { key, value } of pairs) {
      const keyPosition = this.at(key.range[0]);
      if (!isScalar(key)) {
        this.faults.add('syntax', keyPosition, path, 'a key is a string');
        continue;
      }
      const name = key.source ?? String(key.value);
      const keyPath = path === '' ? name : `${path}.${name}`;
      if (own.has(name)) this.faults.add('syntax', keyPosition, keyPath, `duplicate key '${name}'`);
      own.add(name);
      const read: TemplateNode | undefined =
        value === null ? { kind: 'null', position: keyPosition } : this.read(value, keyPath, depth + 1);
      if (read === undefined) continue;
      if (name === '<<' && key.type === 'PLAIN') this.merge(read, entries, keyPath);
      else entries.set(name, { position: keyPosition, value: read });
    }
    return { kind: 'map', entries, position };
  }

  /** `<<: *other`: the keys of other maps that the map does not have itself. */
  private merge(from: TemplateNode, entries: Map<string, MapEntry>, path: string): void {
    for (const each of from.kind === 'list' ? from.items : [from]) {
      if (each.kind !== 'map') {
        this.faults.add('syntax', each.position, path, 'the merge key << takes a map, or a list of maps');
        continue;
      }
      for (const [key, entry] of each.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }

  private tagged(
    tag: string,
    node: ParsedNode,
    position: Position,
    path: string,
    depth: number,
  ): TemplateNode | undefined {
    const long = tag === 'Ref' || tag === 'Condition' ? tag : `Fn::${tag}`;
    return this.call(long, `!${tag}`, node, position, path, depth);
  }

  /** @param written the function as written, for messages */
  private call(
    name: string,
    written: string,
    argument: ParsedNode | null,
    position: Position,
    path: string,
    depth: number,
  ): CallNode | undefined {
    if (argument === null) return { kind: 'call', name, written, argument: { kind: 'null', position }, position };
    // The tag belongs to this call: the node below is read as if it had no tag.
    const read = written.startsWith('!')
      ? this.argument(argument, position, path, depth)
      : this.read(argument, path, depth + 1);
    return read === undefined ? undefined : { kind: 'call', name, written, argument: read, position };
  }

  private argument(node: ParsedNode, position: Position, path: string, depth: number): TemplateNode | undefined {
    if (!isScalar(node)) return this.plain(node, position, path, depth + 1);
    const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
    const scalar: ScalarNode = { kind: 'scalar', value: text, text, position, ...this.start(node) };
    return scalar;
  }
}

/** Whether the only key of a map is a function. A loop is a part of its map instead. */
function isCall(key: string): boolean {
  return key === 'Ref' || (key.startsWith('Fn::') && !key.startsWith('Fn::ForEach::'));
}
