/** Commands that start in a directory. */
import { readScript } from '../platform/scripts.ts';

const IN_DIRECTORY = readScript(import.meta.url, 'in-directory.sh');

/**
 * Changes to a directory and executes the command, so that a missing program gives 127 as in a shell. Its umask is 022.
 * @param directory default: `/`
 */
export function inDirectory(directory: string | undefined, argv: readonly string[]): string[] {
  return ['/bin/sh', '-c', IN_DIRECTORY, 'sh', directory ?? '/', ...argv];
}
