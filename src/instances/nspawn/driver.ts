/**
 * Instances as system containers: systemd-nspawn boots the disk's root file system in separate namespaces. Ready in
 * under a second; it shares the host's kernel.
 */
import type { DataKey } from '../../keys/data-key.ts';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { AttachError, resumeAttachedDisk, type AttachedDisk } from '../../images/attach.ts';
import { DeadlineError, until } from '../../platform/clock.ts';
import { findProgram } from '../../platform/files.ts';
import { release, releaseAll, removeCgroup, type HeldRecorder } from '../../platform/held.ts';
import { patient } from '../../platform/patience.ts';
import { isSameProcess, waitForExit } from '../../platform/processes.ts';
import { consoleLogOf, consoleTail } from '../console.ts';
import {
  InstanceError,
  type Capabilities,
  type Driver,
  type Instance,
  type InstanceHandle,
  type LaunchRequest,
  type StreamedCommand,
  type StreamRequest,
} from '../instance.ts';
import { readingSafely } from '../output.ts';
import { prepareContainer } from '../prepare-container.ts';
import { boot, readState, type BootOptions, type ContainerState } from './boot.ts';
import { hostCgroups, memoryKills } from './cgroups.ts';
import { runCommand, runOwn } from './commands.ts';
import { atTheDoor, GET_FILE, PUT_FILE, type Container } from './door.ts';
import { endLeftovers } from './kill.ts';
import { openCommand } from './streams.ts';

const capabilities: Capabilities = {
  kernel: false,
  reboots: true,
  liveSnapshots: true,
  bootLoader: false,
  platform: 'Linux',
};

const LAUNCH_SECONDS = 120;
const REBOOT_SECONDS = 180;
/** How long an orderly shutdown may take before the container is killed, in milliseconds. */
const POWER_OFF_MS = 30_000;
/** Exit code of systemd-nspawn when the container asks for a reboot. */
const REBOOT_EXIT_CODE = 133;
/** SIGRTMIN is 34 in glibc; systemd powers off on SIGRTMIN+4 and reboots on SIGRTMIN+5. */
const POWER_OFF_SIGNAL = 38;
const REBOOT_SIGNAL = 39;
/** systemd-nspawn's own last messages, which do not help a user. */
const NSPAWN_NOISE = /^Attempted to remove disk file system under |^\s*$/;
const GET_LIMIT = 16 * 1024 * 1024;

/** The driver. */
export const nspawnDriver: Driver = {
  name: 'nspawn',
  capabilities,
  launch,
  attach,
  missing,
};

async function launch(request: LaunchRequest): Promise<Instance> {
  const { held } = request;
  const consoleLog = consoleLogOf(request);
  if (request.seed !== undefined)
    throw new InstanceError('a system container takes no user data and no ssh keys: launch a virtual machine');
  let disk: AttachedDisk | undefined;
  try {
    const { plan, ready } = await prepareContainer(request, (attached) => (disk = attached));
    const state = await boot({ ...plan, size: { cpus: request.cpus, memoryMiB: request.memoryMiB } }, held, {
      timeoutMs: (request.timeoutSeconds ?? LAUNCH_SECONDS) * 1000,
      signal: request.signal,
      report: request.report,
    });
    await ready();
    return new NspawnInstance(state, held);
  } catch (error) {
    const console = await consoleTail(consoleLog, 30);
    const diskGone = disk?.alive() === false;
    await releaseAll(held);
    if (error === request.signal?.reason) throw error;
    // Without its disk, other errors do not show the cause.
    if (diskGone) throw new InstanceError(diskIsGone(request.id), console, { cause: error, code: 'disk-gone' });
    if (error instanceof InstanceError) throw error;
    throw new InstanceError(`the container ${request.id} could not be started: ${(error as Error).message}`, console, {
      cause: error,
      code: error instanceof AttachError && error.daemonEnded ? 'disk-gone' : undefined,
    });
  }
}

function diskIsGone(id: string): string {
  return `the disk of ${id} is gone: its storage daemon ended`;
}

async function attach(handle: InstanceHandle, held: HeldRecorder): Promise<Instance> {
  const state = await readState(String(handle['directory']));
  if (state === undefined || state.id !== handle.id) throw new InstanceError(`${handle.id} no longer exists`);
  const instance = new NspawnInstance(state, held);
  await instance.answering();
  return instance;
}

class NspawnInstance implements Instance {
  readonly id: string;
  readonly handle: InstanceHandle;
  readonly capabilities = capabilities;
  private state: ContainerState;
  private readonly held: HeldRecorder;
  private readonly disk: AttachedDisk;
  private stopped = false;
  private restarting: Promise<void> | undefined;

