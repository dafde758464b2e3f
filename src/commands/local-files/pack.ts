/** Documents that identify the content of their files: the component's document, and the files to upload before it. */
import { parseComponentDocument } from '../../documents/component/parse.ts';
import { fileSourcesOf, packedSource, withSources } from '../../documents/component/file-sources.ts';
import type { ComponentDocument } from '../../documents/component/document.ts';
import type { Position } from '../../documents/position.ts';
import { FileRefused, findLocalFile, type FilePlaces, type LocalFile } from './find.ts';

/** A document whose `file:` sources identify their content. */
export interface PackedDocument {
  readonly text: string;
  /** Files by the sources as written. */
  readonly files: ReadonlyMap<string, LocalFile>;
  /** Sources whose files cannot be read. */
  readonly faults: readonly { readonly position: Position; readonly message: string }[];
}

/** Files of a document, by their sources. */
export async function filesOf(
  document: ComponentDocument,
  places: FilePlaces,
): Promise<Pick<PackedDocument, 'files' | 'faults'>> {
  const files = new Map<string, LocalFile>();
  const faults: { readonly position: Position; readonly message: string }[] = [];
  for (const { source, step, phase } of fileSourcesOf(document)) {
    if (files.has(source)) continue;
    try {
      files.set(source, await findLocalFile(source, places));
    } catch (error) {
      if (!(error instanceof FileRefused)) throw error;
      faults.push({ position: step.position, message: `step ${step.name} of phase ${phase}: ${error.message}.` });
    }
  }
  return { files, faults };
}

/** Packs a document. One that cannot be parsed is unchanged, because other code reports that. */
export async function packDocument(text: string, places: FilePlaces): Promise<PackedDocument> {
  const none = { text, files: new Map(), faults: [] };
  if (!text.includes('file:')) return none;
  const { document } = parseComponentDocument(text);
  if (document === undefined) return none;
  const { files, faults } = await filesOf(document, places);
  const sources = new Map([...files].map(([source, file]) => [source, packedSource(unpacked(source), file)]));
  return { text: withSources(text, sources), files, faults };
}

/** A source without its content's digest. */
function unpacked(source: string): string {
  return source.replace(/#sha256=[0-9a-f]{64}(&executable)?$/, '');
}
