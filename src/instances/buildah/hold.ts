/** The environment of a container build (namespaces, limits, network, disk) and its working container. */
import { readFileSync, readlinkSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import type { AttachedDiskState } from '../../images/attach.ts';
import { sleep, until } from '../../platform/clock.ts';
import { writeFileAtomic } from '../../platform/files.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import type { AllocationOwner } from '../../platform/host.ts';
import { patient } from '../../platform/patience.ts';
import { allProcesses, isSameProcess, parentOf, processStartTime, start } from '../../platform/processes.ts';
import { intoRingFiles, ringTail } from '../../platform/ring-file.ts';
import { InstanceError, type PublishedPort } from '../instance.ts';
import { macOf, publishPorts, startSlirp } from '../network.ts';
import { confined, inCgroups, type Door } from '../nspawn/arguments.ts';
import type { CgroupPlan } from '../nspawn/cgroups.ts';
import { DEFAULT_REGISTRIES, holdArguments, holdEnvironment } from './arguments.ts';

const INTERFACE = 'host0';
const START_MS = 20_000;

/** What identifies a build's namespaces. Stored in the instance's directory. */
export interface HoldState {
  readonly id: string;
  readonly directory: string;
  readonly consoleLog: string;
  readonly disk: AttachedDiskState;
  readonly cgroups: CgroupPlan;
  readonly uidBase: number;
  readonly publish: readonly PublishedPort[];
  readonly allocationOwner: AllocationOwner;
  /** Process 1 of the build. */
  readonly leader: Door;
  readonly slirpHeldId: string;
  readonly servicesHeldId?: string;
  /** For a launched container: its namespaces end with its program. */
  readonly program?: readonly string[];
}

/** Creates the namespaces and their network. */
export async function startHold(
  plan: Omit<HoldState, 'leader' | 'slirpHeldId'>,
  held: HeldRecorder,
  signal?: AbortSignal,
): Promise<HoldState> {
  const { directory, cgroups } = plan;
  const root = `${directory}/hold`;
  await mkdir(root, { recursive: true });
  const argv = inCgroups(
    [...cgroups.limiting, cgroups.machine],
    intoRingFiles(
      { '1,2': plan.consoleLog },
      confined(holdArguments({ root, disk: `${directory}/root`, uidBase: plan.uidBase, program: plan.program })),
    ),
  );
  // Not recorded as a process: it joins its cgroup before anything else, and that is recorded.
  const monitor = await start(argv, {
    env: holdEnvironment(DEFAULT_REGISTRIES),
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
  monitor.unref();
  const leader = await until(
    'the namespaces of the container build',
    patient(START_MS),
    async () => {
      const found = processOne(2, plan.program === undefined ? 'sleep' : 'cat', (pid) =>
        descendsFrom(monitor.pid, pid),
      );
      if (found !== undefined) return found;
      if (isSameProcess(monitor.pid, monitor.startTime)) return undefined;
      await sleep(100); // Its last output is still being written.
      throw new Error((await ringTail(plan.consoleLog, 4096)).toString('utf8').trim() || 'its first process ended');
    },
    { everyMs: 3, signal },
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
  const state: HoldState = { ...plan, leader, slirpHeldId: slirp.heldId };
  await writeFileAtomic(`${directory}/instance.json`, JSON.stringify(state), 0o600);
  return state;
}

/** Reads the state from the instance's directory; `undefined` if there is none. */
export async function readHold(directory: string): Promise<HoldState | undefined> {
  const text = await readFile(`${directory}/instance.json`, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as HoldState);
}

/**
 * Finds process 1 of a process namespace, once it runs its program.
 * @param depth number of process namespaces it is in: 2 for one directly below the host's
 * @param program its name; `undefined` for any but the runtime's, which starts it
 * @param belongs whether a process is a candidate
 */
function processOne(depth: number, program: string | undefined, belongs: (pid: number) => boolean): Door | undefined {
  for (const pid of allProcesses()) {
    try {
      const numbers = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
      if (numbers.length !== depth || numbers.at(-1) !== '1' || !belongs(pid)) continue;
      const startTime = processStartTime(pid);
      if (startTime !== undefined && runs(pid, program)) return { pid, startTime };
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}

function runs(pid: number, program: string | undefined): boolean {
  if (program !== undefined) return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program;
  // crun runs from a copy of itself in memory until it becomes the program.
  return !/^\/memfd:|\/crun(?: \(deleted\))?$/.test(readlinkSync(`/proc/${pid}/exe`));
}

function descendsFrom(ancestor: number, pid: number): boolean {
  for (let next: number | undefined = pid; next !== undefined && next > 1; next = parentOf(next))
    if (next === ancestor) return true;
  return false;
}

/** The first process of the working container, if it is running. */
export function sessionOf({ leader, program }: Pick<HoldState, 'leader' | 'program'>): Door | undefined {
  let users: string;
  try {
    users = readlinkSync(`/proc/${leader.pid}/ns/user`);
  } catch {
    return undefined; // It ended.
  }
  return processOne(
    3,
    program === undefined ? 'sleep' : undefined,
    (pid) => readlinkSync(`/proc/${pid}/ns/user`) === users,
  );
}

/** @throws {InstanceError} if the build's first process has ended */
export function refuseEnded(state: HoldState): void {
  if (!isSameProcess(state.leader.pid, state.leader.startTime))
    throw new InstanceError(
      state.program === undefined ? `${state.id} died: its processes were killed` : `the program of ${state.id} ended`,
    );
}
