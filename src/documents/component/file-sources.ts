/**
 * `file:` sources of S3Download and WebDownload: files beside a document, which Ingot's commands keep with the
 * component. Ingot's own; AWS has none. Pure.
 */
import { isAlias, isScalar, parseDocument, visit, type Scalar } from 'yaml';
import { withoutStacks } from '../../platform/without-stacks.ts';
import type { ComponentDocument, InputValue, Step } from './document.ts';

/** Modules whose `source` may be a file. */
export const FILE_MODULES: readonly string[] = ['S3Download', 'WebDownload'];

/** The content that a packed source names. */
export interface PackedContent {
  /** SHA-256 in hexadecimal digits; of a folder that of its archive. */
  readonly sha256: string;
  /** Whether it was a program: a file whose owner may execute it. */
  readonly executable: boolean;
}

/** What a `file:` source says. */
export interface FileSource {
  /** As it is written, without the scheme, `/*` and what names the content. */
  readonly path: string;
  /** All that is in a folder (`file:folder/*`). */
  readonly folder: boolean;
  /** Absent where nothing was packed. */
  readonly packed?: PackedContent;
}

/** Reads a source; `undefined` for one of another scheme. */
export function readFileSource(source: string): FileSource | undefined {
  const text = source.trim();
  if (!text.startsWith('file:')) return undefined;
  const [mark = '', sha256, executable] = /#sha256=([0-9a-f]{64})(&executable)?$/.exec(text) ?? [];
  const written = text.slice('file:'.length, text.length - mark.length);
  const folder = /(^|\/)\*$/.test(written);
  return {
    path: folder ? written.slice(0, -1).replace(/(.)\/$/, '$1') || '.' : written,
    folder,
    ...(sha256 === undefined ? {} : { packed: { sha256, executable: executable !== undefined } }),
  };
}

/** A source that names its content too. */
export function packedSource(source: string, { sha256, executable }: PackedContent): string {
  return `${source.trim()}#sha256=${sha256}${executable ? '&executable' : ''}`;
}

/** Why a source cannot name a file; `undefined` if it can. */
export function fileSourceProblem(module: string, source: string): string | undefined {
  const file = readFileSource(source);
  if (file === undefined) return undefined;
  if (file.path === '') return `'${source}' names no file: write file: and a path from the document's folder`;
  if (/[\0\n\r]/.test(file.path)) return 'a file: source holds a control character';
  if (file.folder && module !== 'S3Download')
    return `'${source}' is a folder, which ${module} does not copy: use S3Download`;
  if (file.path.includes('*')) return `'${source}': a * is allowed only as the last part, for all that is in a folder`;
  return undefined;
}

/** One `file:` source of a document. */
export interface FoundSource {
  readonly phase: string;
  readonly step: Step;
  /** As it is written. */
  readonly source: string;
  readonly file: FileSource;
}

/** All `file:` sources of a document. They hold no references: those are faults. */
export function fileSourcesOf({ phases }: ComponentDocument): readonly FoundSource[] {
  return phases.flatMap((phase) =>
    phase.steps
      .filter(({ action }) => FILE_MODULES.includes(action))
      .flatMap((step) =>
        itemsOf(step.inputs).flatMap((source) => {
          const file = readFileSource(source);
          return file === undefined ? [] : [{ phase: phase.name, step, source, file }];
        }),
      ),
  );
}

function itemsOf(inputs: InputValue): readonly string[] {
  const items = Array.isArray(inputs) ? (inputs as readonly InputValue[]) : [inputs];
  return items.flatMap((item) => {
    const source =
      typeof item === 'object' && item !== null ? (item as Readonly<Record<string, InputValue>>)['source'] : undefined;
    return typeof source === 'string' ? [source] : [];
  });
}

/**
 * A document's text with other sources in the place of some; all else of it stays to the byte.
 * @param sources by the source that is written
 */
export function withSources(text: string, sources: ReadonlyMap<string, string>): string {
  if (sources.size === 0) return text;
  const document = withoutStacks(() => parseDocument(text, { version: '1.2', logLevel: 'silent' }));
  const found = new Map<number, { readonly end: number; readonly value: string }>();
  const put = (scalar: Scalar): void => {
    const value = typeof scalar.value === 'string' ? sources.get(scalar.value) : undefined;
    if (value !== undefined && scalar.range) found.set(scalar.range[0], { end: scalar.range[1], value });
  };
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.value !== 'source') return;
      const meant = isAlias(value) ? value.resolve(document) : value;
      if (isScalar(meant)) put(meant);
    },
  });
  let result = text;
  for (const [start, { end, value }] of [...found].sort(([a], [b]) => b - a)) {
    // A text on lines of its own (`|`, `>`) takes the end of its last line with it.
    const newline = /(\r?\n)*$/.exec(text.slice(start, end))![0];
    result = result.slice(0, start) + JSON.stringify(value) + newline + result.slice(end);
  }
  return result;
}
