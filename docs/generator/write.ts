/** `npm run docs:api`: writes the generated parts of the documents in `docs/`. */
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../src/platform/files.ts';
import { docBlocks, withBlocks } from './blocks.ts';
import { DOCUMENTS } from './documents.ts';

const blocks = await docBlocks();
for (const path of DOCUMENTS) {
  const text = await readFile(path, 'utf8');
  const made = withBlocks(text, blocks);
  if (made !== text) await writeFileAtomic(path, made);
}
