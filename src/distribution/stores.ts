/** The register of stores: one line each. README.md says how to add one. */
import { join } from 'node:path';
import { directoryStore } from './directory/directory-store.ts';
import type { Store } from './store.ts';

/** Every kind of store by its name. */
export const stores = {
  directory: directoryStore,
} satisfies Readonly<Record<string, Store>>;

/** Which store serves a Region, and which folder of it. Every Region is a directory below the data directory. */
export function storeOf(dataDirectory: string, region: string): { readonly store: Store; readonly directory: string } {
  if (!/^[a-z]{2}(?:-[a-z]+)+-\d+$/.test(region)) throw new Error(`'${region}' is not the name of a Region`);
  return { store: stores.directory, directory: join(dataDirectory, 'regions', region) };
}
