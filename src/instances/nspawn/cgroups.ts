/**
 * The cgroups of a container for both versions. It has a tree in the unified hierarchy, where systemd inside keeps its
 * units. If the host controls CPU and memory with version 1, it also has one cgroup in each of those hierarchies.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { HeldRecorder } from '../../platform/held.ts';

/** Limits of a container. */
export interface Limits {
  readonly cpus: number;
  readonly memoryMiB: number;
}

/** A file of a cgroup and the value to write. */
type Setting = readonly [path: string, value: string];

/** The cgroups of a container, and their settings. */
export interface CgroupPlan {
  /** Its cgroup in the unified hierarchy. Killing this cgroup kills everything. */
  readonly unified: string;
  /** A leaf for the container's manager, below which nspawn creates the container's own tree. */
  readonly machine: string;
  /** A leaf for what Ingot runs in the container from outside. */
  readonly door: string;
  /** Cgroups in version 1 hierarchies that set limits. */
  readonly limiting: readonly string[];
  /** The cgroup that nspawn itself creates in the version 1 hierarchy of the host's systemd. */
  readonly named?: string;
  /** Enables the controllers, which some hosts do not allow. */
  readonly controllers: readonly Setting[];
  readonly settings: readonly Setting[];
  /** Limits that this host has no controller for. */
  readonly unlimited: readonly string[];
}

const PIDS = 16384;
const PERIOD = 100_000;

/**
 * Plans the cgroups of a container.
 * @param mountinfo content of `/proc/self/mountinfo`
 * @param unifiedControllers content of `cgroup.controllers` in the unified hierarchy's root
 * @returns `undefined` if no unified hierarchy is mounted
 */
export function planCgroups(
  mountinfo: string,
  unifiedControllers: string,
  name: string,
  limits: Limits,
): CgroupPlan | undefined {
  const { unified: root, v1 } = hierarchies(mountinfo);
  if (root === undefined) return undefined;
  const unified = `${root}/${name}`;
  const inUnified = new Set(unifiedControllers.split(/\s+/).filter(Boolean));
  const wanted = ['cpu', 'memory', 'pids'] as const;
  const enabled = wanted.filter((controller) => inUnified.has(controller));
  const settings: Setting[] = [];
  const limiting = new Set<string>();
  const unlimited: string[] = [];
  for (const controller of wanted) {
    const hierarchy = v1.get(controller);
    const at = inUnified.has(controller) ? unified : hierarchy === undefined ? undefined : `${hierarchy}/${name}`;
    if (at === undefined) {
      unlimited.push(controller);
      continue;
    }
    if (at !== unified) limiting.add(at);
    settings.push(...limit(controller, at, at === unified, limits));
  }
  const named = v1.get('name=systemd');
  const switchOn = enabled.map((controller) => `+${controller}`).join(' ');
  return {
    unified,
    machine: `${unified}/machine`,
    door: `${unified}/door`,
    limiting: [...limiting],
    ...(named === undefined ? {} : { named: `${named}/${name}` }),
    controllers:
      enabled.length === 0
        ? []
        : [
            [`${root}/cgroup.subtree_control`, switchOn],
            [`${unified}/cgroup.subtree_control`, switchOn],
          ],
    settings,
    unlimited,
  };
}

function limit(
  controller: 'cpu' | 'memory' | 'pids',
  at: string,
  unified: boolean,
  { cpus, memoryMiB }: Limits,
): Setting[] {
  const bytes = String(memoryMiB * 1024 * 1024);
  switch (controller) {
    case 'cpu':
      return unified
        ? [[`${at}/cpu.max`, `${cpus * PERIOD} ${PERIOD}`]]
        : [
            [`${at}/cpu.cfs_period_us`, String(PERIOD)],
            [`${at}/cpu.cfs_quota_us`, String(cpus * PERIOD)],
          ];
    case 'memory':
      return [[`${at}/${unified ? 'memory.max' : 'memory.limit_in_bytes'}`, bytes]];
    case 'pids':
      return [[`${at}/pids.max`, String(PIDS)]];
  }
}

function hierarchies(mountinfo: string): { unified?: string; v1: ReadonlyMap<string, string> } {
  const v1 = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const point = before?.split(' ')[4];
    const [type, , options] = after?.split(' ') ?? [];
    if (point === undefined) continue;
    if (type === 'cgroup2') unified ??= point;
    if (type === 'cgroup') for (const option of options?.split(',') ?? []) v1.set(option, v1.get(option) ?? point);
  }
  return unified === undefined ? { v1 } : { unified, v1 };
}

/** The plan for this host. */
export async function hostCgroups(name: string, limits: Limits): Promise<CgroupPlan | undefined> {
  const mountinfo = await readFile('/proc/self/mountinfo', 'utf8');
  const root = hierarchies(mountinfo).unified;
  if (root === undefined) return undefined;
  return planCgroups(mountinfo, await readFile(`${root}/cgroup.controllers`, 'utf8').catch(() => ''), name, limits);
}

/** How often something in the container was killed because its memory limit was reached; 0 without a limit. */
export async function memoryKills({ settings }: Pick<CgroupPlan, 'settings'>): Promise<number> {
  const limit = settings.map(([path]) => path).find((path) => /\/memory\.(?:max|limit_in_bytes)$/.test(path));
  if (limit === undefined) return 0;
  const events = limit.replace(/[^/]*$/, limit.endsWith('max') ? 'memory.events' : 'memory.oom_control');
  const text = await readFile(events, 'utf8').catch(() => '');
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

/**
 * Creates the planned cgroups, each recorded first.
 * @returns the limits that are not in force, one word each
 */
export async function makeCgroups(plan: CgroupPlan, held: HeldRecorder): Promise<readonly string[]> {
  if (plan.named !== undefined) await held.record({ kind: 'cgroup', path: plan.named });
  for (const path of plan.limiting) {
    await held.record({ kind: 'cgroup', path });
    await mkdir(path, { recursive: true });
  }
  await held.record({ kind: 'cgroup', path: plan.unified });
  await mkdir(plan.unified, { recursive: true });
  // The limits below tell whether this worked.
  for (const [path, value] of plan.controllers) await writeFile(path, value).catch(() => {});
  await mkdir(plan.machine, { recursive: true });
  await mkdir(plan.door, { recursive: true });
  const missing = new Set(plan.unlimited);
  for (const [path, value] of plan.settings) {
    await writeFile(path, value).catch(() => missing.add(path.slice(path.lastIndexOf('/') + 1).split('.')[0]!));
  }
  return [...missing];
}
