/** A kernel for the KVM probe if the host has none: from a base image in the data directory. */
import { open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storageDaemonArguments } from '../images/attach.ts';
import { createOverlay } from '../images/disks.ts';
import { rootPartition } from '../images/partitions.ts';
import { until } from '../platform/clock.ts';
import { dataPath } from '../platform/data-layout.ts';
import { HELD_MARK, isMounted } from '../platform/held.ts';
import { patient } from '../platform/patience.ts';
import { isSameProcess, run, start } from '../platform/processes.ts';
import type { Workspace } from '../instances/workspace.ts';

/** A qcow2 layer of the data directory without a backing file, which is usually a base image. */
export async function flatLayer(dataDirectory: string): Promise<string | undefined> {
  const folder = dataPath(dataDirectory, 'layers');
  for (const name of (await readdir(folder).catch(() => [])).filter((each) => each.endsWith('.qcow2'))) {
    if (await isFlat(join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** Whether a file is qcow2 without a backing file, whose name the header has at byte 8. */
async function isFlat(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const header = Buffer.alloc(16);
      await file.read(header, 0, 16, 0);
      return header.toString('latin1', 0, 4) === 'QFI\xfb' && header.readBigUInt64BE(8) === 0n;
    } finally {
      await file.close();
    }
  } catch {
    return false; // Removed meanwhile, or irrelevant.
  }
}

/**
 * Copies the kernel out of a base image, without mounting it.
 * @returns the file, in the workspace; `undefined` if there is no image, or it has no kernel
 */
export async function kernelOfBaseImage(
  dataDirectory: string,
  { files, directory, held }: Workspace,
  signal: AbortSignal,
): Promise<string | undefined> {
  const base = await flatLayer(dataDirectory);
  if (base === undefined) return undefined;
  const overlay = join(files, 'overlay.qcow2');
  await createOverlay(base, overlay);
  const raw = join(directory, 'disk.raw');
  await writeFile(raw, '');
  await held.record({ kind: 'fuse', path: raw });
  const id = await held.record({ kind: 'process', what: 'qemu-storage-daemon' });
  const { pid, startTime } = await start(storageDaemonArguments(overlay, directory), {
    env: { [HELD_MARK]: id },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  await held.amend(id, { kind: 'process', what: 'qemu-storage-daemon', pid, startTime });
  await until(
    'the base image as a file',
    patient(10_000),
    async () => {
      if (!isSameProcess(pid, startTime)) throw new Error(`the base image ${base} cannot be opened`);
      return isMounted(raw) && (await stat(raw)).size > 0 ? true : undefined;
    },
    { signal },
  );
  const device = `${raw}?offset=${(await rootPartition(raw)).offset}`;
  const { stdout } = await run(['debugfs', '-R', 'ls -p /boot', device], { signal });
  const name = kernelName(stdout);
  if (name === undefined) return undefined;
  const kernel = join(files, 'vmlinuz');
  await run(['debugfs', '-R', `dump /boot/${name} ${kernel}`, device], { signal });
  return (await stat(kernel)).size > 0 ? kernel : undefined;
}

/**
 * The first kernel in a directory. Pure.
 * @param listing output of `debugfs`: `/323/100644/0/0/vmlinuz-6.1.0-56-cloud-amd64/14186432/`
 */
export function kernelName(listing: string): string | undefined {
  return /^\/\d+\/100\d+\/\d+\/\d+\/(vmlinuz-[\w.+~-]+)\/\d+\/$/m.exec(listing)?.[1];
}
