import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputError } from '../module.ts';
import { encode } from './create-file.ts';

describe('the encodings of CreateFile', () => {
  const cases: readonly [encoding: string, hex: string][] = [
    ['utf8', '61f09f8c8d'],
    ['UTF-8', '61f09f8c8d'],
    ['utf16', '61003cd80ddf'],
    ['utf-16-LE', '61003cd80ddf'],
    ['utf16-BE', '0061d83cdf0d'],
    ['utf32', '610000000df30100'],
    ['utf32BE', '000000610001f30d'],
  ];
  for (const [encoding, hex] of cases) test(encoding, () => assert.equal(encode('a🌍', encoding).toString('hex'), hex));

  test('another encoding is refused', () => assert.throws(() => encode('a', 'latin1'), InputError));
});
