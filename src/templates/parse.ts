/** Text of a CloudFormation template (YAML 1.2 core schema with short tags, or JSON) to nodes with their places. */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments, type Document, type ParsedNode } from 'yaml';
import type { Position } from '../documents/position.ts';
import { withoutStacks } from '../platform/without-stacks.ts';
import { Faults, TemplateError, suggestion } from './faults.ts';
import type { CallName, CallNode, ListNode, MapEntry, MapNode, ScalarNode, TemplateNode } from './nodes.ts';

const CALLS: ReadonlyMap<string, CallName> = new Map([
  ['Ref', 'Ref'],
  ['Fn::GetAtt', 'Fn::GetAtt'],
  ['Fn::Sub', 'Fn::Sub'],
  ['Fn::Join', 'Fn::Join'],
]);

// CloudFormation's other functions: known, so that a refusal can say which it is.
const LATER_CALLS = [
  'Condition',
  'Fn::And',
  'Fn::Base64',
  'Fn::Cidr',
  'Fn::Equals',
  'Fn::FindInMap',
  'Fn::ForEach',
  'Fn::GetAZs',
  'Fn::If',
  'Fn::ImportValue',
  'Fn::Length',
  'Fn::Not',
  'Fn::Or',
  'Fn::Select',
  'Fn::Split',
  'Fn::ToJsonString',
  'Fn::Transform',
];
const SUPPORTED = 'Ref, Fn::GetAtt, Fn::Sub and Fn::Join are';

/** Deeper nesting than any template needs; past it the text is refused rather than the stack overrun. */
const MAX_DEPTH = 100;
/** Longest template, in characters: CloudFormation's largest. */
const MAX_TEMPLATE = 1 << 20;
/** What follows mostly follows from the first. */
const MAX_SYNTAX_FAULTS = 20;

/**
 * Parses the text of a template.
 * @returns its root map
 * @throws {TemplateError} with every fault of syntax, tags and functions
 */
export function parseText(text: string): MapNode {
  const lines = new LineCounter();
  if (text.length > MAX_TEMPLATE)
    throw new TemplateError([
      { ...EMPTY, message: `the template has ${text.length} characters; at most ${MAX_TEMPLATE} are allowed` },
    ]);
  const documents = withoutStacks(() =>
    parseAllDocuments(text, {
      schema: 'core',
      version: '1.2',
      lineCounter: lines,
      logLevel: 'silent',
      stringKeys: true,
      merge: false,
      prettyErrors: false,
    }),
  );
  const reader = new Reader(lines);
  if (!Array.isArray(documents) || documents.length === 0) throw emptyTemplate();
  if (documents.length > 1) {
    reader.faults.add(
      'syntax',
      reader.at(documents[1]!.contents?.range[0] ?? 0),
      '',
      'a template is one YAML document, and this is a second one',
    );
  }
  const document: Document.Parsed = documents[0]!;
  for (const error of document.errors.slice(0, MAX_SYNTAX_FAULTS))
    reader.faults.add('syntax', reader.at(error.pos[0]), '', error.message);
  reader.faults.throwIfAny();
  if (document.contents === null) throw emptyTemplate();
  const root = reader.read(document.contents, '', 0);
  if (root !== undefined && root.kind !== 'map')
    reader.faults.add('wrong-type', root.position, '', 'a template is a map with a Resources section');
  reader.faults.throwIfAny();
  return root as MapNode;
}

function emptyTemplate(): TemplateError {
  return new TemplateError([EMPTY]);
}

const EMPTY = {
  code: 'syntax',
  severity: 'error',
  position: { line: 1, column: 1 },
  path: '',
  message: 'the template is empty',
} as const;

class Reader {
  readonly faults = new Faults();
  private readonly lines: LineCounter;

  constructor(lines: LineCounter) {
    this.lines = lines;
  }

  at(offset: number): Position {
    const place = this.lines.linePos(offset);
    return { line: Math.max(1, place.line), column: Math.max(1, place.col) };
  }

