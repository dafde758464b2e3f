/** Ingot's own modules that other processes run. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `.ts` when Ingot runs from source, `.js` when it runs compiled. */
const EXTENSION = extname(fileURLToPath(import.meta.url));

/** The command that calls this Ingot in a shell: the one place that knows it. Every message and the help use it. */
export const INGOT = nameOf(EXTENSION);

/**
 * An installed Ingot is compiled and on PATH as `ingot`; a checkout is run by the launcher at its top.
 * @param extension of its modules, `.js` or `.ts`
 */
export function nameOf(extension: string): 'ingot' | './ingot' {
  return extension === '.js' ? 'ingot' : './ingot';
}

/**
 * The path of a module that another Node process runs, from source and compiled alike.
 * @param from `import.meta.url` of the module that asks
 * @param module relative to it, as the source is called
 */
export function ownProgram(from: string, module: `${string}.ts`): string {
  return fileURLToPath(new URL(module.slice(0, -'.ts'.length) + EXTENSION, from));
}
