import { readFile } from 'node:fs/promises';
import { makeCgroups, hostCgroups } from '../../instances/nspawn/cgroups.ts';
import type { Check, Finding } from '../check.ts';
import { inWorkspace } from '../../instances/workspace.ts';

export const cgroups: Check = {
  name: 'cgroups',
  group: 'isolation',
  needed: false,
  root: true,
  async run() {
    const version = cgroupVersion(await readFile('/proc/self/mountinfo', 'utf8'));
    return inWorkspace(async ({ held, owner }) => {
      const plan = await hostCgroups(`ingot-${owner.owner}`, { cpus: 1, memoryMiB: 256 });
      return cgroupVerdict(version, plan === undefined ? undefined : await makeCgroups(plan, held));
    });
  },
};

/** The cgroup version of a host. Pure. @param mountinfo content of `/proc/self/mountinfo` */
export function cgroupVersion(mountinfo: string): '1' | '2' | '1 and 2' | 'none' {
  const one = / - cgroup /m.test(mountinfo);
  const two = / - cgroup2 /m.test(mountinfo);
  if (one) return two ? '1 and 2' : '1';
  return two ? '2' : 'none';
}

/** @param unlimited limits that could not be set; `undefined` if there is no unified hierarchy. Pure. */
export function cgroupVerdict(version: string, unlimited: readonly string[] | undefined): Finding {
  if (unlimited === undefined) {
    const remedy =
      version === '1'
        ? 'mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified'
        : 'mount -t cgroup2 none /sys/fs/cgroup';
    return {
      status: 'fail',
      detail:
        'the unified cgroup hierarchy (version 2) is not mounted: system containers cannot start, and builds run in ' +
        'virtual machines, which are slower',
      remedy,
    };
  }
  if (unlimited.length > 0)
    return {
      status: 'warn',
      detail:
        `version ${version}: nothing limits ${unlimited.join(', ')} of a system container, so a build can take all ` +
        `of this host's`,
    };
  return {
    status: 'ok',
    detail: `version ${version}: CPU, memory and number of processes of a system container are limited`,
  };
}
