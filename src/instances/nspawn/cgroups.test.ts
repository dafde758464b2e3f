import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { planCgroups } from './cgroups.ts';

const limits = { cpus: 2, memoryMiB: 1024 };

const pureV2 = '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
const hybrid = `32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
`;

test('version 2 alone controls everything in one cgroup', () => {
  const plan = planCgroups(pureV2, 'cpuset cpu io memory pids', 'ingot-i-1', limits)!;

  deepEqual(plan, {
    unified: '/sys/fs/cgroup/ingot-i-1',
    machine: '/sys/fs/cgroup/ingot-i-1/machine',
    door: '/sys/fs/cgroup/ingot-i-1/door',
    limiting: [],
    unlimited: [],
    controllers: [
      ['/sys/fs/cgroup/cgroup.subtree_control', '+cpu +memory +pids'],
      ['/sys/fs/cgroup/ingot-i-1/cgroup.subtree_control', '+cpu +memory +pids'],
    ],
    settings: [
      ['/sys/fs/cgroup/ingot-i-1/cpu.max', '200000 100000'],
      ['/sys/fs/cgroup/ingot-i-1/memory.max', '1073741824'],
      ['/sys/fs/cgroup/ingot-i-1/pids.max', '16384'],
    ],
  });
});

test('version 1 controls what version 2 beside it does not', () => {
  const plan = planCgroups(hybrid, '', 'ingot-i-1', limits)!;

  equal(plan.unified, '/sys/fs/cgroup/unified/ingot-i-1');
  equal(plan.named, '/sys/fs/cgroup/systemd/ingot-i-1');
  deepEqual(plan.limiting, ['/sys/fs/cgroup/cpu,cpuacct/ingot-i-1', '/sys/fs/cgroup/memory/ingot-i-1']);
  deepEqual(plan.controllers, []);
  deepEqual(plan.unlimited, ['pids']);
  deepEqual(plan.settings, [
    ['/sys/fs/cgroup/cpu,cpuacct/ingot-i-1/cpu.cfs_period_us', '100000'],
    ['/sys/fs/cgroup/cpu,cpuacct/ingot-i-1/cpu.cfs_quota_us', '200000'],
    ['/sys/fs/cgroup/memory/ingot-i-1/memory.limit_in_bytes', '1073741824'],
  ]);
});

test('without a unified hierarchy there is no plan', () =>
  equal(planCgroups(hybrid.split('\n').slice(0, 3).join('\n'), '', 'x', limits), undefined));
