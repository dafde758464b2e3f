/** Starts a container: systemd-nspawn, the network, and the wait for the systemd inside. */
import { readScript } from '../../platform/scripts.ts';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { AttachedDiskState } from '../../images/attach.ts';
import { until } from '../../platform/clock.ts';
import { writeFileAtomic } from '../../platform/files.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import { UIDS_OF_A_CONTAINER, type AllocationOwner } from '../../platform/host.ts';
import { patient } from '../../platform/patience.ts';
import {
  NOTHING_INHERITED,
  allProcesses,
  isSameProcess,
  parentOf,
  processStartTime,
  start,
} from '../../platform/processes.ts';
import { intoRingFiles } from '../../platform/ring-file.ts';
import { InstanceError, type LaunchRequest, type PublishedPort } from '../instance.ts';
import { macOf, publishPorts, startSlirp } from '../network.ts';
import {
  COMMAND,
  COMMAND_SCRIPT,
  confined,
  inCgroups,
  INSIDE_DIRECTORY,
  networkFile,
  NSPAWN_ENVIRONMENT,
  nspawnArguments,
  STATUS_WRITER,
  STATUS_WRITER_SCRIPT,
  withExitCodeIn,
} from './arguments.ts';
import type { CgroupPlan, Limits } from './cgroups.ts';
import { atTheDoor } from './door.ts';
import { resolvesItself } from './names.ts';
import { rootFault } from './root-faults.ts';
import { bootTimeOffset, memoryInfo, processorInfoProgram, processorsOf } from './size.ts';

const INTERFACE = 'host0';
/** How long the services inside may take to start before the container is used as it is. */
const SETTLE_MS = 60_000;

/** The identity of a process. */
interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** The state of a booted container. It is stored in the instance's directory, because a reboot changes it. */
export interface ContainerState {
  readonly id: string;
  readonly directory: string;
  /** The ring file with its console. */
  readonly consoleLog: string;
  readonly disk: AttachedDiskState;
  readonly cgroups: CgroupPlan;
  readonly uidBase: number;
  /** The size of its type; absent in states of earlier versions. */
  readonly size?: Limits;
  readonly publish: readonly PublishedPort[];
  readonly allocationOwner: AllocationOwner;
  readonly leader: ProcessIdentity;
  /** The process that waits for systemd-nspawn and records its exit code. */
  readonly monitor: ProcessIdentity;
  readonly slirpHeldId: string;
  /** Absent if it has no services of its own. */
  readonly servicesHeldId?: string;
}

/** The facts before the boot. */
type BootPlan = Omit<ContainerState, 'leader' | 'monitor' | 'slirpHeldId'>;

/** The deadline of the boot, and the receiver of progress. */
export interface BootOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly report?: LaunchRequest['report'];
}

const PREPARE = readScript(import.meta.url, 'prepare.sh');
const SETTLE = readScript(import.meta.url, 'settle.sh');

/**
 * Starts the container and its network, and waits until its systemd responds. Afterwards the state is in the instance's
 * directory.
 */
