/** The npm package. */
import { cp } from 'node:fs/promises';
import { tool } from './files.ts';

/**
 * Packs the staged package; npm brings its dependencies, by `npm-shrinkwrap.json`, where it is installed.
 * @param work a folder of its own, made here
 * @returns the file's name in `target`
 */
export async function makeNpmPackage(staged: string, work: string, target: string, version: string): Promise<string> {
  await cp(staged, work, { recursive: true });
  await tool(['npm', 'pack', '--ignore-scripts', '--loglevel=error', `--pack-destination=${target}`], { cwd: work });
  return `ingot-${version}.tgz`;
}
