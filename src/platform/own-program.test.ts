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

test("each of Ingot's own programs exists", () => {
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

test('no other module names a .ts file at run time, because a release has none', () => {
  assert.deepEqual(
    sources.filter(({ text }) => /\.ts['"], import\.meta\.url/.test(text.replaceAll(/ownProgram\([^)]*\)/g, ''))),
    [],
  );
});

test('the command is ingot in an installation, and ./ingot in a checkout', () => {
  assert.deepEqual([nameOf('.js'), nameOf('.ts'), INGOT], ['ingot', './ingot', './ingot']);
});

test("messages take the command's name from own-program.ts", () => {
  // Except the tables of the commands, where the help inserts the name, and the completion, which is for both names.
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
