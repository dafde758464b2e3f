import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ownProgram } from './own-program.ts';

const SRC = fileURLToPath(new URL('..', import.meta.url));
const sources = globSync('**/*.ts', { cwd: SRC })
  .filter((file) => !file.endsWith('.test.ts'))
  .map((file) => ({ path: join(SRC, file), text: readFileSync(join(SRC, file), 'utf8') }));

test('each program of its own exists', () => {
  const programs = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/ownProgram\(import\.meta\.url, '([^']+\.ts)'\)/g)].map((match) =>
      ownProgram(pathToFileURL(path).href, match[1] as `${string}.ts`),
    ),
  );
  assert.ok(programs.length >= 4, String(programs));
  assert.deepEqual(
    programs.filter((path) => !existsSync(path)),
    [],
  );
});

test('nothing else names a .ts file for when it runs: a release has none', () => {
  assert.deepEqual(
    sources.filter(({ text }) => /\.ts['"], import\.meta\.url/.test(text.replaceAll(/ownProgram\([^)]*\)/g, ''))),
    [],
  );
});
