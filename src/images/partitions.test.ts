import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  chooseRoot,
  fileSystemType,
  partitionTypes,
  PartitionError,
  readPartitions,
  type ReadAt,
} from './partitions.ts';

interface Entry {
  readonly type: string;
  readonly first: number;
  readonly last: number;
  readonly name?: string;
}

/** A disk with a GPT of these entries, written according to the UEFI specification. */
function disk(entries: readonly (Entry | undefined)[], change?: (image: Buffer) => void): ReadAt {
  const image = Buffer.alloc(34 * 512 + 128 * 1024);
  entries.forEach((entry, index) => {
    if (entry === undefined) return;
    const at = 1024 + index * 128;
    const [a, b, c, d, e] = entry.type.split('-') as [string, string, string, string, string];
    for (const [text, to] of [
      [a, 0],
      [b, 4],
      [c, 6],
    ] as const)
      Buffer.from(text, 'hex')
        .reverse()
        .copy(image, at + to);
    Buffer.from(d + e, 'hex').copy(image, at + 8);
    image.writeBigUInt64LE(BigInt(entry.first), at + 32);
    image.writeBigUInt64LE(BigInt(entry.last), at + 40);
    image.write(entry.name ?? '', at + 56, 'utf16le');
  });
  image.write('EFI PART', 512, 'latin1');
  image.writeUInt32LE(92, 512 + 12);
  image.writeBigUInt64LE(2n, 512 + 72);
  image.writeUInt32LE(128, 512 + 80);
  image.writeUInt32LE(128, 512 + 84);
  image.writeUInt32LE(crc32(image.subarray(1024, 1024 + 128 * 128)), 512 + 88);
  image.writeUInt32LE(crc32(image.subarray(512, 512 + 92)), 512 + 16);
  change?.(image);
  return async (offset, length) => image.subarray(offset, offset + length);
}

const efi = { type: partitionTypes.efiSystem, first: 4096, last: 8191, name: 'EFI' };
const data = { type: partitionTypes.linuxData, first: 8192, last: 99_999 };
const root = { type: partitionTypes.linuxRootX8664, first: 100_000, last: 100_999, name: 'root' };

test('partitions have number, offset, size and name', async () => {
  const partitions = await readPartitions(disk([efi, undefined, root]));
  assert.deepEqual(
    partitions.map(({ number, offset, size, name }) => ({ number, offset, size, name })),
    [
      { number: 1, offset: 4096 * 512, size: 4096 * 512, name: 'EFI' },
      { number: 3, offset: 100_000 * 512, size: 1000 * 512, name: 'root' },
    ],
  );
});

for (const { what, entries, number } of [
  {
    what: 'a partition typed as root goes before a larger one with generic data',
    entries: [efi, data, root],
    number: 3,
  },
  { what: 'generic data serves where none is typed as root', entries: [efi, data], number: 2 },
  { what: 'of several the largest', entries: [{ ...data, last: 9000 }, data], number: 2 },
  { what: 'none', entries: [efi], number: undefined },
]) {
  test(`root: ${what}`, async () => {
    assert.equal(chooseRoot(await readPartitions(disk(entries)))?.number, number);
  });
}

for (const { what, change, message } of [
  { what: 'no table', change: (image: Buffer) => image.fill(0, 512, 520), message: /no GPT/ },
  {
    what: 'a changed header',
    change: (image: Buffer) => image.writeUInt8(7, 512 + 60),
    message: /checksum of the GPT header/,
  },
  {
    what: 'a changed entry',
    change: (image: Buffer) => image.writeUInt8(7, 1024 + 33),
    message: /checksum of the GPT entries/,
  },
  {
    what: 'a count that would take all memory',
    change: (image: Buffer) => {
      image.writeUInt32LE(0xffffffff, 512 + 80);
      image.writeUInt32LE(0, 512 + 16);
      image.writeUInt32LE(crc32(image.subarray(512, 604)), 512 + 16);
    },
    message: /claims 4294967295 entries/,
  },
]) {
  test(`rejected: ${what}`, async () => {
    await assert.rejects(
      readPartitions(disk([root], change)),
      (error: Error) => error instanceof PartitionError && message.test(error.message),
    );
  });
}

test('rejected: a partition that ends before it begins, a disk that is too short', async () => {
  await assert.rejects(readPartitions(disk([{ ...root, last: 99_000 }])), /ends before it begins/);
  await assert.rejects(
    readPartitions(async () => Buffer.alloc(10)),
    /no GPT/,
  );
});

test('file systems are recognized by their magic', async () => {
  const image = Buffer.alloc(1 << 17);
  const read: ReadAt = async (offset, length) => image.subarray(offset, offset + length);
  assert.equal(await fileSystemType(read, 0), undefined);
  image.write('_BHRfS_M', 0x10040, 'latin1');
  assert.equal(await fileSystemType(read, 0), 'btrfs');
  image.write('XFSB', 0, 'latin1');
  assert.equal(await fileSystemType(read, 0), 'xfs');
  image.writeUInt16LE(0xef53, 0x438);
  assert.equal(await fileSystemType(read, 0), 'ext4');
});
