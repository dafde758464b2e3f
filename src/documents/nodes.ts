/**
 * Parses YAML text to a small tree that keeps the position and the text of every value. YAML 1.2, core schema; JSON is
 * parsed the same way. Anchors and merge keys (`<<`) are resolved, with a limit on their expansion.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, Node, Scalar } from 'yaml';
import { withoutStacks } from '../platform/without-stacks.ts';
import type { FaultCollector } from './faults.ts';
import type { Position } from './position.ts';
import { syntaxFaults, UNQUOTED_MESSAGE } from './syntax-faults.ts';

export type DocumentNode = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly position: Position;
  /** The value according to the core schema. */
  readonly value: string | number | boolean | null;
  /** The text as written, without quotes: `1.0` and `0777` are unchanged. */
  readonly text: string;
  /** True for quoted and block scalars. */
  readonly quoted: boolean;
  /**
   * The position in the source of the n-th occurrence (from 0) of a text in this scalar; the scalar's own position if
   * it is not found.
   */
  readonly locate: (text: string, occurrence: number) => Position;
}

export interface ListNode {
  readonly kind: 'list';
  readonly position: Position;
  readonly items: readonly DocumentNode[];
}

export interface MapNode {
  readonly kind: 'map';
  readonly position: Position;
  /** Whether it is written in braces. */
  readonly flow?: true;
  readonly entries: readonly MapEntry[];
}

export interface MapEntry {
  readonly key: string;
  readonly keyPosition: Position;
  readonly value: DocumentNode;
}

/** Maximum bytes of a document in UTF-8: the quota of a component's data. */
const MAX_DOCUMENT_BYTES = 64 * 1024;
const MAX_NODES = 50_000;
/**
 * Maximum characters that aliases may repeat: a long text under an anchor that is used a thousand times would cost
 * every reader time.
 */
const MAX_REPEATED = 4 * MAX_DOCUMENT_BYTES;
const MAX_DEPTH = 64;
/** Later syntax faults mostly follow from the first. */
const MAX_SYNTAX_FAULTS = 10;

/** Hundreds of lists that are opened in one line: the library takes seconds for thousands of them. */
const NESTED_LINE = /^ *(?:[-?:] +){500}/m;

const START: Position = { line: 1, column: 1 };

class TooLarge extends Error {}

/** The value of a key in a map, or `undefined`. */
export function entryOf(map: MapNode, key: string): MapEntry | undefined {
  return map.entries.find((entry) => entry.key === key);
}

/** The kind of value of a node, for messages: `a list`, `the number 12`. */
export function describeNode(node: DocumentNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a map';
  if (node.value === null) return 'nothing';
  if (typeof node.value === 'string') return `the text '${shorten(node.text)}'`;
  return `the ${typeof node.value} ${shorten(node.text)}`;
}

/** A text shortened for a message. */
export function shorten(text: string, length = 60): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}

/** Parses a text to its tree; `undefined` with faults if that fails. Never throws. */
export function readNodes(text: string, faults: FaultCollector): DocumentNode | undefined {
  if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) {
    faults.add(
      'document-too-large',
      START,
      '',
      `The document has ${Buffer.byteLength(text)} bytes; at most ${MAX_DOCUMENT_BYTES} are allowed.`,
    );
    return undefined;
  }
  if (NESTED_LINE.test(text)) return tooDeep(faults);
  try {
    return new TreeReader(text, faults).read();
  } catch (error) {
    if (!(error instanceof TooLarge) && !(error instanceof RangeError)) throw error;
    return tooDeep(faults);
  }
}

function tooDeep(faults: FaultCollector): undefined {
  const message =
    `The document is nested deeper than ${MAX_DEPTH} levels, or its anchors grow to more than ${MAX_NODES} values ` +
    `or ${MAX_REPEATED} characters.`;
  faults.add('document-too-large', START, '', message);
}

/** An occurrence of a text: its number (from 0), its position, and where to search next. */
interface Occurrence {
  readonly count: number;
  readonly at: number;
  readonly next: number;
}

