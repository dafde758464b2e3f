/** Nothing is decided by the text of an error's message: it is for people, and changes. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const SOURCE = join(import.meta.dirname, '..');
const BY_TEXT =
  /(?:test|exec)\((?:\(?error(?: as \w+)?\)?|cause)\.message\)|(?:error|cause)\.message\.(?:match|startsWith|endsWith|includes|search)\(/g;

/** What only takes words out of a message, to show them to people. */
const SHOWN = ['images/disks.ts'];

test('no decision is made by the text of a message', () => {
  const found = globSync('**/*.ts', { cwd: SOURCE })
    .filter((path) => !path.endsWith('.test.ts') && !SHOWN.includes(path))
    .flatMap((path) =>
      [...readFileSync(join(SOURCE, path), 'utf8').matchAll(BY_TEXT)].map(([text]) => `${path}: ${text}`),
    );
  assert.deepEqual(found, []);
});
