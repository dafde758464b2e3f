/** CHANGELOG.md, by version (https://keepachangelog.com). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, tool } from './files.ts';

/**
 * A version is released only with its section in the changelog, and under its own tag.
 * @throws {Error} when the section is missing, or a tag `v…` of this commit names another version
 */
export async function checkVersion(version: string): Promise<void> {
  const text = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8');
  if (!text.split('\n').some((line) => line.startsWith(`## [${version}] - `)))
    throw new Error(`CHANGELOG.md has no section '## [${version}] - DATE' for the version in package.json`);
  const tags = (await tool(['git', 'tag', '--points-at', 'HEAD'], { cwd: ROOT, okCodes: 'any' })).split('\n');
  const wrong = tags.find((tag) => /^v\d/.test(tag) && tag !== `v${version}`);
  if (wrong !== undefined) throw new Error(`this commit has the tag ${wrong}, and package.json has ${version}`);
}
