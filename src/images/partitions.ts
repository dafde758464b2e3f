/**
 * Finds the root file system of a disk in its GPT. Drivers map partitions by offset, because a loop device has no
 * partition nodes without udev. Disks are untrusted: every number is checked before use.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** One partition of a GPT. */
export interface Partition {
  /** 1-based, as in `/dev/sda1`. */
  readonly number: number;
  /** Partition type GUID, lower case. */
  readonly type: string;
  /** The partition's own GUID, lower case. */
  readonly guid: string;
  readonly name: string;
  /** Offset from the start of the disk, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
}

/** Known file systems. */
export type FileSystemType = 'ext4' | 'xfs' | 'btrfs' | 'vfat';

/** The partition of `/`, and its file system. */
export interface RootPartition extends Partition {
  /** Absent if it is unknown (LVM, LUKS, …). */
  readonly fsType?: FileSystemType;
}

/** Reads `length` bytes at `offset`; fewer only at the end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** The partitions cannot be read, or none is a Linux root. */
export class PartitionError extends Error {
  override readonly name = 'PartitionError';
}

/** Type GUIDs of the Discoverable Partitions Specification. */
export const partitionTypes = {
  linuxRootX8664: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  linuxRootArm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  linuxData: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  efiSystem: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
} as const;

const SECTOR = 512;
const MAX_ENTRIES = 1024;

/**
 * Reads all partitions of a disk from its primary GPT, in the order of their numbers.
 * @param read reads the virtual disk (raw, not qcow2)
 * @throws {PartitionError} without a GPT, or if its checksums do not match
 */
export async function readPartitions(read: ReadAt): Promise<readonly Partition[]> {
  const header = await read(SECTOR, SECTOR);
  if (header.length < SECTOR || header.toString('latin1', 0, 8) !== 'EFI PART')
    throw new PartitionError('the disk has no GPT partition table');
  const headerSize = header.readUInt32LE(12);
  if (headerSize < 92 || headerSize > SECTOR)
    throw new PartitionError(`the GPT header claims a size of ${headerSize} bytes`);
  const summed = Buffer.from(header.subarray(0, headerSize));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16))
    throw new PartitionError('the checksum of the GPT header does not match');

  const count = header.readUInt32LE(80);
  const entrySize = header.readUInt32LE(84);
  if (count > MAX_ENTRIES || entrySize < 128 || entrySize > 4096)
    throw new PartitionError(`the GPT claims ${count} entries of ${entrySize} bytes`);
  const entries = await read(bytes(header, 72), count * entrySize);
  if (entries.length < count * entrySize || crc32(entries) !== header.readUInt32LE(88))
    throw new PartitionError('the checksum of the GPT entries does not match');

  const partitions: Partition[] = [];
  for (let index = 0; index < count; index++) {
    const entry = entries.subarray(index * entrySize, (index + 1) * entrySize);
    const type = guid(entry, 0);
    if (type === '00000000-0000-0000-0000-000000000000') continue;
    const offset = bytes(entry, 32);
    const size = bytes(entry, 40) + SECTOR - offset;
    if (size <= 0) throw new PartitionError(`partition ${index + 1} ends before it begins`);
    partitions.push({
      number: index + 1,
      type,
      guid: guid(entry, 16),
      name: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
      offset,
      size,
    });
  }
  return partitions;
}

/**
 * The root partition: one with a root type, otherwise generic Linux data; the largest of several.
 * @param architecture of the disk's machine
 */
export function chooseRoot(
  partitions: readonly Partition[],
  architecture: 'x86_64' | 'arm64' = 'x86_64',
): Partition | undefined {
  const rootType = architecture === 'arm64' ? partitionTypes.linuxRootArm64 : partitionTypes.linuxRootX8664;
  for (const type of [rootType, partitionTypes.linuxData]) {
    const [largest] = partitions.filter((partition) => partition.type === type).toSorted((a, b) => b.size - a.size);
    if (largest !== undefined) return largest;
  }
  return undefined;
}

/** Detects a file system by its magic number; `undefined` for an unknown one. */
export async function fileSystemType(read: ReadAt, offset: number): Promise<FileSystemType | undefined> {
  const start = await read(offset, 4096);
  if (start.length === 4096 && start.readUInt16LE(0x438) === 0xef53) return 'ext4';
  if (start.toString('latin1', 0, 4) === 'XFSB') return 'xfs';
  if (start.toString('latin1', 0x52, 0x57) === 'FAT32' || start.toString('latin1', 0x36, 0x39) === 'FAT') return 'vfat';
  if ((await read(offset + 0x10040, 8)).toString('latin1') === '_BHRfS_M') return 'btrfs';
  return undefined;
}

/**
 * The root partition of a raw disk: a file, an exported layer, a block device.
 * @param path raw, not qcow2
 * @throws {PartitionError} without a GPT, or without a Linux root in it
 */
export async function rootPartition(path: string, architecture: 'x86_64' | 'arm64' = 'x86_64'): Promise<RootPartition> {
  return withReader(path, async (read) => {
    const partitions = await readPartitions(read);
    const root = chooseRoot(partitions, architecture);
    if (root === undefined)
      throw new PartitionError('the disk has no Linux root partition (neither by its type nor as generic Linux data)');
    const fsType = await fileSystemType(read, root.offset);
    return fsType === undefined ? root : { ...root, fsType };
  });
}

/** Opens a raw disk for reading while `work` runs. */
export async function withReader<T>(path: string, work: (read: ReadAt) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await work(async (offset, length) => {
      const buffer = Buffer.alloc(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    });
  } finally {
    await file.close();
  }
}

/** Reads a sector number at `at` as bytes. */
function bytes(buffer: Buffer, at: number): number {
  const sector = buffer.readBigUInt64LE(at);
  if (sector > BigInt(Number.MAX_SAFE_INTEGER) / BigInt(SECTOR))
    throw new PartitionError(`the GPT names sector ${sector}, beyond any disk`);
  return Number(sector) * SECTOR;
}

/** A GUID at `at`: its first three fields are little-endian. */
function guid(buffer: Buffer, at: number): string {
  const hex = (from: number, to: number): string => buffer.toString('hex', at + from, at + to);
  const reversed = (from: number, to: number): string =>
    Buffer.from(buffer.subarray(at + from, at + to))
      .reverse()
      .toString('hex');
  return `${reversed(0, 4)}-${reversed(4, 6)}-${reversed(6, 8)}-${hex(8, 10)}-${hex(10, 16)}`;
}
