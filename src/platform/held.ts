/**
 * What Ingot holds on the host (processes, mounts, loop devices, namespaces, …), and how each kind is released.
 *
 * Rules: a thing is recorded before it is taken, with what identifies it. Things are released in reverse order. Normal
 * teardown and the sweeper use the same code, so that a crash is cleaned up like a normal end.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { sleep, until } from './clock.ts';
import { releaseAllocation } from './host.ts';
import { patient } from './patience.ts';
import {
  allProcesses,
  hasInEnvironment,
  isSameProcess,
  processStartTime,
  run,
  signalProcess,
  waitForExit,
} from './processes.ts';

/**
 * The environment variable that marks a process as held before its pid is recorded. Its value is the held thing's id.
 */
export const HELD_MARK = 'INGOT_HELD';

/** A held thing. Kinds with optional members are recorded without them first, and amended later. */
export type HeldThing =
  /** A process, started with `HELD_MARK` in its environment, so that it is found even if its pid was never recorded. */
  | {
      readonly kind: 'process';
      readonly what: string;
      readonly pid?: number;
      readonly startTime?: string;
      /**
       * The mount point of a file system that this process may leave frozen. It is thawed once the process has ended: a
       * process that waits for a frozen file system cannot even be killed.
       */
      readonly thaw?: string;
    }
  /** A cgroup directory and everything below it: its processes are killed, then it is removed. */
  | { readonly kind: 'cgroup'; readonly path: string }
  | { readonly kind: 'mount'; readonly path: string }
  /** A loop device over the file `backing`. */
  | { readonly kind: 'loop'; readonly backing: string; readonly device?: string }
  /** The mount point of a FUSE file. */
  | { readonly kind: 'fuse'; readonly path: string }
  /** A named network namespace, `ip netns`. */
  | { readonly kind: 'netns'; readonly name: string }
  /** A file or directory that is removed with its holder. */
  | { readonly kind: 'path'; readonly path: string }
  /** A host-wide allocation of `host.ts`. */
  | { readonly kind: 'allocation'; readonly id: string };

/** The record of a held thing. */
export interface HeldRecord {
  readonly id: string;
  readonly thing: HeldThing;
}

/** Records the things of one owner (an instance, a conversion). The catalogue implements it. */
export interface HeldRecorder {
  /** The holder: an instance id, an image ARN. */
  readonly owner: string;
  /** Records a thing before it is taken, durably. Returns the record's id. */
  record(thing: HeldThing): Promise<string>;
  /** Completes a record (a pid, a device) once the thing is taken. */
  amend(id: string, thing: HeldThing): Promise<void>;
  /** Deletes the record of a thing that is released. */
  free(id: string): Promise<void>;
  /** What this owner holds, oldest first. */
  list(): Promise<readonly HeldRecord[]>;
}

/** A recorder in memory, for short uses within this process, and for tests. */
export function memoryRecorder(owner: string): HeldRecorder {
  const records = new Map<string, HeldThing>();
  let next = 0;
  return {
    owner,
    async record(thing) {
      const id = `${owner}#${next++}`;
      records.set(id, thing);
      return id;
    },
    async amend(id, thing) {
      records.set(id, thing);
    },
    async free(id) {
      records.delete(id);
    },
    async list() {
      return [...records].map(([id, thing]) => ({ id, thing }));
    },
  };
}

/** Releases one thing, if it exists and still matches its record, and deletes the record. It can be repeated. */
export async function release(recorder: HeldRecorder, id: string): Promise<void> {
  const record = (await recorder.list()).find((each) => each.id === id);
  if (record === undefined) return;
  await letGo(record);
  await recorder.free(id);
}

/**
 * Releases all things of an owner, newest first. It continues after a failure, and throws at the end. While processes
 * remain, their host allocations stay, and so does the directory that marks these as used: another instance must not
 * get a range of users or an address that is still in use.
 * @throws {AggregateError} naming each thing that could not be released; their records stay
 */
export async function releaseAll(recorder: HeldRecorder): Promise<void> {
  const failures: unknown[] = [];
  let running = false;
  for (const record of (await recorder.list()).toReversed()) {
    if (running && (record.thing.kind === 'allocation' || record.thing.kind === 'path')) continue;
    try {
      await letGo(record);
      await recorder.free(record.id);
    } catch (cause) {
      running ||= record.thing.kind === 'process' || record.thing.kind === 'cgroup';
      failures.push(new Error(`${describe(record.thing)}: ${(cause as Error).message}`, { cause }));
    }
  }
  if (failures.length > 0)
    throw new AggregateError(
      failures,
      `could not release ${failures.map((each) => (each as Error).message).join('; ')}`,
    );
}

/** A short description of a held thing, for messages. */
export function describe(thing: HeldThing): string {
  switch (thing.kind) {
    case 'process':
      return `process ${thing.what}${thing.pid === undefined ? '' : ` (pid ${thing.pid})`}`;
    case 'loop':
      return `loop device ${thing.device ?? ''} over ${thing.backing}`;
    case 'netns':
      return `network namespace ${thing.name}`;
    case 'allocation':
      return `host allocation ${thing.id}`;
    default:
      return `${thing.kind} ${thing.path}`;
  }
}

