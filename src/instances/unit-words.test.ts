import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../platform/processes.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { READ_LINES, READ_WORDS, unitLines, unitWord } from './unit-words.ts';

const WORDS = [
  'echo',
  '',
  ' ',
  '$HOME',
  '${HOME}',
  '$$',
  'a;b',
  ';',
  '\\',
  '\\n',
  '\\044',
  'a\\b',
  '%n %b',
  "it's",
  '"',
  'a\nb',
  'ends\n\n',
  '\t',
  '-n',
  'Zürich',
  '*',
  '`id`',
  '#',
  '=',
];

test('words contain nothing that systemd would expand or cannot read again', () => {
  for (const word of WORDS) assert.doesNotMatch(unitWord(word), /[$;\n]/);
  assert.deepEqual(['echo', 'a\\b', '$HOME', '\\n', ';'].map(unitWord), [
    'echo',
    'a\\b',
    '\\\\0044HOME',
    '\\\\\\n',
    '\\\\0073',
  ]);
});

for (const shell of ['sh', 'bash']) {
  test(`${shell} decodes them to the same words, and does not change the environment`, async () => {
    const script = `${READ_WORDS}printf '%s\\0' "$@"`;
    const { stdout } = await run([shell, '-c', script, 'sh', ...WORDS.map(unitWord)]);
    assert.deepEqual(stdout.split('\0').slice(0, -1), WORDS);
    const folder = mkdtempSync(join(tmpdir(), 'ingot-words-'));
    try {
      writeFileSync(join(folder, 'words'), unitLines(WORDS));
      const read = await run([shell, '-c', `${READ_LINES}printf '%s\\0' "$@"`, 'sh', join(folder, 'words')]);
      assert.deepEqual(read.stdout.split('\0').slice(0, -1), WORDS);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const names = async (text: string) => (await run([shell, '-c', text, 'sh', unitWord('$')])).stdout;
    assert.equal(await names(`${READ_WORDS}env -u _ | sort`), await names('env -u _ | sort'));
  });
}
