/** A console that prints without end. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConsoleReader } from './console.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-console-'));
});
after(() => rm(directory, { recursive: true }));

test('a console of gigabytes is read from where its end is', { timeout: 60_000 }, async () => {
  const path = join(directory, 'console');
  const reader = new ConsoleReader(path);
  await writeFile(path, 'first\n');
  assert.deepEqual(await reader.read(), ['first']);
  await truncate(path, 8 * 2 ** 30);
  await writeFile(path, '\nlast\n', { flag: 'a' });
  const lines = await reader.read();
  assert.match(lines[0]!, /^\[\d+ bytes of the console are left out here\]$/);
  assert.equal(lines.at(-1), 'last');
  assert.ok(lines.join('').length < 1 << 20);
});
