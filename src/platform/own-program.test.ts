import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { INGOT, nameOf, ownProgram } from './own-program.ts';

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

test('Ingot is called ingot where it is installed, and ./ingot in a checkout', () => {
  assert.deepEqual([nameOf('.js'), nameOf('.ts'), INGOT], ['ingot', './ingot', './ingot']);
});

test('no message says by itself how Ingot is called', () => {
  // The tables of the commands, which the help puts the name into, and the completion, which is for both names.
  const others = sources.filter(({ path }) => !/own-program\.ts$|commands\/completion\//.test(path));
  const found = others.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => !/^\s*(\*|\/[/*])|^(import|export) .*from/.test(line))
      .filter(
        (line) =>
          /(?<!\.)\.\/ingot\b/.test(line) ||
          (!path.startsWith(join(SRC, 'commands/')) &&
            /(?<![\w./-])ingot (build|doctor|import|gc|df|serve|shell|exec|launch|terminate|toe|env)\b/.test(line)),
      )
      .map((line) => `${relative(SRC, path)}: ${line.trim()}`),
  );
  assert.deepEqual(found, []);
});
