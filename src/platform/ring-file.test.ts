import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from './clock.ts';
import { run } from './processes.ts';
import { intoRingFiles, ringFiles, RingReader, ringTail } from './ring-file.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-ring-'));
});
after(() => rm(folder, { recursive: true }));

/** Prints numbered lines on descriptor 1 and one on 3, and ends with 7. */
const PRINT =
  'i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i+1)); done; echo error >&2; echo three >&3; exit 7';

async function settled(path: string, end: RegExp): Promise<string> {
  return until(`the end of ${path}`, 10_000, async () => {
    const text = (await ringTail(path, 1 << 20)).toString();
    return end.test(text) ? text : undefined;
  });
}

test('an endless output fills two files of a fixed size, and its last part is complete', async () => {
  const [first, second] = [join(folder, 'a'), join(folder, 'b')];
  const { code } = await run(intoRingFiles({ '1,2': first, '3': second }, ['sh', '-c', PRINT], 50_000), {
    okCodes: 'any',
  });
  const text = await settled(first, /error\n$/);

  equal(code, 7);
  for (const path of ringFiles(first)) ok((await stat(path)).size <= 50_000, path);
  const lines = text.split('\n').slice(1, -2);
  deepEqual(
    lines,
    lines.map((_, index) => `line ${30_000 - lines.length + index}`),
  );
  ok(lines.length > 2000, String(lines.length));
  equal(await settled(second, /\n$/), 'three\n');
  equal((await stat(first)).mode & 0o777, 0o600);
});

test('a reader continues across the change of files, and skips what it was told to', async () => {
  const path = join(folder, 'c');
  const write = (word: string, lines: number) =>
    run(intoRingFiles({ '1': path }, ['sh', '-c', `for i in $(seq ${lines}); do echo ${word} $i; done`], 1000));
  const reader = new RingReader(path);
  const skipping = new RingReader(path);
  equal((await reader.read()).length, 0);

  await write('a', 20);
  await settled(path, /a 20\n$/);
  match((await reader.read()).toString(), /^a 1\n[^]*a 20\n$/);
  await skipping.skip();
  equal((await reader.read()).length, 0);
  await write('b', 190);
  await settled(path, /b 190\n$/);
  const read = (await reader.read()).toString();

  match(read, /b 100\n[^]*b 190\n$/);
  ok(!read.includes('a 1\n'));
  ok(!(await skipping.read()).toString().includes('a '));
  equal(await readFile(path, 'utf8').then((text) => text.length <= 1000), true);
});

test('a program that cannot be started leaves the error in its file', async () => {
  const path = join(folder, 'd');
  const { code } = await run(intoRingFiles({ '1,2': path }, ['/no/such/program']), { okCodes: 'any' });

  equal(code, 127);
  match(await settled(path, /\n$/), /failed to execute \/no\/such\/program: No such file/);
});
