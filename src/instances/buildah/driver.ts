/**
 * Builds container images: buildah runs in separate namespaces, on a separate disk with its storage. The instance is
 * the container that components run in, or that of a launched image's own program.
 */
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { resumeAttachedDisk, type AttachedDisk } from '../../images/attach.ts';
import type { DataKey } from '../../keys/data-key.ts';
import { until } from '../../platform/clock.ts';
import { findProgram } from '../../platform/files.ts';
import { release, releaseAll, removeCgroup, type HeldRecorder } from '../../platform/held.ts';
import { patient } from '../../platform/patience.ts';
import { isSameProcess, start } from '../../platform/processes.ts';
import { readScript } from '../../platform/scripts.ts';
import { doorFilter } from '../confine/filter.ts';
import { consoleLogOf, consoleTail } from '../console.ts';
import {
  InstanceError,
  type Capabilities,
  type CommandRequest,
  type CommandResult,
  type Driver,
  type Instance,
  type InstanceEnd,
  type InstanceHandle,
  type LaunchRequest,
  type StreamedCommand,
  type StreamRequest,
} from '../instance.ts';
import { memoryKills } from '../nspawn/cgroups.ts';
import { atTheDoor, enter, GET_FILE, PUT_FILE, type ContainerDoor } from '../nspawn/door.ts';
import { readingSafely } from '../output.ts';
import { prepareContainer } from '../prepare-container.ts';
import { BUILDAH_ENVIRONMENT, commitArguments, CURRENT, sessionArguments, WORK } from './arguments.ts';
import { runHere, type CommandPlace } from './commands.ts';
import { readHold, refuseEnded, sessionOf, startHold, type HoldState } from './hold.ts';
import { openHere } from './streams.ts';

const capabilities: Capabilities = {
  kernel: false,
  reboots: false,
  liveSnapshots: true,
  bootLoader: false,
  platform: 'Linux',
};

const SESSION_MS = 60_000;
const COMMIT_SECONDS = 600;
const VARIABLES_MS = 2000;
const START = readScript(import.meta.url, 'start.sh');
/** Lines of output that tell why a program failed. */
const PROGRAM_LINES = 5;
const GET_LIMIT = 16 * 1024 * 1024;

/** The driver. */
export const buildahDriver: Driver = { name: 'buildah', makes: 'DOCKER', capabilities, launch, attach, endOf, missing };

/** An instance of this driver, with what a container build can do in addition. */
export interface ContainerInstance extends Instance {
  /** Directory on the host where the build's disk is mounted: `/work` inside. Its content is untrusted. */
  readonly workFolder: string;
  /** Runs a program of the host beside the container, with access to buildah's storage. */
  beside(request: CommandRequest): Promise<CommandResult>;
  /** Ends the working container. @param keep whether to commit it as the current image */
  settle(keep: boolean): Promise<void>;
  /**
   * Starts the program of a launched container, once its storage has the image.
   * @throws {InstanceError} if it ended at once, with its last output
   */
  startProgram(signal?: AbortSignal): Promise<void>;
}

/** Whether an instance builds a container image. */
export function isContainerInstance(instance: Instance): instance is ContainerInstance {
  return instance.handle.driver === buildahDriver.name;
}

async function launch(request: LaunchRequest): Promise<Instance> {
  const { held } = request;
  const consoleLog = consoleLogOf(request);
  try {
    const { plan, ready } = await prepareContainer(request);
    const state = await startHold({ ...plan, program: request.program }, held, request.signal);
    await ready();
    return new BuildahInstance(state, held);
  } catch (error) {
    const console = await consoleTail(consoleLog, 30);
    await releaseAll(held);
    if (error === request.signal?.reason || error instanceof InstanceError) throw error;
    throw new InstanceError(
      `the container build ${request.id} could not be started: ${(error as Error).message}`,
      console,
      { cause: error },
    );
  }
}

async function attach(handle: InstanceHandle, held: HeldRecorder): Promise<Instance> {
  const state = await readHold(String(handle['directory']));
  if (state === undefined || state.id !== handle.id) throw new InstanceError(`nothing is left of ${handle.id}`);
  refuseEnded(state);
  return new BuildahInstance(state, held);
}

async function endOf(handle: InstanceHandle): Promise<InstanceEnd | undefined> {
  const state = await readHold(String(handle['directory']));
  if (state === undefined || state.id !== handle.id) return { reason: 'nothing is left of it' };
  return isSameProcess(state.leader.pid, state.leader.startTime) ? undefined : programEnd(state);
}

/** How the program of a container that has ended did so, with its last output if it failed. */
async function programEnd(state: HoldState): Promise<InstanceEnd> {
  const outOfMemory = (await memoryKills(state.cgroups).catch(() => 0)) > 0;
  const code = await readEnd(`${state.disk.directory}/root/ended`);
  if (code === 0 && !outOfMemory) return {};
  const how =
    code === undefined
      ? outOfMemory
        ? 'it ran out of memory, and the kernel killed it'
        : 'its processes were killed'
      : `its program ended with exit code ${code}${outOfMemory ? ', out of memory' : ''}`;
  const last = await consoleTail(state.consoleLog, PROGRAM_LINES);
  return { reason: last.length === 0 ? how : `${how}: ${last.join(' | ')}` };
}

