/** Virtual sizes of disks. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const GIB = 1 << 30;
const REMEMBERED = 4096;

/**
 * Makes a function that returns the sizes of a data directory's disks, in GiB, rounded up. A sealed disk never changes
 * its size, so each is read once.
 */
export function diskSizes(dataDirectory: string): (file: string) => Promise<number | undefined> {
  const known = new Map<string, number>();
  return async (file) => {
    const before = known.get(file);
    if (before !== undefined) return before;
    const bytes = await virtualBytes(join(dataDirectory, file));
    if (bytes === undefined) return undefined;
    if (known.size >= REMEMBERED) known.delete(known.keys().next().value!);
    const gib = Math.ceil(bytes / GIB);
    known.set(file, gib);
    return gib;
  };
}

/** The size in a qcow2 header; `undefined` if the file is gone or not qcow2. */
async function virtualBytes(path: string): Promise<number | undefined> {
  try {
    await using file = await open(path, 'r');
    const header = Buffer.alloc(32);
    const { bytesRead } = await file.read(header, 0, header.length, 0);
    return bytesRead === header.length && header.toString('latin1', 0, 4) === 'QFI\xfb'
      ? Number(header.readBigUInt64BE(24))
      : undefined;
  } catch {
    return undefined;
  }
}
