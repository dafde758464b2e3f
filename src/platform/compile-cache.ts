/**
 * Node's cache of compiled modules: types stripped, code compiled. Commands, servers and workers start in half the time
 * with it.
 */
import { enableCompileCache } from 'node:module';

/** Root's own: what lies there is executed, so that nobody else may write there. */
const DIRECTORY = '/var/cache/ingot/compiled';

/** For modules that are imported from now on. Without effect where the folder cannot be made. */
export function useCompileCache(): void {
  if (process.getuid?.() === 0) enableCompileCache(DIRECTORY);
}

/** Environment by which a Node process of ours uses it from its first module on. */
export function compileCacheEnvironment(): Readonly<Record<string, string>> {
  return process.getuid?.() === 0 ? { NODE_COMPILE_CACHE: DIRECTORY } : {};
}
