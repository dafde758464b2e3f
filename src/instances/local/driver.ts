/**
 * The instance contract for this host itself: `ingot toe run` runs documents here, as awstoe does. Not in the register
 * of drivers: images are never built on the host.
 */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HeldRecorder } from '../../platform/held.ts';
import {
  InstanceError,
  type Capabilities,
  type Driver,
  type Instance,
  type InstanceHandle,
  type LaunchRequest,
} from '../instance.ts';
import { readingSafely } from '../output.ts';
import { runHere } from './commands.ts';

const capabilities: Capabilities = {
  kernel: true,
  reboots: false,
  liveSnapshots: false,
  bootLoader: false,
  platform: 'Linux',
};
const GET_LIMIT = 16 * 1024 * 1024;

/** The driver. Of a launch it uses only the id and the directory, because there is no disk. */
export const localDriver: Driver = { name: 'local', capabilities, launch, attach, missing };

async function launch({ id, directory, held }: Pick<LaunchRequest, 'id' | 'directory' | 'held'>): Promise<Instance> {
  await held.record({ kind: 'path', path: directory });
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return localInstance(id, directory);
}

async function attach(handle: InstanceHandle, _held: HeldRecorder): Promise<Instance> {
  const directory = String(handle['directory']);
  if ((await stat(directory).catch(() => undefined)) === undefined)
    throw new InstanceError(`${handle.id} no longer exists`);
  return localInstance(handle.id, directory);
}

function localInstance(id: string, directory: string): Instance {
  const never = (what: string) => (): Promise<never> =>
    Promise.reject(new InstanceError(`this host itself is the instance, and ${what}`));
  const end = (): Promise<void> => rm(directory, { recursive: true, force: true });
  return {
    id,
    handle: { driver: 'local', id, directory },
    capabilities,
    run: (request) => readingSafely(request, (each) => runHere(directory, each)),
    open: never('has a shell of its own'),
    async put(path, content, mode = 0o644) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content, { mode });
    },
    async get(path) {
      const { size } = await stat(path);
      if (size > GET_LIMIT) throw new InstanceError(`${path} is larger than 16 MiB`);
      return readFile(path);
    },
    reboot: never('is not restarted by Ingot'),
    snapshot: never('has no disk that is a layer'),
    stop: async () => {},
    terminate: end,
    consoleTail: async () => [],
  };
}

async function missing(): Promise<readonly string[]> {
  return process.platform === 'linux' ? [] : ['Documents run on Linux hosts only.'];
}
