/**
 * Disks that look like a machine's from outside, a few megabytes each: what is done with disks is tested on them in a
 * moment.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { run } from '../../src/platform/processes.ts';

const SIZE = 8 * 1024 ** 2;

/**
 * A raw disk with a boot record and content of its own; a file of that format at `path`, with qemu-img's `options` of
 * the format. Returns its SHA-256.
 */
export async function makeSmallDisk(path: string, format = 'raw', options = ''): Promise<string> {
  const disk = Buffer.alloc(SIZE);
  randomBytes(SIZE / 4).copy(disk, SIZE / 2);
  disk[510] = 0x55;
  disk[511] = 0xaa;
  const raw = format === 'raw' ? path : `${path}.raw`;
  writeFileSync(raw, disk);
  if (format !== 'raw') {
    await run([
      'qemu-img',
      'convert',
      '-q',
      '-f',
      'raw',
      '-O',
      format,
      ...(options === '' ? [] : ['-o', options]),
      raw,
      path,
    ]);
    rmSync(raw);
  }
  return sha256Of(path);
}

/** In hexadecimal. */
export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
