/** The documents that are made in part, by their paths: those in `docs/`, and CONTRIBUTING.md. */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder. */
export const DOCS_FOLDER = fileURLToPath(new URL('../../docs/', import.meta.url));

/** All Markdown files in it, and CONTRIBUTING.md above it. */
export const DOCUMENTS: readonly string[] = globSync('*.md', { cwd: DOCS_FOLDER })
  .sort()
  .map((name) => `${DOCS_FOLDER}${name}`)
  .concat(fileURLToPath(new URL('../../CONTRIBUTING.md', import.meta.url)));
