/**
 * Builds container images: buildah runs in separate namespaces, on a separate disk with its storage. The instance is
 * the container that components run in.
 */
import type { DataKey } from '../../keys/data-key.ts';
import { readFile } from 'node:fs/promises';
import { resumeAttachedDisk, type AttachedDisk } from '../../images/attach.ts';
import { until } from '../../platform/clock.ts';
import { release, releaseAll, removeCgroup, type HeldRecorder } from '../../platform/held.ts';
import { patient } from '../../platform/patience.ts';
import { isSameProcess, start } from '../../platform/processes.ts';
import { doorFilter } from '../confine/filter.ts';
import { consoleLogOf, consoleTail } from '../console.ts';
import {
  InstanceError,
  type Capabilities,
  type CommandRequest,
  type CommandResult,
  type Driver,
  type Instance,
  type InstanceHandle,
  type LaunchRequest,
  type StreamedCommand,
} from '../instance.ts';
import { memoryKills } from '../nspawn/cgroups.ts';
import { atTheDoor, enter, getFile, putFile, type ContainerDoor } from '../nspawn/door.ts';
import { missingForContainers } from '../nspawn/host-programs.ts';
import { readingSafely } from '../output.ts';
import { prepareContainer } from '../prepare-container.ts';
import { BUILDAH_ENVIRONMENT, commitArguments, CURRENT, sessionArguments, WORK } from './arguments.ts';
import { runHere, type CommandPlace } from './commands.ts';
import { readHold, refuseEnded, sessionOf, startHold, type HoldState } from './hold.ts';

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

/** The driver. */
export const buildahDriver: Driver = { name: 'buildah', makes: 'DOCKER', capabilities, launch, attach, missing };

/** An instance of this driver, with what a container build can do in addition. */
export interface ContainerInstance extends Instance {
  /** Directory on the host where the build's disk is mounted: `/work` inside. Its content is untrusted. */
  readonly workFolder: string;
  /** Runs a program of the host beside the container, with access to buildah's storage. */
  beside(request: CommandRequest): Promise<CommandResult>;
  /** Ends the working container. @param keep whether to commit it as the current image */
  settle(keep: boolean): Promise<void>;
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
    const state = await startHold(plan, held, request.signal);
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

  async open(): Promise<StreamedCommand> {
    throw new InstanceError('a container build has no shell yet');
  }

  async put(path: string, content: string | Buffer, mode = 0o644): Promise<void> {
    const { door } = await this.place();
    await putFile((argv, options) => atTheDoor(door, argv, options), this.id, path, content, mode);
  }

  async get(path: string): Promise<Buffer> {
    const { door } = await this.place();
    return getFile((argv, options) => atTheDoor(door, argv, options), this.id, path);
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
          return new InstanceError(`the container of ${this.id} ended: its first process was killed`);
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

async function missing(): Promise<readonly string[]> {
  return missingForContainers('Container builds', { buildah: 'buildah', crun: 'crun', skopeo: 'skopeo' });
}
