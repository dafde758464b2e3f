/** The files of a directory with their sizes. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One file or directory. */
export interface FoundFile {
  /** Relative to the requested directory, which itself is `''`. */
  readonly path: string;
  /** Bytes on the disk. A hard-linked file counts once, under the first name found, as in `du`. */
  readonly bytes: number;
}

/** Everything below a directory, itself included. Files that vanish meanwhile are left out. */
export async function filesBelow(folder: string): Promise<readonly FoundFile[]> {
  const found: FoundFile[] = [];
  const seen = new Set<string>();
  async function visit(path: string): Promise<void> {
    const stats = await lstat(join(folder, path)).catch(() => undefined);
    if (stats === undefined) return;
    const file = `${stats.dev}:${stats.ino}`;
    if (stats.nlink > 1 && !stats.isDirectory()) {
      if (seen.has(file)) return;
      seen.add(file);
    }
    found.push({ path, bytes: stats.blocks * 512 });
    if (!stats.isDirectory()) return;
    for (const name of (await readdir(join(folder, path)).catch(() => [])).sort()) await visit(join(path, name));
  }
  await visit('');
  return found;
}
