/**
 * The header of a layer: which file it lies over. QEMU opens what a header names, so a layer that comes from elsewhere
 * may only name the layer below it. Format: QEMU's `docs/interop/qcow2.txt`.
 */
import { open } from 'node:fs/promises';

/** Longest header with its extensions and its backing name that is read. */
const HEAD_BYTES = 64 * 1024;
const EXTERNAL_DATA_FILE = 1n << 2n;
/** Compression type and extended L2 entries, and the dirty and corrupt marks. */
const KNOWN_FEATURES = 0b11011n;
const BACKING_FORMAT = 0xe2792aca;

interface LayerHeader {
  readonly backing: string | undefined;
  readonly backingFormat: string | undefined;
  readonly features: bigint;
  readonly encrypted: boolean;
}

/**
 * The name of the backing file as the header has it; `undefined` when there is none.
 * @throws {Error} if the file is not qcow2
 */
export async function backingName(path: string): Promise<string | undefined> {
  return (await readHeader(path)).backing;
}

/** Whether a qcow2 file is encrypted; false if it cannot be read. */
export async function isEncrypted(path: string): Promise<boolean> {
  return (await readHeader(path).catch(() => undefined))?.encrypted ?? false;
}

/**
 * What is wrong with the header of a layer that came from elsewhere.
 * @param below name of the layer that it has to lie over; `undefined` for none
 * @param wanted whether it has to be encrypted
 */
export async function layerHeaderFault(
  path: string,
  below: string | undefined,
  wanted = false,
): Promise<string | undefined> {
  const header = await readHeader(path).catch((error: Error) => error);
  if (header instanceof Error) return header.message;
  const { backing, backingFormat, features, encrypted } = header;
  if (backing !== below) return `it lies over '${backing ?? 'nothing'}' instead of '${below ?? 'nothing'}'`;
  if (below !== undefined && backingFormat !== 'qcow2') return 'it does not say that the layer below it is qcow2';
  if ((features & EXTERNAL_DATA_FILE) !== 0n) return 'it keeps its data in another file';
  if ((features & ~KNOWN_FEATURES) !== 0n) return 'it has features that layers do not have';
  if (encrypted === wanted) return undefined;
  return encrypted ? 'it is encrypted' : 'it is not encrypted';
}

async function readHeader(path: string): Promise<LayerHeader> {
  await using file = await open(path, 'r');
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
  if (bytesRead < 104 || head.toString('latin1', 0, 4) !== 'QFI\xfb' || head.readUInt32BE(4) !== 3)
    throw new Error('it is not a qcow2 file of version 3');
  const offset = head.readBigUInt64BE(8);
  const length = head.readUInt32BE(16);
  if (offset + BigInt(length) > BigInt(bytesRead)) throw new Error('the name of its backing file is out of place');
  const at = Number(offset);
  return {
    backing: at === 0 ? undefined : head.toString('utf8', at, at + length),
    backingFormat: extension(head.subarray(0, bytesRead), head.readUInt32BE(100), BACKING_FORMAT),
    features: head.readBigUInt64BE(72),
    encrypted: head.readUInt32BE(32) !== 0,
  };
}

function extension(head: Buffer, from: number, type: number): string | undefined {
  for (let at = from; at + 8 <= head.length; ) {
    const found = head.readUInt32BE(at);
    const length = head.readUInt32BE(at + 4);
    if (found === 0 || at + 8 + length > head.length) return undefined;
    if (found === type) return head.toString('utf8', at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}
