import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConsoleReader, consoleTail } from './console.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-console-'));
});
after(() => rm(directory, { recursive: true }));

test('a line without an end is cut, in the middle and at the end', async () => {
  const path = join(directory, 'console');
  const reader = new ConsoleReader(path);
  await writeFile(path, `first\n${'x'.repeat(1 << 20)}\nlast\n${'y'.repeat(1 << 20)}`);
  const lines = await reader.read();

  assert.deepEqual(
    lines.map((line) => [line.slice(0, 5), line.length]),
    [
      ['first', 5],
      ['xxxxx', 4096],
      ['last', 4],
    ],
  );
  assert.equal(reader.prompt.length, 4096);
  assert.equal((await consoleTail(path, 2)).at(-1)?.[0], 'y');
});