export async function boot(plan: BootPlan, held: HeldRecorder, options: BootOptions): Promise<ContainerState> {
  const { directory, cgroups } = plan;
  const { signal } = options;
  const timeoutMs = patient(options.timeoutMs);
  const settleMs = patient(SETTLE_MS);
  const deadline = Date.now() + timeoutMs;
  const waiting = { everyMs: 5, signal };
  await rm(`${directory}/exit`, { force: true });

  const fault = await rootFault(`${directory}/root`);
  if (fault !== undefined) throw new InstanceError(`cannot start the disk of ${plan.id} as a container: ${fault}`);
  const command = nspawnArguments({
    id: plan.id,
    root: `${directory}/root`,
    uidBase: plan.uidBase,
  });
  const ownResolver = await resolvesItself(`${directory}/root`);
  const processors = await processorsFor(plan);
  const inTime = [...(await ownUptime()), ...confined(command)];
  const sized = processors === undefined ? inTime : ['taskset', '-c', processors, ...inTime];
  const inMachine = inCgroups([cgroups.machine], sized);
  const argv = inCgroups(
    [...cgroups.limiting, cgroups.door],
    intoRingFiles({ '1,2': plan.consoleLog }, withExitCodeIn(`${directory}/exit`, inMachine)),
  );
  // Not recorded as a process: it joins its cgroup first, and that is on record.
  const monitor = await start(argv, {
    env: { ...NOTHING_INHERITED, ...NSPAWN_ENVIRONMENT },
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
  monitor.unref();
  const running = (): void => {
    if (existsSync(`${directory}/exit`) || !isSameProcess(monitor.pid, monitor.startTime))
      throw new Error('systemd-nspawn ended');
  };
  const leader = await until(
    'the first process of the container',
    timeoutMs,
    () => {
      running();
      return findLeader(monitor.pid);
    },
    waiting,
  );
  const container = { leader, limitingCgroups: cgroups.limiting, doorCgroup: cgroups.door };
  // Written before the interface exists: systemd-networkd must not request another address, or the published ports lead
  // nowhere. Not a bind mount: nspawn creates directories below /run/systemd for the outer root, and systemd could then
  // not write there.
  await until(
    'the container to take its network configuration',
    deadline - Date.now(),
    async () => {
      running();
      return (
        await atTheDoor(
          container,
          [
            '/bin/sh',
            '-c',
            PREPARE,
            'sh',
            INSIDE_DIRECTORY,
            STATUS_WRITER,
            STATUS_WRITER_SCRIPT,
            COMMAND,
            COMMAND_SCRIPT,
            plan.size === undefined ? '' : memoryInfo(plan.size.memoryMiB),
            processors === undefined ? '' : processorInfoProgram(processors),
          ],
          { input: networkFile(INTERFACE), okCodes: 'any' },
        )
      ).code === 0
        ? true
        : undefined;
    },
    waiting,
  );
  const slirp = await startSlirp({
    target: { pid: leader.pid },
    interfaceName: INTERFACE,
    mac: macOf(plan.id),
    directory,
    held,
    allocationOwner: plan.allocationOwner,
    apiSocket: plan.publish.length > 0,
    signal,
  });
  await publishPorts(slirp, plan.publish);

  let state = '';
  await until(
    `systemd in ${plan.id}`,
    deadline - Date.now(),
    async () => {
      running();
      // Returns `running` or `degraded` once everything that starts at boot has started.
      const patience = Math.max(1000, Math.min(settleMs, deadline - Date.now()));
      const { stdout } = await atTheDoor(
        container,
        ['/bin/sh', '-c', SETTLE, 'sh', String(patience / 1000), ownResolver ? 'resolved' : ''],
        { okCodes: 'any', signal },
      );
      state = stdout.trim();
      if (state === 'running' || state === 'degraded') return true;
      // Something that starts at boot takes long: check whether systemd itself responds.
      const { code, stdout: jobs } = await atTheDoor(container, ['systemctl', 'list-jobs', '--no-legend', '--plain'], {
        okCodes: 'any',
      });
      if (code !== 0 || Date.now() < deadline - timeoutMs + settleMs) return undefined;
      options.report?.({
        level: 'warn',
        text: `${plan.id} is used although not all of its services have started: ${jobs
          .trim()
          .split('\n')
          .map((line) => line.split(/\s+/)[1])
          .join(', ')
          .slice(0, 2000)}`,
      });
      return true;
    },
    waiting,
  );
  const booted: ContainerState = {
    ...plan,
    leader,
    monitor: { pid: monitor.pid, startTime: monitor.startTime },
    slirpHeldId: slirp.heldId,
  };
  await writeFileAtomic(`${directory}/instance.json`, JSON.stringify(booted), 0o600);
  return booted;
}

/** The processors that a container may run on, so that `nproc` inside is right; `undefined` for all. */
async function processorsFor({ size, uidBase }: BootPlan): Promise<string | undefined> {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
  if (allowed === undefined || size === undefined) return undefined;
  return processorsOf(allowed, size.cpus, Math.floor(uidBase / UIDS_OF_A_CONTAINER));
}

/** Words that run a command in a time namespace that starts at 0; empty if the kernel has no such namespaces. */
async function ownUptime(): Promise<readonly string[]> {
  try {
    const [uptime, offsets] = await Promise.all(
      ['/proc/uptime', '/proc/self/timens_offsets'].map((path) => readFile(path, 'utf8')),
    );
    return ['unshare', '--time', '--boottime', String(bootTimeOffset(uptime!, offsets!))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * The container's process 1: a descendant of the monitor that is number 1 in its pid namespace, and no longer nspawn
 * itself, whose namespaces are incomplete.
 */
function findLeader(monitor: number): ProcessIdentity | undefined {
  const children = new Map<number, number[]>();
  for (const pid of allProcesses()) {
    const parent = parentOf(pid);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const family = [monitor];
  for (let index = 0; index < family.length; index++) family.push(...(children.get(family[index]!) ?? []));
  for (const pid of family) {
    try {
      const numbers = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
      const startTime = processStartTime(pid);
      if (
        numbers.length > 1 &&
        numbers.at(-1) === '1' &&
        startTime !== undefined &&
        !readlinkSync(`/proc/${pid}/exe`).endsWith('/systemd-nspawn')
      )
        return { pid, startTime };
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}

/** Reads the container's state from the instance's directory; `undefined` if there is none. */
export async function readState(directory: string): Promise<ContainerState | undefined> {
  const text = await readFile(`${directory}/instance.json`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ContainerState);
}
