import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { diskFormat, FORMATS, HEAD_BYTES, TAIL_BYTES } from './disk-format.ts';

/** A head or a tail with given bytes at offsets. */
function bytes(length: number, ...parts: readonly (readonly [number, string | Buffer])[]): Buffer {
  const buffer = Buffer.alloc(length);
  for (const [offset, part] of parts)
    (typeof part === 'string' ? Buffer.from(part, 'latin1') : part).copy(buffer, offset);
  return buffer;
}
const head = (...parts: Parameters<typeof bytes>[1][]): Buffer => bytes(HEAD_BYTES, ...parts);
const NO_TAIL = Buffer.alloc(TAIL_BYTES);
const be32 = (value: number): Buffer => bytes(4, [0, Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])]);
const le64 = (value: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
};
const VERSION_3 = [4, be32(3)] as const;
const CAPACITY = [12, le64(2048)] as const;
const description = (text: string) => head([0, 'KDMV'], CAPACITY, [28, le64(1)], [512, text]);

describe('supported formats', () => {
  for (const [format, start, tail] of [
    ['qcow2', head([0, 'QFI\xfb'], VERSION_3), NO_TAIL],
    ['qcow', head([0, 'QFI\xfb'], [4, be32(1)]), NO_TAIL],
    ['qed', head([0, 'QED\0']), NO_TAIL],
    ['vmdk', description('# Disk DescriptorFile\nparentCID=ffffffff\nRDONLY 2048 SPARSE "x.vmdk"\n'), NO_TAIL],
    ['vhdx', head([0, 'vhdxfile']), NO_TAIL],
    ['vpc', head([0, 'conectix'], [60, be32(3)]), NO_TAIL],
    ['vpc', head([510, '\x55\xaa']), bytes(TAIL_BYTES, [0, 'conectix'], [60, be32(2)])],
    ['vdi', head([0x40, '\x7f\x10\xda\xbe']), NO_TAIL],
    ['parallels', head([0, 'WithouFreSpacExt']), NO_TAIL],
    ['raw', head([510, '\x55\xaa']), NO_TAIL],
  ] as const)
    test(`${format}${tail === NO_TAIL ? '' : ', fixed'}`, () => assert.equal(diskFormat(start, tail), format));

  test('all known formats are tested', () => assert.equal(FORMATS.length, 9));
});

describe('disks that are rejected', () => {
  for (const [name, start, message, tail = NO_TAIL] of [
    [
      'qcow2 over another',
      head([0, 'QFI\xfb'], VERSION_3, [8, '\0\0\0\0\0\0\x02\0']),
      /qcow2 disk has a backing file\. Import a standalone disk.*qemu-img convert/,
    ],
    ['qcow over another', head([0, 'QFI\xfb'], [4, be32(1)], [8, '\0\0\0\0\0\0\x02\0']), /backing file|parent disk/],
    ['qcow2 with its data elsewhere', head([0, 'QFI\xfb'], VERSION_3, [79, '\x04']), /keeps its data in another file/],
    ['qcow2 that is encrypted', head([0, 'QFI\xfb'], VERSION_3, [32, be32(2)]), /encrypted/],
    ['qcow2 that is cut off', Buffer.from('QFI\xfb', 'latin1'), /truncated/],
    ['qed over another', head([0, 'QED\0'], [16, '\x01']), /backing file|parent disk/],
    [
      'a description of a vmdk',
      head([0, '# Disk DescriptorFile\nRW 2048 FLAT "/etc/shadow" 0\n']),
      /description of other files/,
    ],
    ['a vmdk whose description names the files', head([0, 'KDMV'], [28, le64(1)]), /description of other files/],
    ['a vmdk over another', description('parentCID=deadbeef\n'), /backing file|parent disk/],
    [
      'a vmdk with a hint of one',
      description('parentCID=ffffffff\nparentFileNameHint="/etc/shadow"\n'),
      /backing file|parent disk/,
    ],
    ['a vhd over another', head([0, 'conectix'], [60, be32(4)]), /backing file|parent disk/],
    ['a fixed vhd over another', head(), /backing file|parent disk/, bytes(TAIL_BYTES, [0, 'conectix'], [60, be32(4)])],
    ['gzip', head([0, '\x1f\x8b']), /compressed by gzip.*gunzip/],
    ['xz', head([0, '\xfd7zXZ\0']), /compressed by xz.*unxz/],
    ['an OVA', head([257, 'ustar']), /OVA.*Unpack it first/],
    ['a ZIP archive', head([0, 'PK\x03\x04']), /ZIP/],
    ['LUKS', head([0, 'LUKS\xba\xbe']), /LUKS/],
    ['an installation medium, though it boots', head([510, '\x55\xaa'], [32769, 'CD001']), /installation medium/],
    ['text', bytes(6, [0, 'root:x']), /not a bootable disk.*no partition table/],
    ['nothing', Buffer.alloc(0), /not a bootable disk/],
  ] as const)
    test(name, () => assert.throws(() => diskFormat(start, tail), message));
});
