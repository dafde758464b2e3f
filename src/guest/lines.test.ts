import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Capture, LineTail, lineSplitter } from './lines.ts';

function split(chunks: readonly (string | Buffer)[], maxLine?: number): string[] {
  const lines: string[] = [];
  const splitter = lineSplitter((line) => lines.push(line), maxLine);
  for (const chunk of chunks) splitter.add(Buffer.from(chunk as string));
  splitter.end();
  return lines;
}

describe('lines of output', () => {
  const cases: readonly [name: string, chunks: readonly (string | Buffer)[], lines: readonly string[]][] = [
    ['nothing', [], []],
    ['one line', ['a\n'], ['a']],
    ['no newline at the end', ['a\nb'], ['a', 'b']],
    ['empty lines stay', ['\n\na\n'], ['', '', 'a']],
    ['a line in three chunks', ['a', 'b', 'c\nd\n'], ['abc', 'd']],
    ['a character in two chunks', [Buffer.from([0xc3]), Buffer.from([0xa9, 0x0a])], ['é']],
    ['carriage return and newline', ['a\r\nb\r', '\nc'], ['a', 'b', 'c']],
    ['a progress bar is what it showed last', [' 1%\r 50%\r', '100%\n'], ['100%']],
    ['a progress bar wiped at its end', ['100%\r\x1b[K\ndone\n'], ['100%', 'done']],
    ['a progress bar without a newline', ['1%\r2%\r'], ['2%']],
    ['colours', ['\x1b[1;31mred\x1b[0m and \x1b]8;;http://x\x07link\x1b]8;;\x07\n'], ['red and link']],
    ['an escape in two chunks', ['a\x1b[3', '1mb\n'], ['ab']],
    ['control characters', ['a\x00b\x08c\td\x9be\u202ef\n'], ['abc\tdef']],
    ['invalid UTF-8', [Buffer.from([0x61, 0xff, 0x62, 0x0a])], ['a\ufffdb']],
    ['half a character at the end', [Buffer.from([0x61, 0xe2, 0x82])], ['a\ufffd']],
  ];
  for (const [name, chunks, lines] of cases) test(name, () => assert.deepEqual(split(chunks), lines));

  test('a very long line is cut and says so', () => {
    assert.deepEqual(split(['x'.repeat(15), 'y'.repeat(85), '\nb\n'], 10), [
      'xxxxxxxxxx … [cut: the line has 100 characters]',
      'b',
    ]);
  });

  test('the last lines are kept', () => {
    const tail = new LineTail(2);
    for (const line of ['a', 'b', 'c']) tail.add(line);
    assert.deepEqual(tail.lines(), ['b', 'c']);
  });
});

describe('captured output', () => {
  test('loses trailing newlines', () => {
    const capture = new Capture(10);
    capture.add(Buffer.from('a\nb'));
    capture.add(Buffer.from('\r\n\n'));
    assert.equal(capture.text(), 'a\nb');
  });

  test('is unusable above the limit', () => {
    const capture = new Capture(3);
    capture.add(Buffer.from('abc'));
    assert.equal(capture.text(), 'abc');
    capture.add(Buffer.from('d'));
    assert.equal(capture.text(), undefined);
  });
});