  constructor(state: ContainerState, held: HeldRecorder) {
    this.id = state.id;
    this.handle = { driver: 'nspawn', id: state.id, directory: state.directory, consoleLog: state.consoleLog };
    this.state = state;
    this.held = held;
    this.disk = resumeAttachedDisk(state.disk, held);
  }

  async run(request: Parameters<Instance['run']>[0]): ReturnType<Instance['run']> {
    const container = await this.answering();
    return readingSafely(request, (each) =>
      each.own === true ? runOwn(container, each) : runCommand(container, each),
    );
  }

  async open(request: StreamRequest): Promise<StreamedCommand> {
    return openCommand(await this.answering(), request);
  }

  async put(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
    const { code, stderr } = await this.door(['/bin/sh', '-c', PUT_FILE, 'sh', path, mode.toString(8)], {
      input: content,
      okCodes: 'any',
    });
    if (code !== 0) throw new InstanceError(`${path} cannot be written in ${this.id}: ${stderr.trim()}`);
  }

  async get(path: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const { code, stderr } = await this.door(['/bin/sh', '-c', GET_FILE, 'sh', path, String(GET_LIMIT + 1)], {
      okCodes: 'any',
      maxOutput: GET_LIMIT + (64 << 10),
      onStdout: (chunk: Buffer) => void chunks.push(chunk),
    });
    if (code !== 0) throw new InstanceError(`${path} cannot be read in ${this.id}: ${stderr.trim()}`);
    const content = Buffer.concat(chunks);
    if (content.length > GET_LIMIT) throw new InstanceError(`${path} in ${this.id} is larger than 16 MiB`);
    return content;
  }