  /** `undefined` when the node was refused; the fault is in `faults`. */
  read(node: ParsedNode, path: string, depth: number): TemplateNode | undefined {
    const position = this.at(node.range[0]);
    if (depth > MAX_DEPTH) {
      this.faults.add('syntax', position, path, `nested more than ${MAX_DEPTH} deep`);
      return undefined;
    }
    if (isAlias(node)) {
      this.faults.add(
        'not-supported',
        position,
        path,
        'YAML aliases (*name) are not supported yet: write the value out',
      );
      return undefined;
    }
    const tag = node.tag;
    if (tag?.startsWith('!')) return this.tagged(tag.slice(1), node, position, path, depth);
    return this.plain(node, position, path, depth);
  }

  private plain(node: ParsedNode, position: Position, path: string, depth: number): TemplateNode | undefined {
    if (isMap(node)) return this.map(node, position, path, depth);
    if (isSeq(node)) return this.list(node.items as ParsedNode[], position, path, depth);
    if (isScalar(node)) return this.scalar(node, position, path);
    return undefined;
  }

  private scalar(node: ParsedNode, position: Position, path: string): ScalarNode | undefined {
    if (!isScalar(node)) return undefined;
    const value: unknown = node.value;
    if (typeof value === 'string') return { kind: 'scalar', value, text: value, position };
    if (typeof value === 'number' || typeof value === 'boolean')
      return { kind: 'scalar', value, text: node.source ?? String(value), position };
    this.faults.add(
      'wrong-type',
      position,
      path,
      'null is not allowed in a template: leave the key out, or use !Ref AWS::NoValue',
    );
    return undefined;
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
    // `Condition` alone is a function only where a function can stand; as a key of a resource it has company.
    if (
      only !== undefined &&
      (only === 'Ref' || only.startsWith('Fn::') || (only === 'Condition' && /Properties|Conditions/.test(path)))
    ) {
      return this.call(only, pairs[0]!.value, this.at(pairs[0]!.key.range[0]), path, depth);
    }
    for (const { key, value } of pairs) {
      const keyPosition = this.at(key.range[0]);
      if (!isScalar(key)) {
        this.faults.add('syntax', keyPosition, path, 'a key is a string');
        continue;
      }
      const name = key.source ?? String(key.value);
      const keyPath = path === '' ? name : `${path}.${name}`;
      if (name.startsWith('Fn::')) {
        this.faults.add(
          'syntax',
          keyPosition,
          keyPath,
          `the function ${name} stands beside other keys: a function is the only key of its map`,
        );
        continue;
      }
      if (value === null) {
        this.faults.add('wrong-type', keyPosition, keyPath, 'has no value');
        continue;
      }
      const read = this.read(value, keyPath, depth + 1);
      if (read !== undefined) entries.set(name, { position: keyPosition, value: read });
    }
    return { kind: 'map', entries, position };
  }

  private tagged(
    tag: string,
    node: ParsedNode,
    position: Position,
    path: string,
    depth: number,
  ): TemplateNode | undefined {
    const long = tag === 'Ref' || tag === 'Condition' ? tag : `Fn::${tag}`;
    return this.call(long, node, position, path, depth, `!${tag}`);
  }

  /** @param written how the function was written, for messages */
  private call(
    name: string,
    argument: ParsedNode | null,
    position: Position,
    path: string,
    depth: number,
    written = name,
  ): CallNode | undefined {
    const known = CALLS.get(name);
    if (known === undefined) {
      const later = LATER_CALLS.includes(name);
      const short = written.startsWith('!');
      const names = [...CALLS.keys()].map((call) => (short ? `!${call.replace('Fn::', '')}` : call));
      if (later)
        this.faults.add('not-supported', position, path, `the function ${written} is not supported yet (${SUPPORTED})`);
      else this.faults.add('not-supported', position, path, `unknown function ${written}${suggestion(written, names)}`);
      return undefined;
    }
    if (argument === null) {
      this.faults.add('wrong-type', position, path, `${written} has no argument`);
      return undefined;
    }
    // The tag belongs to this call: what is under it is read as if it had none.
    const read = written.startsWith('!')
      ? this.argument(argument, position, path, depth)
      : this.read(argument, path, depth + 1);
    return read === undefined ? undefined : { kind: 'call', name: known, argument: read, position };
  }

  private argument(node: ParsedNode, position: Position, path: string, depth: number): TemplateNode | undefined {
    if (!isScalar(node)) return this.plain(node, position, path, depth + 1);
    const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
    return { kind: 'scalar', value: text, text, position };
  }
}
