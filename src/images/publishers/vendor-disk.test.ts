import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseFile, parseChecksums, readPublicKey, type VendorDisk } from './vendor-disk.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(128)];

describe('a file of checksums', () => {
  for (const [name, text, expected] of [
    ['as coreutils write it', `${A}  one.qcow2\n`, [{ file: 'one.qcow2', hash: 'sha256', value: A }]],
    ['of binary files', `${A} *one.img\r\n`, [{ file: 'one.img', hash: 'sha256', value: A }]],
    ['by SHA-512', `${B}  ./one.qcow2`, [{ file: 'one.qcow2', hash: 'sha512', value: B }]],
    [
      'as BSD writes it, with comments',
      `# one.qcow2: 600 bytes\nSHA256 (one.qcow2) = ${A.toUpperCase()}\n`,
      [{ file: 'one.qcow2', hash: 'sha256', value: A }],
    ],
    ['with what is none', `${'a'.repeat(63)}  short\n<html>\n\n${A}  two words\n${A}\n`, []],
  ] as const)
    test(name, () => assert.deepEqual(parseChecksums(text), expected));
});

describe('the file of a disk', () => {
  const disk: VendorDisk = {
    vendor: 'debian',
    address: 'https://example.com/',
    folder: 'f/',
    sums: 'SUMS',
    file: /^disk-\d+\.qcow2$/,
    format: 'qcow2',
  };
  const sum = (file: string) => ({ file, hash: 'sha256' as const, value: A });

  test('is the one that matches', () =>
    assert.equal(chooseFile(disk, [sum('disk.iso'), sum('disk-12.qcow2')], 'SUMS').file, 'disk-12.qcow2'));
  test('is not guessed', () => {
    assert.throws(
      () => chooseFile(disk, [sum('disk-1.qcow2'), sum('disk-2.qcow2')], 'SUMS'),
      /SUMS names 2 files like .*disk-1\.qcow2, disk-2\.qcow2/,
    );
    assert.throws(
      () => chooseFile(disk, [sum('other.qcow2')], 'SUMS'),
      /SUMS names no file like .*it names other\.qcow2.*the vendor has changed/,
    );
    assert.throws(() => chooseFile(disk, [sum('../disk-1.qcow2')], 'SUMS'), /no file like/);
  });
});

test('only a public key is accepted', () => {
  for (const text of [
    '',
    '<html>not found</html>',
    '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----',
    '-----BEGIN PGP MESSAGE-----\n\nmQINBE\n-----END PGP MESSAGE-----',
  ]) {
    assert.throws(() => readPublicKey(Buffer.from(text), 'key'), /key is not an OpenPGP public key/);
  }
});
