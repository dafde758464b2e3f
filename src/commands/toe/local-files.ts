/** Files beside the documents of `ingot toe`. */
import { dirname } from 'node:path';
import type { FindSourceFile } from '../../runner/source-files.ts';
import type { Arguments } from '../command.ts';
import { placesOf, type LocalFile } from '../local-files/find.ts';
import { filesOf } from '../local-files/pack.ts';
import { InvalidDocuments, type LoadedDocument } from './documents.ts';

/** The files of each document's `file:` sources, by the document's path. */
export type DocumentFiles = ReadonlyMap<string, ReadonlyMap<string, LocalFile>>;

/**
 * Finds the files that documents name.
 * @throws {InvalidDocuments} with a line per unreadable file
 */
export async function filesBeside(documents: readonly LoadedDocument[], args: Arguments): Promise<DocumentFiles> {
  const found = new Map<string, ReadonlyMap<string, LocalFile>>();
  const problems: string[] = [];
  for (const { path, document, onServer } of documents) {
    if (onServer === true) continue;
    const folder = dirname(path);
    const { files, faults } = await filesOf(document, placesOf(folder, folder, args.text('file-root')));
    found.set(path, files);
    problems.push(
      ...faults.map(({ position, message }) => `${path}:${position.line}:${position.column}: error: ${message}`),
    );
  }
  if (problems.length > 0) throw new InvalidDocuments(problems.join('\n'));
  return found;
}

/** Finds the files of one document. Documents that it runs have none. */
export function finderOf(files: DocumentFiles, path: string): FindSourceFile {
  return async (source) =>
    files.get(path)?.get(source) ??
    (files.has(path)
      ? 'only a document that is given by its path has files beside it, not one that it runs'
      : 'the files of a component stay on its server: run the document by its path, where the files are beside it');
}
