/**
 * `file:` sources of S3Download and WebDownload: files beside a document, which Ingot's commands store with the
 * component. An extension of Ingot; AWS has none. Pure.
 */
import { isAlias, isScalar, parseDocument, visit, type Scalar } from 'yaml';
import { withoutStacks } from '../../platform/without-stacks.ts';
import type { ComponentDocument, InputValue, Step } from './document.ts';

/** Modules whose `source` may be a file. */
export const FILE_MODULES: readonly string[] = ['S3Download', 'WebDownload'];

/** The content that a packed source identifies. */
export interface PackedContent {
  /** SHA-256 in hexadecimal digits, of the file or of the folder's archive. */
  readonly sha256: string;
  /** Whether the file was executable for its owner. */
  readonly executable: boolean;
}

/** A parsed `file:` source. */
export interface FileSource {
  /** As written, without the scheme, `/*` and the content's digest. */
  readonly path: string;
  /** Whether it means a folder's whole content (`file:folder/*`). */
  readonly folder: boolean;
  /** Absent if the content was not packed. */
  readonly packed?: PackedContent;
}

/** Parses a source; `undefined` for another scheme. */
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

/** A source with the digest of its content. */
export function packedSource(source: string, { sha256, executable }: PackedContent): string {
  return `${source.trim()}#sha256=${sha256}${executable ? '&executable' : ''}`;
}

/** Why a source is invalid; `undefined` if it is valid. */
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
  /** As written. */
  readonly source: string;
  readonly file: FileSource;
}

/** All `file:` sources of a document. They contain no references, which are faults. */
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
 * A document's text with some sources replaced; everything else is unchanged.
 * @param sources replacements, by the source as written
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
    // A block scalar (`|`, `>`) includes the end of its last line.
    const newline = /(\r?\n)*$/.exec(text.slice(start, end))![0];
    result = result.slice(0, start) + JSON.stringify(value) + newline + result.slice(end);
  }
  return result;
}
