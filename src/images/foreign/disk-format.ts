/**
 * Detects the format of an untrusted disk from its first and last bytes, before any program opens it. A header may name
 * other files (a backing file, a data file), and a program that follows it would read or write any file of this host:
 * such disks are rejected here. Pure.
 */

/** Supported formats, by qemu-img's names. */
export const FORMATS = ['qcow2', 'qcow', 'qed', 'vmdk', 'vpc', 'vhdx', 'vdi', 'parallels', 'raw'] as const;
/** One of the supported formats. */
export type DiskFormat = (typeof FORMATS)[number];

/** A disk is rejected: why, and what to do. */
export class ForeignDiskError extends Error {
  override readonly name = 'ForeignDiskError';
}

/** Number of bytes at the start that `diskFormat` needs. */
export const HEAD_BYTES = 64 * 1024;
/** Number of bytes at the end. */
export const TAIL_BYTES = 512;

const SECTOR = 512;
const ALONE = 'Import a standalone disk. Convert it to one file: qemu-img convert -O qcow2 DISK ' + 'disk.qcow2';

/** Files that are not disks, by their first bytes, with advice. */
const OTHERS: readonly (readonly [offset: number, magic: string, what: string, remedy: string])[] = [
  [0, '\x1f\x8b', 'compressed by gzip', 'Unpack it first: gunzip'],
  [0, '\xfd7zXZ\0', 'compressed by xz', 'Unpack it first: unxz'],
  [0, '\x28\xb5\x2f\xfd', 'compressed by zstd', 'Unpack it first: unzstd'],
  [0, 'BZh', 'compressed by bzip2', 'Unpack it first: bunzip2'],
  [0, 'PK\x03\x04', 'a ZIP archive', 'Unpack it first, and import the disk in it'],
  [257, 'ustar', 'a tar archive (an OVA is one)', 'Unpack it first (tar -xf), and import the disk in it'],
  [0, 'LUKS\xba\xbe', 'encrypted (LUKS)', 'Decrypt it first'],
  [32769, 'CD001', 'an installation medium (ISO 9660)', 'Import the disk of a system that was installed from it'],
];

/**
 * The format of a disk.
 * @param head the first `HEAD_BYTES`, or the whole file
 * @param tail the last `TAIL_BYTES`
 * @throws {ForeignDiskError} if the file is not a disk, or not standalone
 */
export function diskFormat(head: Buffer, tail: Buffer): DiskFormat {
  const starts = (magic: string, offset = 0): boolean =>
    head.toString('latin1', offset, offset + magic.length) === magic;
  if (starts('QFI\xfb')) return qcow(head);
  if (starts('QED\0')) {
    if (head.length < 64 || (head.readBigUInt64LE(16) & 1n) !== 0n)
      throw new ForeignDiskError(`This qed disk has a backing file. ${ALONE}`);
    return 'qed';
  }
  if (starts('KDMV')) return vmdk(head);
  if (starts('# Disk Desc') || starts('COWD'))
    throw new ForeignDiskError(`This vmdk disk is a description of other files, or one of several parts. ${ALONE}`);
  if (starts('vhdxfile')) return 'vhdx';
  if (starts('conectix')) return vpc(head);
  if (tail.length === TAIL_BYTES && tail.toString('latin1', 0, 8) === 'conectix') return vpc(tail);
  if (head.length >= 0x44 && head.readUInt32LE(0x40) === 0xbeda107f) return 'vdi';
  if (starts('WithoutFreeSpace') || starts('WithouFreSpacExt')) return 'parallels';
  const other = OTHERS.find(([offset, magic]) => starts(magic, offset));
  if (other !== undefined) throw new ForeignDiskError(`The file is ${other[2]}, not a disk. ${other[3]}.`);
  if (isBootRecord(head)) return 'raw';
  throw new ForeignDiskError(
    'The file is not a bootable disk: its format is not one of ' +
      `${FORMATS.filter((name) => name !== 'raw').join(', ')}, and as a raw disk it has no boot record (no partition ` +
      'table).',
  );
}

/** Whether a disk begins with a boot record: an MBR partition table, or the protective one before a GPT. */
export function isBootRecord(sector: Buffer): boolean {
  return sector.length >= SECTOR && sector[510] === 0x55 && sector[511] === 0xaa;
}

const EXTERNAL_DATA_FILE = 0x4n;

function qcow(head: Buffer): DiskFormat {
  if (head.length < 104) throw new ForeignDiskError('This qcow2 disk is truncated in its header.');
  const version = head.readUInt32BE(4);
  if (head.readBigUInt64BE(8) !== 0n) throw new ForeignDiskError(`This qcow2 disk has a backing file. ${ALONE}`);
  const crypt = version === 1 ? head.readUInt32BE(36) : head.readUInt32BE(32);
  if (crypt !== 0) throw new ForeignDiskError('This qcow2 disk is encrypted. Decrypt it first.');
  if (version >= 3 && (head.readBigUInt64BE(72) & EXTERNAL_DATA_FILE) !== 0n)
    throw new ForeignDiskError(`This qcow2 disk keeps its data in another file. ${ALONE}`);
  return version === 1 ? 'qcow' : 'qcow2';
}

function vmdk(head: Buffer): DiskFormat {
  if (head.length < SECTOR) throw new ForeignDiskError('This vmdk disk is truncated in its header.');
  // A disk's description without a capacity names the files that have the data.
  if (head.readBigUInt64LE(12) === 0n)
    throw new ForeignDiskError(`This vmdk disk is a description of other files. ${ALONE}`);
  const start = Number(head.readBigUInt64LE(28)) * SECTOR;
  const description = start > 0 && start < head.length ? head.toString('latin1', start) : '';
  const parent = /^parentCID\s*=\s*([0-9a-fA-F]+)/m.exec(description)?.[1];
  if ((parent !== undefined && parent.toLowerCase() !== 'ffffffff') || /^parentFileNameHint/m.test(description))
    throw new ForeignDiskError(`This vmdk disk has a backing file. ${ALONE}`);
  return 'vmdk';
}

const DIFFERENCING = 4;

function vpc(header: Buffer): DiskFormat {
  if (header.length >= 64 && header.readUInt32BE(60) === DIFFERENCING)
    throw new ForeignDiskError(`This vhd disk has a parent disk. ${ALONE}`);
  return 'vpc';
}
