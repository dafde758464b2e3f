import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { test } from 'node:test';
import { NotUtf8, readUtf8 } from './utf8.ts';

test('a text is decoded without its byte order mark', () => {
  assert.equal(readUtf8(Buffer.from('\ufeffGröße 💡\n')), 'Größe 💡\n');
  assert.equal(readUtf8(Buffer.alloc(0)), '');
});

const WRONG: readonly (readonly [name: string, bytes: Buffer, message: RegExp])[] = [
  ['Latin-1', Buffer.from('a: 1\nb: Größe', 'latin1'), /byte 0xf6 in line 2, 6 bytes into it \(offset 10\)\. Save it/],
  ['UTF-16', Buffer.from('\ufeffa', 'utf16le'), /begins as UTF-16 does/],
  ['a cut character', Buffer.from('aé').subarray(0, 2), /byte 0xc3 in line 1, 2 bytes into it \(offset 1\)/],
  ['half of a pair', Buffer.from([0x61, 0xed, 0xa0, 0x80]), /byte 0xed .*\(offset 1\)/],
  ['a long zero', Buffer.from([0xc0, 0x80]), /byte 0xc0 .*\(offset 0\)/],
  ['a byte that begins nothing', Buffer.from([0x61, 0x80]), /byte 0x80 .*\(offset 1\)/],
];
for (const [name, bytes, message] of WRONG)
  test(`${name} is rejected with its position`, () =>
    assert.throws(
      () => readUtf8(bytes),
      (error) => error instanceof NotUtf8 && message.test(error.message),
    ));

test('every pair of bytes is valid exactly if it is for Node', () => {
  for (let first = 0; first < 256; first += 1)
    for (const rest of [[0x41], [0x80], [0x9f, 0x80], [0xa0, 0x80], [0x8f, 0x80, 0x80], [0x90, 0xbf, 0xbf], [0xc3]]) {
      const bytes = Buffer.from([first, ...rest]);
      let read = true;
      try {
        readUtf8(bytes);
      } catch (error) {
        read = false;
        const offset = Number(/offset (\d+)/.exec((error as Error).message)?.[1] ?? 0);
        assert.ok(isUtf8(bytes.subarray(0, offset)), bytes.toString('hex'));
        assert.ok(offset < bytes.length);
      }
      assert.equal(read, isUtf8(bytes), bytes.toString('hex'));
    }
});
