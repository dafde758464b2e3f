import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode, encodingOf } from './encodings.ts';
import { InputError } from '../module.ts';

describe('the encodings of the file modules', () => {
  const cases: readonly [encoding: string, hex: string][] = [
    ['utf8', '61f09f8c8d'],
    ['UTF-8', '61f09f8c8d'],
    ['utf16', '61003cd80ddf'],
    ['utf-16-LE', '61003cd80ddf'],
    ['utf16-BE', '0061d83cdf0d'],
    ['utf32', '610000000df30100'],
    ['utf32BE', '000000610001f30d'],
  ];
  for (const [name, hex] of cases) {
    test(name, () => {
      assert.equal(encode('a🌍', encodingOf(name)).toString('hex'), hex);
      assert.equal(decode(Buffer.from(hex, 'hex'), encodingOf(name)), 'a🌍');
    });
  }

  const marked: readonly [encoding: string, hex: string][] = [
    ['utf8', 'efbbbf61'],
    ['utf16', 'fffe6100'],
    ['utf16be', 'feff0061'],
    ['utf32', 'fffe000061000000'],
  ];
  for (const [name, hex] of marked) {
    test(`a byte order mark of ${name} is removed`, () =>
      assert.equal(decode(Buffer.from(hex, 'hex'), encodingOf(name)), 'a'));
  }

  const wrong: readonly [encoding: string, hex: string][] = [
    ['utf8', 'ff61'],
    ['utf16', '610061'],
    ['utf32', '6100'],
    ['utf32', 'ffffffff'],
  ];
  for (const [name, hex] of wrong) {
    test(`${hex} is not valid ${name}`, () =>
      assert.equal(decode(Buffer.from(hex, 'hex'), encodingOf(name)), undefined));
  }

  test('another encoding is rejected', () => assert.throws(() => encodingOf('latin1'), InputError));
});