/** Reads the exit code that `program.sh` left. The disk is the container's, so it is read like any stranger's file. */
async function readEnd(path: string): Promise<number | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      const text = buffer.toString('latin1', 0, bytesRead).trim();
      return /^[0-9]{1,3}$/.test(text) ? Number(text) : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

class BuildahInstance implements ContainerInstance {
  readonly id: string;
  readonly handle: InstanceHandle;
  readonly capabilities = capabilities;
  private readonly state: HoldState;
  private readonly held: HeldRecorder;
  private readonly disk: AttachedDisk;
  private session: Promise<CommandPlace> | undefined;
  private stopped = false;

  constructor(state: HoldState, held: HeldRecorder) {
    this.id = state.id;
    this.handle = { driver: 'buildah', id: state.id, directory: state.directory, consoleLog: state.consoleLog };
    this.state = state;
    this.held = held;
    this.disk = resumeAttachedDisk(state.disk, held);
  }

  get workFolder(): string {
    return this.disk.root;
  }

  async run(request: CommandRequest): Promise<CommandResult> {
    const place = await this.place();
    return readingSafely(request, (each) => runHere(place, each));
  }

  async beside(request: CommandRequest): Promise<CommandResult> {
    this.refuseGone();
    const place: CommandPlace = {
      ...this.surroundings(),
      door: { ...this.door(this.state.leader), filter: doorFilter({ sync: 'skip' }) },
      environment: BUILDAH_ENVIRONMENT,
    };
    return readingSafely(request, (each) => runHere(place, each));
  }

  async open(request: StreamRequest): Promise<StreamedCommand> {
    return openHere(await this.place(), request);
  }

  async startProgram(signal?: AbortSignal): Promise<void> {
    this.refuseGone();
    await atTheDoor(this.door(this.state.leader), ['/bin/sh', '-c', START]);
    const { leader } = this.state;
    await until(
      `the program of ${this.id} to start`,
      patient(SESSION_MS),
      async () => {
        if (isSameProcess(leader.pid, leader.startTime)) return sessionOf(this.state);
        const { reason = 'its program ended at once, with exit code 0' } = await programEnd(this.state);
        throw new InstanceError(reason);
      },
      { everyMs: 20, signal },
    );
  }

  async put(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
    const { door } = await this.place();
    const { code, stderr } = await atTheDoor(door, ['/bin/sh', '-c', PUT_FILE, 'sh', path, mode.toString(8)], {
      input: content,
      okCodes: 'any',
    });
    if (code !== 0) throw new InstanceError(`${path} cannot be written in ${this.id}: ${stderr.trim()}`);
  }

  async get(path: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    const { door } = await this.place();
    const { code, stderr } = await atTheDoor(door, ['/bin/sh', '-c', GET_FILE, 'sh', path, String(GET_LIMIT + 1)], {
      okCodes: 'any',
      maxOutput: GET_LIMIT + (64 << 10),
      onStdout: (chunk: Buffer) => void chunks.push(chunk),
    });
    if (code !== 0) throw new InstanceError(`${path} cannot be read in ${this.id}: ${stderr.trim()}`);
    const content = Buffer.concat(chunks);
    if (content.length > GET_LIMIT) throw new InstanceError(`${path} in ${this.id} is larger than 16 MiB`);
    return content;
  }

  async reboot(): Promise<string> {
    throw new InstanceError('a container cannot be rebooted');
  }

  async snapshot(overlay: string, key?: DataKey): Promise<void> {
    await this.settle(true);
    await this.disk.snapshot(overlay, key);
  }

  async settle(keep: boolean): Promise<void> {
    const session = this.session;
    this.session = undefined;
    if (session === undefined) return;
    await session;
    const first = sessionOf(this.state);
    // Ending its first process ends the whole container, and buildah unmounts its file systems.
    if (first !== undefined && isSameProcess(first.pid, first.startTime)) process.kill(first.pid, 'SIGKILL');
    await until(`the container of ${this.id} to end`, patient(SESSION_MS), () =>
      sessionOf(this.state) === undefined && this.sessionClient?.() !== true ? true : undefined,
    );
    if (!keep) return;
    let said = '';
    const result = await this.beside({
      argv: commitArguments(),
      timeoutSeconds: patient(COMMIT_SECONDS * 1000) / 1000,
      onOutput: (_, chunk) => {
        said = `${said}${chunk.toString('utf8')}`.slice(-2000);
      },
    });
    if (result.exitCode !== 0) throw new InstanceError(`the container's layer could not be written: ${said.trim()}`);
  }