  async reboot(options: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal } = {}): Promise<string> {
    const before = await this.answering();
    const timeoutMs = (options.timeoutSeconds ?? REBOOT_SECONDS) * 1000;
    if (before.alive()) process.kill(this.state.leader.pid, REBOOT_SIGNAL);
    await until(
      `${this.id} to go down for its reboot`,
      patient(Math.min(timeoutMs, POWER_OFF_MS * 3)),
      () => (this.leaderAlive() ? undefined : true),
      options.signal ? { signal: options.signal } : {},
    ).catch((error: unknown) => {
      if (!(error instanceof DeadlineError)) throw error;
      // A service that does not end is killed eventually, as by the watchdog of a machine.
    });
    await this.restart({ timeoutMs, signal: options.signal });
    return this.bootId();
  }

  async snapshot(overlay: string, key?: DataKey): Promise<void> {
    if (!this.disk.alive()) throw await this.whatHappened();
    await this.disk.snapshot(overlay, key);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.restarting?.catch(() => {});
    const { leader, cgroups, slirpHeldId, servicesHeldId } = await this.current();
    if (isSameProcess(leader.pid, leader.startTime)) {
      await endLeftovers(cgroups.machine);
      if (this.leaderAlive()) process.kill(leader.pid, POWER_OFF_SIGNAL);
      await waitForExit(leader.pid, leader.startTime, patient(POWER_OFF_MS));
    }
    await release(this.held, slirpHeldId);
    // Before the disk: open files of the services keep the directory busy that contains the disk.
    if (servicesHeldId !== undefined) await release(this.held, servicesHeldId);
    for (const path of [cgroups.unified, ...cgroups.limiting, ...(cgroups.named === undefined ? [] : [cgroups.named])])
      await this.releaseCgroup(path);
    if (!this.disk.alive()) throw await this.whatHappened();
    await this.disk.detach();
  }

  async terminate(): Promise<void> {
    this.stopped = true;
    await this.restarting?.catch(() => {});
    // The container's processes first, so that nothing keeps its disk and network busy.
    await removeCgroup(this.state.cgroups.unified).catch(() => {});
    await releaseAll(this.held);
  }

  consoleTail(lines: number): Promise<readonly string[]> {
    return consoleTail(this.state.consoleLog, lines);
  }

  /**
   * The container, once it responds. One that stopped for a reboot is started again.
   * @throws {InstanceError} if it powered itself off or died
   */
  async answering(): Promise<Container> {
    await this.restarting;
    const state = await this.current();
    if (!this.stopped && !this.leaderAlive() && (await this.exitCode()) === REBOOT_EXIT_CODE)
      await this.restart({ timeoutMs: REBOOT_SECONDS * 1000 });
    if (this.stopped || !this.leaderAlive() || !this.disk.alive()) throw await this.whatHappened();
    const { leader, cgroups, directory } = this.state;
    return {
      leader,
      directory,
      limitingCgroups: cgroups.limiting,
      doorCgroup: cgroups.door,
      machineCgroup: cgroups.machine,
      memoryKills: () => memoryKills(cgroups),
      alive: () => isSameProcess(leader.pid, leader.startTime) && this.disk.alive(),
      whatHappened: () => this.whatHappened(state),
    };
  }

  private async door(argv: readonly string[], options: Parameters<typeof atTheDoor>[2]): ReturnType<typeof atTheDoor> {
    const container = await this.answering();
    try {
      return await atTheDoor(container, argv, options);
    } catch (error) {
      throw container.alive()
        ? new InstanceError((error as Error).message, [], { cause: error })
        : await container.whatHappened();
    }
  }

  /** The current state, which another process with this instance may have written. */
  private async current(): Promise<ContainerState> {
    if (!this.leaderAlive()) this.state = (await readState(this.state.directory)) ?? this.state;
    return this.state;
  }

  private leaderAlive(): boolean {
    return isSameProcess(this.state.leader.pid, this.state.leader.startTime);
  }

  /** The exit code of systemd-nspawn, once its monitor has recorded it; `undefined` if it did not end by itself. */
  private async exitCode(): Promise<number | undefined> {
    const { monitor, directory } = this.state;
    await waitForExit(monitor.pid, monitor.startTime, patient(5000));
    const text = await readFile(`${directory}/exit`, 'utf8').catch(() => undefined);
    return text === undefined ? undefined : Number(text);
  }

  private restart(options: BootOptions): Promise<void> {
    this.restarting ??= (async () => {
      try {
        const { cgroups, monitor, slirpHeldId } = this.state;
        if (!this.leaderAlive()) await waitForExit(monitor.pid, monitor.startTime, patient(5000));
        await release(this.held, slirpHeldId);
        // Everything that outlived the container: direct commands, or all processes if its systemd hangs.
        await removeCgroup(cgroups.machine);
        await removeCgroup(cgroups.door);
        await mkdir(cgroups.machine, { recursive: true });
        await mkdir(cgroups.door, { recursive: true });
        this.state = await boot(this.state, this.held, options);
      } finally {
        this.restarting = undefined;
      }
    })();
    return this.restarting;
  }

  private async bootId(): Promise<string> {
    const { stdout } = await this.door(['cat', '/proc/sys/kernel/random/boot_id'], {});
    return stdout.trim();
  }

  private async whatHappened(state: ContainerState = this.state): Promise<InstanceError> {
    const tail = (await consoleTail(state.consoleLog, 20)).filter((line) => !NSPAWN_NOISE.test(line));
    if (!this.disk.alive()) return new InstanceError(diskIsGone(this.id), tail, { code: 'disk-gone' });
    if (this.stopped) return new InstanceError(`${this.id} has been stopped`, tail);
    const code = await this.exitCode();
    if (code === REBOOT_EXIT_CODE) return new InstanceError(`${this.id} rebooted by itself`, tail);
    if (code === 0) return new InstanceError(`${this.id} powered itself off`, tail, { code: 'powered-off' });
    if ((await memoryKills(state.cgroups)) > 0)
      return new InstanceError(`${this.id} ran out of memory, and the kernel killed it`, tail, {
        code: 'out-of-memory',
      });
    if (code !== undefined) return new InstanceError(`${this.id} died: systemd-nspawn ended with ${code}`, tail);
    return new InstanceError(`${this.id} died: its processes were killed`, tail);
  }

  private async releaseCgroup(path: string): Promise<void> {
    for (const { id, thing } of await this.held.list())
      if (thing.kind === 'cgroup' && thing.path === path) await release(this.held, id);
  }
}

const programs: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'systemd-container',
  slirp4netns: 'slirp4netns',
  'qemu-storage-daemon': 'qemu-system-common',
  'qemu-img': 'qemu-utils',
  nft: 'nftables',
  ip: 'iproute2',
  perl: 'perl-base',
  losetup: 'mount',
  sfdisk: 'fdisk',
  resize2fs: 'e2fsprogs',
};

async function missing(): Promise<readonly string[]> {
  const lacks: string[] = [];
  if (process.getuid?.() !== 0) lacks.push('System containers need root: run Ingot as root (or with sudo).');
  for (const [program, debianPackage] of Object.entries(programs)) {
    if (findProgram(program) === undefined)
      lacks.push(`The program ${program} is missing: apt-get install ${debianPackage}.`);
  }
  if ((await hostCgroups('probe', { cpus: 1, memoryMiB: 1 })) === undefined)
    lacks.push('No unified cgroup hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified.');
  if ((await stat('/dev/fuse').catch(() => undefined)) === undefined)
    lacks.push('There is no /dev/fuse: modprobe fuse.');
  if ((await stat('/dev/loop-control').catch(() => undefined)) === undefined)
    lacks.push('There is no /dev/loop-control: modprobe loop.');
  return lacks;
}
