import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../platform/processes.ts';
import { READ_WORDS, unitWord } from './unit-words.ts';

const WORDS = ['echo', '', ' ', '$HOME', '${HOME}', '$$', 'a;b', ';', '\\', '\\n', '\\044', 'a\\b', '%n %b', "it's", '"', 'a\nb', 'ends\n\n', '\t', '-n', 'Zürich', '*', '`id`', '#', '='];

test('words go in without what systemd would expand or cannot read again', () => {
  for (const word of WORDS) assert.doesNotMatch(unitWord(word), /[$;]/);
  assert.deepEqual(['echo', 'a\\b', '$HOME', '\\n', ';'].map(unitWord), ['echo', 'a\\b', '\\\\0044HOME', '\\\\\\n', '\\\\0073']);
});

for (const shell of ['sh', 'bash']) {
  test(`${shell} makes the same words of them, and leaves the environment alone`, async () => {
    const script = `${READ_WORDS}printf '%s\\0' "$@"`;
    const { stdout } = await run([shell, '-c', script, 'sh', ...WORDS.map(unitWord)]);
    assert.deepEqual(stdout.split('\0').slice(0, -1), WORDS);
    const names = async (text: string) => (await run([shell, '-c', text, 'sh', unitWord('$')])).stdout;
    assert.equal(await names(`${READ_WORDS}env -u _ | sort`), await names('env -u _ | sort'));
  });
}
