/** Ingot's own modules that other processes run. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `.ts` when Ingot runs from source, `.js` when it runs compiled. */
const EXTENSION = extname(fileURLToPath(import.meta.url));

/**
 * The path of a module that another Node process runs, from source and compiled alike.
 * @param from `import.meta.url` of the module that asks
 * @param module relative to it, as the source is called
 */
export function ownProgram(from: string, module: `${string}.ts`): string {
  return fileURLToPath(new URL(module.slice(0, -'.ts'.length) + EXTENSION, from));
}
