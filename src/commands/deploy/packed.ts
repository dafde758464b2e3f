/** Components of a template with the files that their documents name by `file:`. */
import { dirname } from 'node:path';
import type { Position } from '../../documents/position.ts';
import type { RequestValue } from '../../templates/template.ts';
import { placesOf, type LocalFile } from '../local-files/find.ts';
import { packDocument } from '../local-files/pack.ts';
import { pathOf, withText } from './files.ts';

type Request = Readonly<Record<string, RequestValue>>;

/** A request whose document identifies the content of its files. */
export interface PackedRequest {
  readonly request: Request;
  /** Files that must be uploaded before it. */
  readonly files: readonly LocalFile[];
  /** Files that cannot be read, with positions in the document. */
  readonly faults: readonly { readonly position: Position; readonly message: string }[];
}

/**
 * Reads the document of a component, and packs the files that it names.
 * @param folder directory of the template
 * @param fileRoot the option `--file-root`
 * @throws {CommandFailed} if the document cannot be read
 */
export async function packedComponent(
  { folder, fileRoot }: { readonly folder: string; readonly fileRoot?: string | undefined },
  asked: Request,
): Promise<PackedRequest> {
  const request = await withText(folder, asked, 'uri', 'data');
  const { data } = request;
  if (typeof data !== 'string') return { request, files: [], faults: [] };
  // A template in S3 must not read files of this host.
  if (/^s3:/.test(folder)) return { request, files: [], faults: [] };
  const uri = typeof asked['uri'] === 'string' ? await pathOf(folder, asked['uri']) : undefined;
  const own = uri === undefined ? folder : dirname(uri);
  const { text, files, faults } = await packDocument(data, placesOf(own, folder, fileRoot));
  return { request: { ...request, data: text }, files: [...files.values()], faults };
}
