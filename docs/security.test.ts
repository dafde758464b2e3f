/** The threat model names the test of each wall: they are there, and `npm run test:security` runs them. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(new URL('./security.md', import.meta.url), 'utf8');
const runner = readFileSync(new URL('../test/run.ts', import.meta.url), 'utf8');
const named = [
  ...new Set([...page.matchAll(/`((?:integration|api|long|security|src)\/[\w/-]+)`/g)].map(([, name]) => name!)),
];

test('the threat model names tests', () => assert.ok(named.length > 25, String(named.length)));

for (const name of named) {
  test(`${name} is there`, () => {
    const files = name.startsWith('src/') ? [`${name}.test.ts`, `${name}/**/*.test.ts`] : [`test/${name}.test.ts`];
    assert.ok(files.some((file) => globSync(file, { cwd: root }).length > 0) || existsSync(`${root}/${name}`), name);
  });
}

test('the list of security tests names the files of test/ that the threat model names', () => {
  const missing = named.filter((name) => !name.startsWith('src/') && !name.startsWith('security/'));
  const absent = missing.filter((name) => !new RegExp(`\\b${name.split('/')[1]}\\b`).test(runner));
  // One boots machines for an hour; the other installs packages.
  assert.deepEqual(absent, ['long/networks-machine', 'integration/launcher']);
});
