import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutEnd } from './ends.ts';

const CASES: readonly (readonly [text: string, characters: string, least: number, rest: string])[] = [
  ['', '/', 0, ''],
  ['a', '/', 0, 'a'],
  ['a//', '/', 0, 'a'],
  ['//', '/', 0, ''],
  ['//', '/', 1, '/'],
  ['/a/', '/', 1, '/a'],
  ['a/\\/', '/\\', 1, 'a'],
  ['a/b', '/', 0, 'a/b'],
  ['x\r\n\n', '\r\n', 0, 'x'],
];
for (const [text, characters, least, rest] of CASES) {
  test(`${JSON.stringify(text)} without ${JSON.stringify(characters)} at its end`, () =>
    assert.equal(withoutEnd(text, characters, least), rest));
}
