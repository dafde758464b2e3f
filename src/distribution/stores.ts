/** The register of stores: one line each. README.md says how to add one. */
import { regionFolder } from '../platform/data-layout.ts';
import { regionFault } from '../resources/regions.ts';
import { directoryStore } from './directory/directory-store.ts';
import type { Store } from './store.ts';

/** Every kind of store by its name. */
export const stores = {
  directory: directoryStore,
} satisfies Readonly<Record<string, Store>>;

/** The store and directory of a Region. Every Region is a directory in the data directory. */
export function storeOf(dataDirectory: string, region: string): { readonly store: Store; readonly directory: string } {
  const fault = regionFault(region);
  if (fault !== undefined) throw new Error(fault);
  return { store: stores.directory, directory: regionFolder(dataDirectory, region) };
}
