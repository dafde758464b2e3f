/** No decision depends on the text of an error's message: messages are for people, and change. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const SOURCE = join(import.meta.dirname, '..');
const BY_TEXT =
  /(?:test|exec)\((?:\(?error(?: as \w+)?\)?|[\w.]*\.)?message\)|\bmessage\.(?:match|startsWith|endsWith|includes|search)\(/g;

/** Modules that read another program's message, because it offers nothing else, or a log event's. */
const SHOWN = [
  'documents/nodes.ts', // the YAML parser's: which tag it does not know
  'images/disks.ts', // qemu-img's, to show them to people
  'logs/filter-pattern.ts', // a log event's message, which a filter is about
];

test('no decision depends on the text of a message', () => {
  const found = globSync('**/*.ts', { cwd: SOURCE })
    .filter((path) => !path.endsWith('.test.ts') && !SHOWN.includes(path))
    .flatMap((path) =>
      [...readFileSync(join(SOURCE, path), 'utf8').matchAll(BY_TEXT)].map(([text]) => `${path}: ${text}`),
    );
  assert.deepEqual(found, []);
});