async function letGo({ id, thing }: HeldRecord): Promise<void> {
  switch (thing.kind) {
    case 'process':
      return endProcess(id, thing);
    case 'cgroup':
      return removeCgroup(thing.path);
    case 'mount':
      return unmount(thing.path);
    case 'loop':
      return detachLoop(thing);
    case 'fuse':
      return unmountFuse(thing.path);
    case 'netns':
      if (existsSync(`/run/netns/${thing.name}`)) await run(['ip', 'netns', 'delete', thing.name]);
      return;
    case 'path':
      return rm(thing.path, { recursive: true, force: true });
    case 'allocation':
      return releaseAllocation(thing.id);
  }
}

/** How long a process gets to end after each signal, in milliseconds. */
const END_MS = 3000;

async function endProcess(id: string, thing: Extract<HeldThing, { kind: 'process' }>): Promise<void> {
  const found =
    thing.pid === undefined
      ? findMarked(id)
      : thing.startTime && isSameProcess(thing.pid, thing.startTime)
        ? [{ pid: thing.pid, startTime: thing.startTime }]
        : [];
  for (const { pid, startTime } of found) {
    signalProcess(pid, startTime, 'SIGTERM');
    if (await waitForExit(pid, startTime, patient(END_MS))) continue;
    signalProcess(pid, startTime, 'SIGKILL');
    if (!(await waitForExit(pid, startTime, patient(END_MS)))) throw new Error('does not end, even after SIGKILL');
  }
  // Fails if nothing is frozen, which does not matter.
  if (thing.thaw !== undefined && isMounted(thing.thaw))
    await run(['fsfreeze', '--unfreeze', thing.thaw], { okCodes: 'any', timeoutMs: 10_000 });
}

/** Processes whose environment contains this held id: they were started, but the record was never completed. */
function findMarked(id: string): { pid: number; startTime: string }[] {
  return allProcesses()
    .filter((pid) => hasInEnvironment(pid, `${HELD_MARK}=${id}`))
    .flatMap((pid) => {
      const startTime = processStartTime(pid);
      return startTime === undefined ? [] : [{ pid, startTime }];
    });
}

/** Whether something is mounted at exactly this path. */
export function isMounted(path: string): boolean {
  // mountinfo writes spaces and similar characters as octal escapes.
  const escaped = path.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === escaped);
}

async function unmount(path: string): Promise<void> {
  for (let attempt = 0; isMounted(path); attempt++) {
    const { code } = await run(['umount', ...(attempt >= 100 ? ['--lazy'] : []), '--', path], { okCodes: 'any' });
    if (code !== 0) {
      // A mount stays busy for a moment after its last user ends. After two seconds it is detached, and disappears with
      // its users.
      if (attempt > 101) throw new Error('stays busy');
      await sleep(20);
    }
  }
}

async function unmountFuse(path: string): Promise<void> {
  if (isMounted(path)) await run(['umount', '--lazy', '--', path], { okCodes: 'any' });
}

async function detachLoop(thing: Extract<HeldThing, { kind: 'loop' }>): Promise<void> {
  const devices =
    thing.device === undefined
      ? await loopDevicesOver(thing.backing)
      : (await loopDevicesOver(thing.backing)).filter((device) => device === thing.device);
  for (const device of devices) await run(['losetup', '--detach', device]);
  await until(`loop device over ${thing.backing} to be free`, patient(20_000), async () =>
    (await loopDevicesOver(thing.backing)).some((device) => devices.includes(device)) ? undefined : true,
  );
}

async function loopDevicesOver(backing: string): Promise<string[]> {
  const devices: string[] = [];
  for (const name of readdirSync('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    try {
      const file = (await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8')).replace(/\n$/, '');
      if (file === backing || file === `${backing} (deleted)`) devices.push(`/dev/${name}`);
    } catch {
      // It is not attached.
    }
  }
  return devices;
}

/** Kills all processes in a cgroup and below, waits until it is empty, and removes it. */
export async function removeCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (existsSync(`${path}/cgroup.kill`)) {
    await writeFile(`${path}/cgroup.kill`, '1').catch(() => {});
  }
  await until(`cgroup ${path} to be empty`, patient(5000), () => {
    const pids = cgroupProcesses(path);
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It was removed meanwhile.
      }
    }
    return pids.length === 0 ? true : undefined;
  });
  await until(`cgroup ${path} to be removed`, patient(3000), async () => {
    try {
      await removeCgroupTree(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EBUSY') return undefined;
      throw error;
    }
  });
}

function cgroupProcesses(path: string): number[] {
  const pids: number[] = [];
  try {
    pids.push(...readFileSync(`${path}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number));
    for (const entry of readdirSync(path, { withFileTypes: true }))
      if (entry.isDirectory()) pids.push(...cgroupProcesses(`${path}/${entry.name}`));
  } catch {
    // A cgroup that was removed meanwhile has no processes.
  }
  return pids.filter((pid) => pid > 0 && processStartTime(pid) !== undefined);
}

async function removeCgroupTree(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) await removeCgroupTree(`${path}/${entry.name}`);
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
