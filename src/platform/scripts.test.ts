import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { readScript } from './scripts.ts';

const folder = mkdtempSync(join(tmpdir(), 'scripts-'));
const module = pathToFileURL(join(folder, 'module.ts')).href;
after(() => rmSync(folder, { recursive: true }));

function read(text: string, values?: Readonly<Record<string, string | number>>): string {
  writeFileSync(join(folder, 'some.sh'), text);
  return readScript(module, 'some.sh', values);
}

test('comments at the top are removed, later ones are kept', () => {
  assert.equal(read('# What it is.\n# shellcheck shell=sh\necho 1\n# why\necho "$@"\n'), 'echo 1\n# why\necho "$@"\n');
});

test('constants and shared parts are inserted unchanged', () => {
  const values = { PART: 'a() {\n  echo "$&" @N@\n}\n', N: 8 };
  assert.equal(read('# Head.\n# @PART@\na @N@\n', values), 'a() {\n  echo "$&" @N@\n}\na 8\n');
});

test('a missing or unused value is an error', () => {
  assert.throws(() => read('echo @N@\n'), /some\.sh needs a value for @N@/);
  assert.throws(() => read('echo\n', { N: 1 }), /some\.sh does not use N/);
});
