import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { managedImages } from '../../images/base/base-images.ts';
import { run } from '../../platform/processes.ts';
import { oneLine, type Check } from '../check.ts';
import { inWorkspace } from '../../instances/workspace.ts';

const MIB = 1024 ** 2;

export const baseImages: Check = {
  name: 'making base images',
  needed: true,
  root: true,
  packages: [
    'mmdebstrap',
    'debian-archive-keyring',
    'fdisk',
    'e2fsprogs',
    'dosfstools',
    'mtools',
    'qemu-utils',
    'gpgv',
  ],
  async run({ signal }) {
    const lacks = new Set(managedImages.flatMap((image) => image.missing()));
    if (lacks.size > 0) return { status: 'fail', detail: oneLine([...lacks].join('; ')) };
    await inWorkspace(({ files }) => tryMkfs(files, signal));
    const { stdout } = await run(['mmdebstrap', '--version'], { signal });
    return { status: 'ok', detail: `${stdout.trim()}: ${managedImages.map(({ name }) => name).join(', ')}` };
  },
};

/**
 * Older versions of mkfs.ext4 cannot fill a file system from a directory, or do not support an offset.
 * @throws {Error} with its output
 */
async function tryMkfs(folder: string, signal: AbortSignal): Promise<void> {
  const disk = join(folder, 'disk.raw');
  await mkdir(join(folder, 'tree'));
  await writeFile(join(folder, 'tree', 'it'), 'works');
  await writeFile(disk, '');
  await truncate(disk, 10 * MIB);
  await run(['mkfs.ext4', '-q', '-F', '-E', `offset=${MIB},nodiscard`, '-d', join(folder, 'tree'), disk, '8192k'], {
    signal,
  });
  const { stdout } = await run(['debugfs', '-R', 'cat /it', `${disk}?offset=${MIB}`], { signal });
  if (stdout !== 'works')
    throw new Error('mkfs.ext4 -d creates a file system without the given files: update e2fsprogs');
}
