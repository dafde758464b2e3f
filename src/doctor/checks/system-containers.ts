import { readScript } from '../../platform/scripts.ts';
import { attachDisk } from '../../images/attach.ts';
import { drivers } from '../../instances/drivers.ts';
import { inCgroups, NSPAWN_ENVIRONMENT } from '../../instances/nspawn/arguments.ts';
import { hostCgroups, makeCgroups } from '../../instances/nspawn/cgroups.ts';
import { HELD_MARK } from '../../platform/held.ts';
import { UIDS_OF_A_CONTAINER } from '../../platform/host.ts';
import { patient } from '../../platform/patience.ts';
import { ProcessError, run } from '../../platform/processes.ts';
import { oneLine, type Check } from '../check.ts';
import { makeSmallDisk } from '../small-disk.ts';
import { inWorkspace, type Workspace } from '../../instances/workspace.ts';

const CONTAINER_VIEW = readScript(import.meta.url, 'container-view.sh');
const INSTEAD = 'builds run in virtual machines, which are slower';

export const systemContainers: Check = {
  name: 'system containers',
  needed: false,
  packages: ['systemd-container', 'slirp4netns', 'perl-base'],
  root: true,
  seconds: 40,
  async run({ signal }) {
    const lacks = await drivers['nspawn']!.missing();
    if (lacks.length > 0) {
      const remedy = /: ((?:modprobe|mount) .*?)\.?$/.exec(lacks[0]!)?.[1];
      return {
        status: 'fail',
        detail: oneLine(`${lacks.join(' ')} Until then ${INSTEAD}.`),
        remedy,
      };
    }
    let filtered: boolean;
    try {
      filtered = await inWorkspace((workspace) => tryContainer(workspace, signal));
    } catch (error) {
      signal.throwIfAborted();
      return {
        status: 'fail',
        detail: oneLine(`a container could not run (${INSTEAD}): ${(error as Error).message}`),
      };
    }
    const { stdout } = await run(['systemd-nspawn', '--version'], { signal });
    const ran =
      `systemd-nspawn ${/^systemd (\d+)/.exec(stdout)?.[1] ?? ''}: a container ran on a disk of its own, with uids ` +
      'of its own (idmapped mount)';
    if (!filtered) return { status: 'warn', detail: `${ran}, but its system call filter was not active` };
    return { status: 'ok', detail: `${ran} and a filter of its system calls` };
  },
};

/**
 * Runs a program of the host in a container on a mounted disk whose files belong to the host's root and must belong to
 * the container's.
 * @returns whether its system calls are filtered
 */
async function tryContainer(
  { files, directory, held, owner, uidBase }: Workspace,
  signal: AbortSignal,
): Promise<boolean> {
  const disk = await attachDisk({ disk: await makeSmallDisk(files, signal), directory, held, signal });
  const cgroups = await hostCgroups(`ingot-${owner.owner}`, { cpus: 1, memoryMiB: 256 });
  if (cgroups === undefined) throw new Error('the unified cgroup hierarchy is not mounted');
  await makeCgroups(cgroups, held);
  const id = await held.record({ kind: 'process', what: 'systemd-nspawn' });
  const argv = inCgroups(
    [...cgroups.limiting, cgroups.door],
    inCgroups(
      [cgroups.machine],
      [
        'systemd-nspawn',
        '--register=no',
        '--keep-unit',
        '--settings=no',
        '--quiet',
        '-M',
        owner.owner,
        '-D',
        disk.root,
        '--resolv-conf=off',
        '--link-journal=no',
        '--timezone=off',
        '--console=pipe',
        `--private-users=${uidBase}:${UIDS_OF_A_CONTAINER}`,
        '--private-users-ownership=map',
        '--private-network',
        '--suppress-sync=yes',
        '--bind-ro=/usr',
        '--as-pid2',
        '/bin/sh',
        '-c',
        CONTAINER_VIEW,
      ],
    ),
  );
  let filtered: boolean;
  try {
    const { stdout } = await run(argv, {
      signal,
      env: { ...NSPAWN_ENVIRONMENT, [HELD_MARK]: id },
      timeoutMs: patient(20_000),
    });
    const [owners, mode] = stdout.trim().split(/\s+/);
    if (owners !== '0:0')
      throw new Error(
        `files that belong to root on the disk belong to ${owners} in the container: this kernel maps no owners of ` +
          'mounts',
      );
    filtered = mode === '2';
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    throw new Error(`systemd-nspawn: ${(error.stderr || error.stdout || error.message).trim()}`, { cause: error });
  }
  await disk.detach();
  return filtered;
}
