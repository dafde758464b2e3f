/** Whether container images can be built: buildah in separate namespaces, on a separate disk. */
import { isContainerInstance } from '../../instances/buildah/driver.ts';
import { driverNamed } from '../../instances/launch.ts';
import { inWorkspace, type Workspace } from '../../instances/workspace.ts';
import { newInstanceId } from '../../platform/ids.ts';
import { oneLine, type Check } from '../check.ts';
import { makeSmallDisk } from '../small-disk.ts';

export const containerBuilds: Check = {
  name: 'container builds',
  needed: false,
  packages: ['buildah', 'crun', 'skopeo', 'docker-registry'],
  root: true,
  seconds: 40,
  async run({ signal }) {
    const lacks = await driverNamed('buildah').missing();
    if (lacks.length > 0)
      return {
        status: 'warn',
        detail: oneLine(`${lacks.join(' ')} Until then no container images can be built.`),
      };
    try {
      const version = await inWorkspace((workspace) => tryBuildah(workspace, signal));
      return { status: 'ok', detail: `buildah ${version} ran in namespaces of its own, with overlays for its layers` };
    } catch (error) {
      signal.throwIfAborted();
      return {
        status: 'fail',
        detail: oneLine(`buildah could not run (no container images can be built): ${(error as Error).message}`),
      };
    }
  },
};

async function tryBuildah({ files, directory, held, owner }: Workspace, signal: AbortSignal): Promise<string> {
  const instance = await driverNamed('buildah').launch({
    id: newInstanceId(),
    disk: await makeSmallDisk(files, signal),
    cpus: 1,
    memoryMiB: 256,
    directory,
    allocationOwner: owner,
    held,
    signal,
  });
  if (!isContainerInstance(instance)) throw new TypeError('the driver of container images makes no containers');
  let said = '';
  const { exitCode } = await instance.beside({
    argv: ['buildah', 'info', '--format', '{{.store.GraphDriverName}}'],
    timeoutSeconds: 30,
    signal,
    onOutput: (_, chunk) => {
      said = `${said}${chunk.toString('utf8')}`.slice(-1000);
    },
  });
  if (exitCode !== 0 || said.trim() !== 'overlay') throw new Error(said.trim() || `it ended with ${exitCode}`);
  let version = '';
  await instance.beside({
    argv: ['buildah', '--version'],
    timeoutSeconds: 30,
    signal,
    onOutput: (_, chunk) => {
      version = `${version}${chunk.toString('utf8')}`.slice(0, 200);
    },
  });
  return /version (\S+)/.exec(version)?.[1] ?? '';
}
