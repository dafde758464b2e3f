/** Resolves `file:` sources in a build: files on the server for the components that run. */
import { createReadStream } from 'node:fs';
import { INGOT } from '../../platform/own-program.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { fileNamedBy } from '../../catalog/kept-files.ts';
import { readFileSource } from '../../documents/component/file-sources.ts';
import { keptFile } from '../../platform/data-layout.ts';
import type { FindSourceFile } from '../../runner/source-files.ts';

/** Bytes per read. */
const READ = 1 << 20;

/**
 * Finds files that components of a run name. A document in the instance may compute a source, so only files that the
 * run's components name are allowed.
 * @param components ARNs of build versions; more may be added during the run
 */
export function keptFileFinder(
  { catalog }: { readonly catalog: Catalog },
  components: ReadonlySet<string>,
): FindSourceFile {
  return async (source) => {
    const { packed, folder } = readFileSource(source)!;
    if (packed === undefined) return `files beside a document are packed when its component is made by ${INGOT} build`;
    const file = await fileNamedBy(catalog.db, [...components], packed.sha256);
    if (file === undefined) return 'no component of this build names this file, or it is gone';
    const path = keptFile(catalog.dataDirectory, file.account, file.sha256);
    return { ...packed, folder, read: () => createReadStream(path, { highWaterMark: READ }) };
  };
}
