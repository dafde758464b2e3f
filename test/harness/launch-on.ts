/** One instance on a fresh overlay of a base disk, for a test file that uses instances rather than tests drivers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOverlay } from '../../src/images/disks.ts';
import type { Instance } from '../../src/instances/instance.ts';
import { drivers } from '../../src/instances/drivers.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { RUN_DIRECTORY } from '../../src/platform/host.ts';
import { newInstanceId } from '../../src/platform/ids.ts';
import { assertNothingLeft, hostState } from './host-state.ts';

/** An instance, and what ends it and removes its disk; fails when the host is not as it was before. */
export interface Launched {
  readonly instance: Instance;
  readonly end: () => Promise<void>;
}

/**
 * Launches an instance.
 * @param base the disk that it lies over
 * @param firmware of a virtual machine; default `bios`
 */
export async function launchOn(
  driverName: 'nspawn' | 'qemu',
  base: string,
  firmware?: 'bios' | 'uefi',
): Promise<Launched> {
  const before = await hostState();
  const folder = await mkdtemp(join(tmpdir(), 'ingot-instance-'));
  const id = newInstanceId();
  const disk = join(folder, 'disk.qcow2');
  try {
    await createOverlay(base, disk);
    const instance = await drivers[driverName]!.launch({
      id,
      disk,
      cpus: 2,
      memoryMiB: 1024,
      directory: `${RUN_DIRECTORY}/${id}`,
      allocationOwner: { dataDirectory: folder, owner: id },
      held: memoryRecorder(id),
      ...(firmware === undefined ? {} : { firmware }),
    });
    const end = async (): Promise<void> => {
      await instance.terminate().finally(() => rm(folder, { recursive: true, force: true }));
      await assertNothingLeft(before, folder);
    };
    return { instance, end };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
