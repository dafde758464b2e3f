/** The documents in `docs/`, by their paths. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder. */
export const DOCS_FOLDER = fileURLToPath(new URL('../../docs/', import.meta.url));

/** All Markdown files in it. */
export const DOCUMENTS: readonly string[] = globSync('*.md', { cwd: DOCS_FOLDER })
  .sort()
  .map((name) => `${DOCS_FOLDER}${name}`);
