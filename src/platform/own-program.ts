/** Ingot's own modules that run as separate processes. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `.ts` when Ingot runs from source, `.js` when it runs compiled. */
const EXTENSION = extname(fileURLToPath(import.meta.url));

/** The command that runs this Ingot in a shell. Every message and the help use it. */
export const INGOT = nameOf(EXTENSION);

/**
 * An installed Ingot is compiled and on PATH as `ingot`; a checkout has a launcher at its top.
 * @param extension of its modules, `.js` or `.ts`
 */
export function nameOf(extension: string): 'ingot' | './ingot' {
  return extension === '.js' ? 'ingot' : './ingot';
}

/**
 * The path of a module to run in another Node process, from source or compiled.
 * @param from `import.meta.url` of the caller
 * @param module relative to it, with the name of the source
 */
export function ownProgram(from: string, module: `${string}.ts`): string {
  return fileURLToPath(new URL(module.slice(0, -'.ts'.length) + EXTENSION, from));
}
