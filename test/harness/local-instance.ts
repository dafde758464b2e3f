/**
 * This host as an instance, by the product's own driver, below a temporary folder. Its restart only gives a new boot
 * id. For fast tests of what uses instances; what a machine does is tested on the drivers.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instance } from '../../src/instances/instance.ts';
import { localDriver } from '../../src/instances/local/driver.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { newInstanceId, newUuid } from '../../src/platform/ids.ts';

/** An instance that is this host, and the folder that is thrown away with it. */
export interface LocalInstance extends Instance {
  readonly directory: string;
  /** How often it was restarted. */
  readonly reboots: number;
}

/** Makes one. `terminate` removes its folder. */
export async function localInstance(): Promise<LocalInstance> {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-local-'));
  const id = newInstanceId();
  const instance = await localDriver.launch({
    id,
    directory,
    held: memoryRecorder(id),
    disk: '',
    cpus: 1,
    memoryMiB: 1,
    allocationOwner: { dataDirectory: directory, owner: id },
  });
  let reboots = 0;
  return {
    ...instance,
    directory,
    get reboots() {
      return reboots;
    },
    capabilities: { ...instance.capabilities, reboots: true },
    async reboot() {
      reboots++;
      return newUuid();
    },
  };
}