  async stop(): Promise<void> {
    await this.settle(true);
    this.stopped = true;
    const { slirpHeldId, servicesHeldId, cgroups } = this.state;
    await removeCgroup(cgroups.unified);
    await release(this.held, slirpHeldId);
    if (servicesHeldId !== undefined) await release(this.held, servicesHeldId);
    await this.disk.detach();
  }

  async terminate(): Promise<void> {
    this.stopped = true;
    await removeCgroup(this.state.cgroups.unified).catch(() => {});
    await releaseAll(this.held);
  }

  consoleTail(lines: number): Promise<readonly string[]> {
    return consoleTail(this.state.consoleLog, lines);
  }

  private sessionClient: (() => boolean) | undefined;

  private place(): Promise<CommandPlace> {
    this.refuseGone();
    this.session ??= this.startSession().catch((error: unknown) => {
      this.session = undefined;
      throw error;
    });
    return this.session;
  }

  private async startSession(): Promise<CommandPlace> {
    const { directory, leader } = this.state;
    const running = sessionOf(this.state);
    if (running === undefined && this.state.program !== undefined)
      throw new InstanceError(`the program of ${this.id} ended`);
    const first = running ?? (await this.makeSession());
    // A process has its program's name a moment before its environment.
    const text = await until(
      `the variables of ${this.id}`,
      patient(VARIABLES_MS),
      async () => (await readFile(`/proc/${first.pid}/environ`, 'latin1')) || undefined,
      { everyMs: 5 },
    ).catch(() => '');
    const environment = Object.fromEntries(
      text
        .slice(0, 1 << 20)
        .split('\0')
        .flatMap((line) => {
          const at = line.indexOf('=');
          return at <= 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
        }),
    );
    return {
      ...this.surroundings(),
      directory,
      door: this.door(first),
      environment,
      alive: () =>
        isSameProcess(leader.pid, leader.startTime) && isSameProcess(first.pid, first.startTime) && this.disk.alive(),
    };
  }

  private async makeSession() {
    const entered = enter(
      { ...this.door(this.state.leader), filter: doorFilter({ sync: 'skip' }) },
      sessionArguments(),
    );
    const client = await start(entered.command, {
      env: { ...BUILDAH_ENVIRONMENT, TMPDIR: `${WORK}/tmp` },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let said = '';
    let ended = false;
    for (const stream of [client.stdout!, client.stderr!])
      stream.on('data', (chunk: Buffer) => {
        said = `${said}${chunk.toString('utf8')}`.slice(-2000);
      });
    void client.exited.then(() => {
      ended = true;
      entered.leave();
    });
    this.sessionClient = () => !ended;
    return until(
      `the container of ${this.id}`,
      patient(SESSION_MS),
      () => {
        if (ended)
          throw new InstanceError(
            `no container could be started from the image: ${said.trim() || 'buildah ended without a word'}`,
          );
        return sessionOf(this.state);
      },
      { everyMs: 5 },
    );
  }

  private door(leader: ContainerDoor['leader']): ContainerDoor {
    const { cgroups } = this.state;
    return { leader, limitingCgroups: cgroups.limiting, doorCgroup: cgroups.door };
  }

  private surroundings(): Omit<CommandPlace, 'door' | 'environment'> {
    const { leader, cgroups, directory } = this.state;
    return {
      directory,
      memoryKills: () => memoryKills(cgroups),
      alive: () => isSameProcess(leader.pid, leader.startTime) && this.disk.alive(),
      whatHappened: async () => {
        if ((await memoryKills(cgroups)) === 0)
          return new InstanceError(
            this.state.program === undefined
              ? `the container of ${this.id} ended: its first process was killed`
              : `the program of ${this.id} ended`,
          );
        return new InstanceError(`the container of ${this.id} ran out of memory, and the kernel killed it`, [], {
          code: 'out-of-memory',
        });
      },
    };
  }

  private refuseGone(): void {
    if (this.stopped) throw new InstanceError(`${this.id} has been stopped`);
    refuseEnded(this.state);
    if (!this.disk.alive())
      throw new InstanceError(`the disk of ${this.id} is gone: its storage daemon ended`, [], { code: 'disk-gone' });
  }
}

/** Name of the image that the working container is created from, and committed to. */
export const CURRENT_IMAGE = CURRENT;

const programs: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  crun: 'crun',
  skopeo: 'skopeo',
  slirp4netns: 'slirp4netns',
  'qemu-storage-daemon': 'qemu-system-common',
  nft: 'nftables',
  perl: 'perl-base',
  losetup: 'mount',
};

async function missing(): Promise<readonly string[]> {
  const lacks: string[] = [];
  if (process.getuid?.() !== 0) lacks.push('Container builds need root: run Ingot as root (or with sudo).');
  for (const [program, debianPackage] of Object.entries(programs)) {
    if (findProgram(program) === undefined)
      lacks.push(`The program ${program} is missing: apt-get install ${debianPackage}.`);
  }
  return lacks;
}
