import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineSplitter } from '../guest/lines.ts';
import { Mask, MASKED } from './mask.ts';

const SECRET = `pa'ss "w/ord" ÄÖ$1`;

function maskOf(...values: readonly string[]): Mask {
  const mask = new Mask();
  for (const value of values) mask.add(value);
  return mask;
}

const FORMS: readonly (readonly [what: string, text: string])[] = [
  ['plain', SECRET],
  ['JSON', JSON.stringify({ password: SECRET })],
  ['URL', `https://host/?password=${encodeURIComponent(SECRET)}&x=1`],
  ["a shell's quotes", `+ login 'pa'\\''ss "w/ord" ÄÖ$1'`],
  ...[0, 1, 2, 3].map((before): readonly [string, string] => [
    `base64 behind ${before} bytes`,
    Buffer.from(`${'u'.repeat(before)}${SECRET}`).toString('base64'),
  ]),
  ['base64 in the middle', Buffer.from(`user:${SECRET}\nmore`).toString('base64')],
  ['base64url', Buffer.from(`user:${SECRET}`).toString('base64url')],
];

for (const [what, text] of FORMS) {
  test(`masks a secret: ${what}`, () => {
    const masked = maskOf(SECRET).text(`before ${text} behind`);
    assert.match(masked, /^before .*\*\*\*.* behind$/);
    assert.ok(
      !masked.includes('w/ord') &&
        !masked.includes('w%2Ford') &&
        !masked.includes(Buffer.from(SECRET).toString('base64').slice(4, 14)),
      masked,
    );
  });
}

test('masks each line of a secret with several, but not its first and last lines if they are short', () => {
  const mask = maskOf('-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nab\n-----END PRIVATE KEY-----\n');
  assert.equal(mask.text('  MIIEvQIBADANBg'), '  ***');
  assert.equal(mask.text('-----BEGIN PRIVATE KEY----- ab'), '-----BEGIN PRIVATE KEY----- ab');
});

test('masks the longest of several secrets, and reports values that are too short', () => {
  const mask = new Mask();
  assert.deepEqual(
    [mask.add('secret'), mask.add('secret-of-all'), mask.add('abc'), mask.add('')],
    [true, true, false, false],
  );
  assert.equal(mask.text('secret-of-all secret abc'), '*** *** abc');
});

test('masks in every string of a value', () => {
  assert.deepEqual(maskOf('hidden').deep({ a: ['x hidden', 1, null, undefined, true], hidden: { b: 'hidden' } }), {
    a: ['x ***', 1, null, undefined, true],
    '***': { b: '***' },
  });
});

test('a secret is masked however a stream is split, and wherever a long line is cut', () => {
  const secret = 'correct-horse-battery';
  const mask = maskOf(secret);
  const text = Buffer.from(`begin ${secret} end\r\nx\x1b[31m${secret.slice(0, 8)}\x1b[0m${secret.slice(8)}\n`);
  for (let size = 1; size < 12; size++) {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line), 100, mask);
    for (let at = 0; at < text.length; at += size) splitter.add(text.subarray(at, at + size));
    splitter.end();
    assert.deepEqual(lines, ['begin *** end', 'x***']);
  }
  for (let before = 70; before < 240; before++) {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line), 100, mask);
    splitter.add(Buffer.from(`${'\x1b[0m'.repeat(20)}${'-'.repeat(before)}${secret}${'+'.repeat(300)}\n`));
    splitter.end();
    assert.ok(!/corre/.test(lines[0]!), lines[0]);
  }
});

test('a secret of ten thousand lines is masked, each of its lines too', () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `line-${index}-of-it`);
  const mask = new Mask();
  mask.add(lines.join('\n'));

  assert.equal(
    mask.text(`x ${lines[7]} y ${lines.join('\n')} z ${lines[9999]}!`),
    `x ${MASKED} y ${MASKED} z ${MASKED}!`,
  );
});

test('of forms with the same beginning, the longest is masked', () => {
  const mask = new Mask();
  for (const value of ['abcdef', 'abcd', 'abcdefgh', 'abce']) mask.add(value);

  assert.equal(
    mask.text('abcdefgh abcdefg abcdex abceabcd abc'),
    `${MASKED} ${MASKED}g ${MASKED}ex ${MASKED}${MASKED} abc`,
  );
});
