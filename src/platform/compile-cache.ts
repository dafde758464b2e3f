/**
 * Node's cache of compiled modules: types stripped, code compiled. Commands, servers and workers start in half the time
 * with it.
 */
import { enableCompileCache } from 'node:module';

/** Only root may write to this folder, because its contents are executed. */
const DIRECTORY = '/var/cache/ingot/compiled';

/** Enables the cache for modules that are imported later. Has no effect if the folder cannot be made. */
export function useCompileCache(): void {
  if (process.getuid?.() === 0) enableCompileCache(DIRECTORY);
}

/** Environment that makes a Node process of Ingot's use the cache from its first module on. */
export function compileCacheEnvironment(): Readonly<Record<string, string>> {
  return process.getuid?.() === 0 ? { NODE_COMPILE_CACHE: DIRECTORY } : {};
}
