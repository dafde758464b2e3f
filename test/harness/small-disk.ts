/** File systems of a few hundred megabytes for data directories: to be filled. */
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryRecorder, releaseAll } from '../../src/platform/held.ts';
import { run } from '../../src/platform/processes.ts';

/** Where small disks are. */
export interface SmallDisks {
  readonly folder: string;
  /** Makes one, mounts it, and returns the path of a data directory on it that is not there yet. */
  make(name: string, mebibytes: number): Promise<string>;
  /** Unmounts and removes all. */
  end(): Promise<void>;
}

/** A folder for small disks. */
export async function smallDisks(): Promise<SmallDisks> {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-test-full-'));
  const held = memoryRecorder('full-disk');
  // Shared, so that the unmounting below it reaches the mount namespaces of whatever else starts meanwhile.
  await held.record({ kind: 'mount', path: folder });
  await run(['mount', '--bind', folder, folder]);
  await run(['mount', '--make-shared', folder]);
  return {
    folder,
    async make(name, mebibytes) {
      const backing = join(folder, `${name}.ext4`);
      const point = join(folder, name);
      await mkdir(point);
      await writeFile(backing, '');
      await truncate(backing, mebibytes << 20);
      await run(['mkfs.ext4', '-q', '-m', '0', backing]);
      const id = await held.record({ kind: 'loop', backing });
      const { stdout } = await run(['losetup', '--show', '--find', backing]);
      await held.amend(id, { kind: 'loop', backing, device: stdout.trim() });
      await held.record({ kind: 'mount', path: point });
      await run(['mount', stdout.trim(), point]);
      return join(point, 'data');
    },
    async end() {
      await releaseAll(held);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