class TreeReader {
  readonly #faults: FaultCollector;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #text: string;
  readonly #anchors = new Map<string, Node>();
  /** Names of anchors that aliases use. */
  readonly #named = new Set<string>();
  /** Anchors on plain texts, which may be meant as background commands. */
  readonly #marked: { readonly name: string; readonly position: Position; readonly path: string }[] = [];
  /** Number of aliases that are being expanded. */
  #expanding = 0;
  #nodes = 0;
  #repeated = 0;

  constructor(text: string, faults: FaultCollector) {
    this.#text = text;
    this.#faults = faults;
    this.#document = withoutStacks(() =>
      parseDocument(text, {
        version: '1.2',
        schema: 'core',
        lineCounter: this.#lines,
        uniqueKeys: false,
        prettyErrors: false,
        logLevel: 'error',
      }),
    );
  }

  read(): DocumentNode | undefined {
    if (this.#document.errors.length > 0) {
      this.#reportSyntax();
      return undefined;
    }
    for (const warning of this.#document.warnings) {
      const at = this.#at(warning.pos[0]);
      const tag = /^Unresolved tag: (\S+)$/.exec(warning.message)?.[1];
      if (tag !== undefined) this.#faults.add('unknown-tag', at, '', droppedTag(tag));
      else if (warning.code === 'TAG_RESOLVE_FAILED') this.#faults.add('unknown-tag', at, '', `${warning.message}.`);
      else this.#faults.add('invalid-yaml', at, '', `${warning.message}.`);
    }
    if (this.#document.contents === null) {
      this.#faults.add('invalid-yaml', START, '', 'The document is empty.');
      return undefined;
    }
    const root = this.#node(this.#document.contents, '', 0);
    for (const { name, position, path } of this.#marked) {
      if (this.#named.has(name)) continue;
      const message =
        `YAML reads '&${shorten(name)}' as an anchor that nothing refers to, and not as part of the text. Quote ` +
        'a text that starts with &.';
      this.#faults.add('unused-anchor', position, path, message);
    }
    return root;
  }

  #reportSyntax(): void {
    const { errors } = this.#document;
    for (const { code, position, message } of syntaxFaults(this.#text, errors, this.#lines, MAX_SYNTAX_FAULTS))
      this.#faults.add(code, position, '', message);
  }

  #at(offset: number): Position {
    const place = this.#lines.linePos(Math.max(0, offset));
    return { line: Math.max(1, place.line), column: Math.max(1, place.col) };
  }

  #node(node: Node | null | undefined, path: string, depth: number, after = 0): DocumentNode {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES || depth > MAX_DEPTH) throw new TooLarge();
    const position = this.#at(node?.range?.[0] ?? after);
    if (isAlias(node)) return this.#alias(node.source, position, path, depth);
    // Anchors are stored here, because the library searches the whole document for each of them.
    if (this.#expanding === 0 && isNode(node) && 'anchor' in node && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node);
    if (isSeq(node)) {
      const items = node.items.map((item, index) =>
        this.#node(item as Node, `${path}[${index}]`, depth + 1, node.range?.[0]),
      );
      return { kind: 'list', position, items };
    }
    if (isMap(node)) {
      const map = this.#map(node.items as readonly { key: unknown; value: unknown }[], position, path, depth);
      return node.flow === true ? { ...map, flow: true } : map;
    }
    if (isScalar(node)) {
      const quoted = node.type !== 'PLAIN';
      const value = scalarValue(node.value);
      const text = quoted && typeof node.value === 'string' ? node.value : (node.source ?? String(node.value ?? ''));
      if (this.#expanding > 0) this.#repeated += text.length;
      if (this.#repeated > MAX_REPEATED) throw new TooLarge();
      if (this.#expanding === 0) this.#dropped(node, position, path);
      const [start, end] = node.range ?? [0, 0];
      const found = new Map<string, Occurrence>();
      const locate = (wanted: string, occurrence: number): Position =>
        this.#locate(wanted, occurrence, start, end, found) ?? position;
      return { kind: 'scalar', position, value, text: value === null ? '' : text, quoted, locate };
    }
    return { kind: 'scalar', position, value: null, text: '', quoted: false, locate: () => position };
  }

  /** What YAML silently drops from the beginning of a text without quotes. */
  #dropped(node: Scalar, position: Position, path: string): void {
    if (node.type !== 'PLAIN') return;
    if (node.tag === '!') this.#faults.add('unknown-tag', position, path, droppedTag('!'));
    if (node.anchor !== undefined) this.#marked.push({ name: node.anchor, position, path });
  }

  #alias(name: string, position: Position, path: string, depth: number): DocumentNode {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.#faults.add(
        'invalid-yaml',
        position,
        path,
        `YAML reads '*${shorten(name)}' as a reference to the anchor '&${shorten(name)}', which does not exist ` +
          'before it. Quote a text that starts with *.',
      );
      const text = `*${name}`;
      return { kind: 'scalar', position, value: text, text, quoted: false, locate: () => position };
    }
    this.#expanding += 1;
    this.#named.add(name);
    const value = this.#node(target, path, depth + 1);
    this.#expanding -= 1;
    return { ...value, position };
  }

  /** @param found the last occurrence of each text; the next search continues there */
  #locate(
    wanted: string,
    occurrence: number,
    start: number,
    end: number,
    found: Map<string, Occurrence>,
  ): Position | undefined {
    let last = found.get(wanted);
    if (last === undefined || last.count > occurrence) last = { count: -1, next: start, at: start };
    while (last.count < occurrence) {
      const at: number = this.#text.indexOf(wanted, last.next);
      if (at < 0 || at >= end) return undefined;
      last = { count: last.count + 1, next: at + wanted.length, at };
    }
    found.set(wanted, last);
    return this.#at(last.at);
  }

  #map(pairs: readonly { key: unknown; value: unknown }[], position: Position, path: string, depth: number): MapNode {
    const entries: MapEntry[] = [];
    const merged: MapEntry[] = [];
    const first = new Map<string, Position>();
    for (const pair of pairs) {
      const key = pair.key as Node | null;
      const keyPosition = this.#at(key?.range?.[0] ?? 0);
      if (!isScalar(key)) {
        const reference = isMap(key) && pairs.length === 1;
        const message = reference ? UNQUOTED_MESSAGE : 'A key must be a text.';
        this.#faults.add(
          reference ? 'unquoted-reference' : 'invalid-yaml',
          reference ? position : keyPosition,
          path,
          message,
        );
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      if (this.#expanding > 0) this.#repeated += name.length;
      const child = path === '' ? name : `${path}.${name}`;
      const value = this.#node(pair.value as Node | null, child, depth + 1, key.range?.[1]);
      if (name === '<<' && key.type === 'PLAIN' && value.kind !== 'scalar') {
        const sources = value.kind === 'map' ? [value] : value.items;
        for (const source of sources) if (source.kind === 'map') merged.push(...source.entries);
        continue;
      }
      const earlier = first.get(name);
      if (earlier !== undefined) {
        this.#faults.add(
          'duplicate-key',
          keyPosition,
          child,
          `The key '${shorten(name)}' is a duplicate of the one in line ${earlier.line}.`,
        );
        continue;
      }
      first.set(name, keyPosition);
      entries.push({ key: name, keyPosition, value });
    }
    for (const entry of merged) {
      if (first.has(entry.key)) continue;
      first.set(entry.key, entry.keyPosition);
      entries.push(entry);
    }
    return { kind: 'map', position, entries };
  }
}

function droppedTag(tag: string): string {
  return (
    `YAML reads '${shorten(tag)}' as a tag, which has no meaning here, and not as part of the text. Quote a ` +
    'text that starts with !.'
  );
}

function scalarValue(value: unknown): string | number | boolean | null {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  return value === null || value === undefined ? null : String(value);
}
