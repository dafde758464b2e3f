/**
 * Encrypted disks: qcow2 files whose clusters are encrypted (LUKS), over files that are not. QEMU opens each file of
 * such a chain with its secret, so the block nodes name all of them; the plain ones below come by their headers.
 */
import { closeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { DataKey } from '../keys/data-key.ts';
import { LUKS_HEADER_BYTES, luksHeader } from './luks-header.ts';

/** The encrypted files of a chain, top first, each with its key. The files below them are plain. */
export interface EncryptedChain {
  readonly files: readonly { readonly path: string; readonly key: DataKey }[];
}

/** As `OVERLAY_FORMAT` of `disks.ts` has it: clusters of 128 KiB with subclusters. */
const CLUSTER_BITS = 17;
const CLUSTER = 1 << CLUSTER_BITS;
const EXTENDED_L2 = 1n << 4n;
const LUKS = 2;
const ENTRY = 8;
/** Bytes of the disk that one L2 table covers: its entries have 16 bytes. */
const COVERED = (CLUSTER / 16) * CLUSTER;
const BACKING_FORMAT = 0xe2792aca;
const CRYPTO_HEADER = 0x0537be77;
const HEADER_BYTES = 104;
/** Clusters: header, table of reference counts, their block, L1 table, LUKS header. */
const L1_CLUSTER = 3;
const LUKS_CLUSTER = 4;
const CLUSTERS = LUKS_CLUSTER + Math.ceil(LUKS_HEADER_BYTES / CLUSTER);

/**
 * Creates an empty encrypted qcow2 file. Format: QEMU's `docs/interop/qcow2.txt`, version 3.
 * @param backing the disk below it; `undefined` for none. Its name is relative if both are in one directory.
 * @param sizeBytes virtual size
 */
export async function createEncrypted(
  path: string,
  key: DataKey,
  sizeBytes: number,
  backing: string | undefined,
): Promise<void> {
  const name = backing === undefined ? '' : dirname(backing) === dirname(path) ? basename(backing) : backing;
  const l1Entries = Math.max(1, Math.ceil(sizeBytes / COVERED));
  if (l1Entries > CLUSTER / ENTRY) throw new Error(`a disk of ${sizeBytes} bytes is too large`);
  const head = Buffer.alloc(CLUSTER);
  const extensions = Buffer.concat([
    ...(backing === undefined ? [] : [extension(BACKING_FORMAT, Buffer.from('qcow2'))]),
    extension(CRYPTO_HEADER, Buffer.concat([u64(LUKS_CLUSTER * CLUSTER), u64(LUKS_HEADER_BYTES)])),
    Buffer.alloc(8),
  ]);
  head.write('QFI\xfb', 0, 'latin1');
  head.writeUInt32BE(3, 4);
  if (backing !== undefined) {
    head.writeBigUInt64BE(BigInt(HEADER_BYTES + extensions.length), 8);
    head.writeUInt32BE(Buffer.byteLength(name), 16);
  }
  head.writeUInt32BE(CLUSTER_BITS, 20);
  head.writeBigUInt64BE(BigInt(sizeBytes), 24);
  head.writeUInt32BE(LUKS, 32);
  head.writeUInt32BE(l1Entries, 36);
  head.writeBigUInt64BE(BigInt(L1_CLUSTER * CLUSTER), 40);
  head.writeBigUInt64BE(BigInt(CLUSTER), 48);
  head.writeUInt32BE(1, 56);
  head.writeBigUInt64BE(EXTENDED_L2, 72);
  head.writeUInt32BE(4, 96);
  head.writeUInt32BE(HEADER_BYTES, 100);
  extensions.copy(head, HEADER_BYTES);
  head.write(name, HEADER_BYTES + extensions.length);
  const counts = Buffer.alloc(2 * CLUSTERS);
  for (let cluster = 0; cluster < CLUSTERS; cluster++) counts.writeUInt16BE(1, 2 * cluster);

  await using file = await open(path, 'wx', 0o600);
  await file.write(head, 0, head.length, 0);
  await file.write(u64(2 * CLUSTER), 0, ENTRY, CLUSTER);
  await file.write(counts, 0, counts.length, 2 * CLUSTER);
  const luks = luksHeader(key.reveal());
  await file.write(luks, 0, luks.length, LUKS_CLUSTER * CLUSTER);
  await file.truncate(CLUSTERS * CLUSTER);
}

function extension(type: number, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(type, 0);
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content, Buffer.alloc((8 - (content.length % 8)) % 8)]);
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/**
 * What a block node of QEMU needs beside the driver to open the file at a place of an encrypted chain, and all below.
 * @param index of the file; nothing is added below the last one
 */
export function encryptedMembers(chain: EncryptedChain | undefined, index = 0): object {
  const file = chain?.files[index];
  if (file === undefined) return {};
  const below = chain!.files[index + 1];
  return {
    encrypt: { format: 'luks', 'key-secret': file.key.id },
    ...(below === undefined
      ? {}
      : {
          backing: {
            driver: 'qcow2',
            'read-only': true,
            file: { driver: 'file', filename: below.path, 'read-only': true },
            ...encryptedMembers(chain, index + 1),
          },
        }),
  };
}

/** An encrypted chain for reading, as a file name of QEMU. */
export function encryptedName(chain: EncryptedChain): string {
  return `json:${JSON.stringify({
    driver: 'qcow2',
    file: { driver: 'file', filename: chain.files[0]!.path },
    ...encryptedMembers(chain),
  })}`;
}

/**
 * Secrets of keys for a program of QEMU: files in memory without a name that it inherits. Close them once it has
 * started.
 */
export class QemuSecrets {
  /** Descriptors for the child, in order, from `first` on. */
  readonly descriptors: readonly number[];
  /** Options that define the secrets. */
  readonly options: readonly string[];

  /**
   * @param option `--object`, or `-object`
   * @param first the child's number of the first descriptor
   */
  constructor(keys: readonly DataKey[], option: '--object' | '-object', first = 3) {
    const each = [...new Map(keys.map((key) => [key.id, key])).values()];
    this.descriptors = each.map((key) => key.openFile());
    this.options = each.flatMap(({ id }, index) => [option, `secret,id=${id},file=/dev/fd/${first + index}`]);
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.descriptors) closeSync(descriptor);
  }
}

/** Keys of a chain. */
export function keysOf(chain: EncryptedChain | undefined): readonly DataKey[] {
  return chain?.files.map(({ key }) => key) ?? [];
}
