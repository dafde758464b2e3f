/** A small disk in the format of Ingot's: a host that can attach it can attach a base image. */
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { partitionTypes } from '../images/partitions.ts';
import { run } from '../platform/processes.ts';

const MIB = 1024 ** 2;
const DISK_MIB = 48;
const ROOT_MIB = DISK_MIB - 2;

/**
 * Makes a qcow2 disk whose ext4 root has a file `it` with the content `works`, and what a container needs to run the
 * host's programs.
 * @returns its path
 */
export async function makeSmallDisk(folder: string, signal: AbortSignal): Promise<string> {
  const tree = join(folder, 'tree');
  for (const name of ['usr', 'proc', 'sys', 'dev', 'run', 'tmp', 'etc'])
    await mkdir(join(tree, name), { recursive: true });
  // The host's /usr is bind-mounted; without these links its programs find neither their loader nor their libraries.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(tree, name));
  await writeFile(join(tree, 'it'), 'works');
  const raw = join(folder, 'disk.raw');
  const disk = join(folder, 'disk.qcow2');
  await writeFile(raw, '');
  await truncate(raw, DISK_MIB * MIB);
  await run(['sfdisk', '--quiet', '--no-reread', raw], {
    signal,
    input: `label: gpt\nstart=2048, size=${ROOT_MIB * 2048}, type=${partitionTypes.linuxRootX8664}\n`,
  });
  await run(['mkfs.ext4', '-q', '-F', '-E', `offset=${MIB},nodiscard`, '-d', tree, raw, `${ROOT_MIB * 1024}k`], {
    signal,
  });
  await run(['qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, disk], { signal });
  return disk;
}
