import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutEscapes } from './escapes.ts';

for (const [name, text, plain] of [
  ['colours', '\x1b[1;31mred\x1b[0m', 'red'],
  ['cursor moves', '\x1b[2J\x1b[01;01Habc\x1b[?25l', 'abc'],
  ['a title', '\x1b]0;title\x07text', 'text'],
  ['a link', '\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\', 'link'],
  ['a title without end', 'a\x1b]0;title', 'a'],
  ['a device control string and what it carries', 'a\x1bPq#0\x1b\\b', 'ab'],
  ['a sequence that was cut short', 'for device \x1b[0;1;…111', 'for device …111'],
  ['short escapes', '\x1bc\x1b(B\x1b=SeaBIOS\x1b7', 'SeaBIOS'],
  ['none', 'a\tb [0m', 'a\tb [0m'],
] as const)
  test(name, () => assert.equal(withoutEscapes(text), plain));
