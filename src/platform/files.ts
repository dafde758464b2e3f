/** Writes files completely or not at all. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file so that a reader (or a crash) sees either the old content or the new.
 * @param mode permission bits, independent of the umask (default: 0644)
 */
export async function writeFileAtomic(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.partial-${process.pid}`;
  try {
    const file = await open(partial, 'w', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Makes a rename or a new name in a directory survive a crash. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Makes the content of a file survive a crash. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

const HASHED_AT_ONCE = 1 << 20;

/** SHA-256 of a file's content, in hexadecimal. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    // Two buffers alternate: one is hashed while the other is filled.
    let [filled, spare] = [Buffer.allocUnsafeSlow(HASHED_AT_ONCE), Buffer.allocUnsafeSlow(HASHED_AT_ONCE)];
    for (let reading = file.read(filled, 0, filled.length, null); ; ) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return hash.digest('hex');
      reading = file.read(spare, 0, spare.length, null);
      hash.update(filled.subarray(0, bytesRead));
      [filled, spare] = [spare, filled];
    }
  } finally {
    await file.close();
  }
}

/** The path of a program on PATH (or in an sbin directory), or `undefined`. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders) if (folder && existsSync(`${folder}/${name}`)) return `${folder}/${name}`;
  return undefined;
}
