/** One running virtual machine. */
import { createOverlay, diskInfo } from '../../images/disks.ts';
import { createEncrypted } from '../../images/encrypted-disk.ts';
import type { DataKey } from '../../keys/data-key.ts';
import { sleep } from '../../platform/clock.ts';
import { releaseAll, type HeldRecorder } from '../../platform/held.ts';
import { patience, patient } from '../../platform/patience.ts';
import { isSameProcess, signalProcess, waitForExit } from '../../platform/processes.ts';
import { connectQmp, type Qmp } from '../../platform/qmp.ts';
import { ringTail } from '../../platform/ring-file.ts';
import { bootFailure, ConsoleReader, consoleTail } from '../console.ts';
import {
  InstanceError,
  type Capabilities,
  type CommandRequest,
  type CommandResult,
  type Instance,
  type LaunchRequest,
  type StreamedCommand,
  type StreamRequest,
} from '../instance.ts';
import { readingSafely } from '../output.ts';
import { DISK_DEVICE, diskNode, machineFiles, type Accelerator, type MachineFiles } from './arguments.ts';
import { runInGuest } from './commands.ts';
import { getFromGuest, putInGuest } from './guest-files.ts';
import { bootId, type Guest } from './guest.ts';
import { BootProgress, processTimes, STALL_MS } from './boot-progress.ts';
import { agentExec, GuestAgentMisbehaved, guestAgent, type GuestAgent } from './guest-agent.ts';
import { openInGuest } from './streams.ts';

/** What another process needs to attach to the machine. */
export interface QemuHandle {
  readonly driver: 'qemu';
  readonly id: string;
  readonly directory: string;
  readonly consoleLog: string;
  readonly pid: number;
  /** Clock ticks since boot, which together with the pid identify it. */
  readonly startTime: string;
  readonly accelerator: Accelerator;
  /** Its seconds are longer than the host's: see `MachineOptions.ownTime`. */
  readonly ownTime?: boolean;
  readonly [member: string]: unknown;
}

/** A wait for the agent of a starting system. */
export interface AgentWait {
  readonly seconds: number;
  /** The previous boot id, which must change; none on first boot. */
  readonly after: string | undefined;
  /** What starts, for messages. */
  readonly what: string;
  readonly signal?: AbortSignal;
  /** Milliseconds without kernel output on the console after which `error` is thrown. */
  readonly noKernel?: { readonly afterMs: number; readonly error: () => Error };
}

const TAIL_LINES = 150;
const LOG_TAIL_BYTES = 4096;
/**
 * Under emulation the kernel counts timer ticks against processor time, which a busy host provides unevenly. Nothing
 * was written to the disk yet.
 */
const TIMER_PANIC = /Kernel panic - not syncing: IO-APIC \+ timer doesn't work/;
const KERNEL_SPEAKS = /Linux version|systemd\[1\]|\[ {0,5}\d+\.\d{6}\]/;
/**
 * Limit of a reboot, including the shutdown, in seconds. 240 were too short for an emulated machine on a host with ten
 * tasks per core.
 */
const REBOOT_SECONDS: Readonly<Record<Accelerator, number>> = { kvm: 240, tcg: 900 };
/** Time between checks of a starting machine's progress, in milliseconds. */
const LOOK_MS = 2000;
/** How long a responding system may take until its services are up, including cloud-init with user data. */
const SETTLE_SECONDS = 240;
/** The same in a machine's own time, whose seconds take several of the host's. */
const OWN_SETTLE_SECONDS = 60;
/** Milliseconds for each way of stopping. */
const POWERDOWN_MS = 60_000;
const GUEST_SHUTDOWN_MS = 30_000;
const QUIT_MS = 10_000;

/** The `qemu` driver's instance. */
export class QemuInstance implements Instance {
  readonly id: string;
  readonly handle: QemuHandle;
  readonly capabilities: Capabilities;
  private readonly held: HeldRecorder;
  private readonly report: NonNullable<LaunchRequest['report']>;
  private readonly files: MachineFiles;
  private readonly console: ConsoleReader;
  private readonly agent: GuestAgent;
  private readonly guest: Guest;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    handle: QemuHandle,
    held: HeldRecorder,
    capabilities: Capabilities,
    report: LaunchRequest['report'] = () => {},
  ) {
    this.id = handle.id;
    this.handle = handle;
    this.capabilities = capabilities;
    this.held = held;
    this.report = report;
    this.files = machineFiles(handle.directory);
    this.console = new ConsoleReader(handle.consoleLog);
    this.agent = guestAgent(this.files.agentSocket);
    this.guest = {
      agent: this.agent,
      check: () => {
        if (!this.alive()) throw new Error('its QEMU process has ended');
      },
    };
  }

  async run(request: CommandRequest): Promise<CommandResult> {
    return readingSafely(request, (each) => this.talk('a command', () => runInGuest(this.guest, each), each.signal));
  }

  async open(request: StreamRequest): Promise<StreamedCommand> {
    return this.talk('a command', () =>
      openInGuest(this.guest, (work) => this.withQmp(work), this.handle.directory, request),
    );
  }

  async put(path: string, content: string | Buffer, mode?: number): Promise<void> {
    return this.talk(`writing ${path}`, () => putInGuest(this.guest, path, content, mode));
  }

  async get(path: string): Promise<Buffer> {
    return this.talk(`reading ${path}`, () => getFromGuest(this.guest, path));
  }

  async reboot(options: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal } = {}): Promise<string> {
    return this.talk(
      'a reboot',
      async () => {
        const before = await bootId(this.agent);
        if (this.timer === undefined) await this.console.skip();
        // The answer races with the shutdown; the boot id shows whether it rebooted.
        await agentExec(this.agent, ['systemctl', '--no-block', 'reboot'], { timeoutMs: 10_000 }).catch(() => {});
        return this.awaitBoot({
          seconds: options.timeoutSeconds ?? patient(REBOOT_SECONDS[this.handle.accelerator]),
          after: before,
          what: `instance ${this.id} after its reboot`,
          signal: options.signal,
        });
      },
      options.signal,
    );
  }

  async snapshot(overlay: string, key?: DataKey): Promise<void> {
    return this.talk('a snapshot', () =>
      this.withQmp(async (qmp) => {
        const top = await topNode(qmp);
        if (key === undefined) await createOverlay(top.file, overlay);
        else await createEncrypted(overlay, key, (await diskInfo(top.file)).virtualSize, top.file);
        const name = `layer${Number(/^layer(\d+)$/.exec(top.node)?.[1] ?? 0) + 1}`;
        // QEMU has the secret of this key since its start.
        const encryption = key && { files: [{ path: overlay, key }] };
        await qmp.execute('blockdev-add', diskNode(name, overlay, true, encryption));
        try {
          await this.frozen(() => qmp.execute('blockdev-snapshot', { node: top.node, overlay: name }));
        } catch (error) {
          await qmp.execute('blockdev-del', { 'node-name': name }).catch(() => {});
          throw error;
        }
      }),
    );
  }

  async stop(): Promise<void> {
    await this.stopFollowing();
    const ways: readonly [what: string, ms: number, everyMs: number, ask: () => Promise<unknown>][] = [
      // Right after a boot the button may be ignored, so it is pressed repeatedly.
      [
        'a press of the power button',
        POWERDOWN_MS,
        5000,
        () => this.withQmp((qmp) => qmp.execute('system_powerdown', undefined, 5000)),
      ],
      [
        'a shutdown by the guest agent',
        GUEST_SHUTDOWN_MS,
        GUEST_SHUTDOWN_MS,
        () => this.agent.execute('guest-shutdown', { mode: 'powerdown' }, 3000),
      ],
      [
        'an end without a shutdown',
        QUIT_MS,
        QUIT_MS,
        () => this.withQmp((qmp) => qmp.execute('quit', undefined, 5000)),
      ],
    ];
    for (const [index, [what, ms, everyMs, ask]] of ways.entries()) {
      if (index > 0)
        this.report({ text: `instance ${this.id} did not stop on ${ways[index - 1]![0]}; now ${what}`, level: 'warn' });
      for (const deadline = Date.now() + patient(ms); this.alive() && Date.now() < deadline; ) {
        await ask().catch(() => {}); // An error and no answer mean the same: the process shows whether it stopped.
        await this.gone(Math.min(everyMs, deadline - Date.now()));
      }
      if (!this.alive()) break;
    }
    if (this.alive()) {
      signalProcess(this.handle.pid, this.handle.startTime, 'SIGKILL');
      if (!(await this.gone(patient(QUIT_MS))))
        throw new InstanceError(
          `instance ${this.id} does not stop, even by SIGKILL`,
          await this.consoleTail(TAIL_LINES),
        );
    }
    await this.readConsole();
    this.agent.close();
  }

  async terminate(): Promise<void> {
    await this.stopFollowing();
    this.agent.close();
    await releaseAll(this.held);
  }

  consoleTail(lines: number): Promise<readonly string[]> {
    return consoleTail(this.handle.consoleLog, lines);
  }

  /** Reports new console output until the machine stops. Does not keep the process alive. */
  followConsole(): void {
    this.timer ??= setInterval(() => {
      void this.readConsole().then(() => {
        if (!this.alive()) void this.stopFollowing();
      });
    }, 500).unref();
  }

  /**
   * Waits until the system has started: its guest agent responds, and everything that starts at boot has started, as in
   * a ready container. A system that never gets there is used as it is, with a warning that names what is awaited or
   * has failed.
   * @returns the boot id
   * @throws {InstanceError} at the deadline, or as soon as it is clear that the system will not respond
   */
  async awaitBoot(wait: AgentWait): Promise<string> {
    const started = Date.now();
    const id = await this.awaitAgent(wait, started);
    await this.talk('the end of its boot', () => this.awaitServices(wait, started), wait.signal);
    return id;
  }

  private async awaitServices({ what, signal }: AgentWait, started: number): Promise<void> {
    const ask = (argv: readonly string[], seconds: number) =>
      agentExec(this.agent, argv, { timeoutMs: seconds * 1000, signal });
    const { stdout } = await ask(
      [
        'timeout',
        String(this.handle.ownTime ? OWN_SETTLE_SECONDS : patient(SETTLE_SECONDS)),
        'systemctl',
        'is-system-running',
        '--wait',
      ],
      SETTLE_SECONDS + 30,
    );
    const state = stdout.toString().trim();
    if (state === 'running') {
      this.report({ text: `${what} has started all its services after ${secondsSince(started)} s`, level: 'debug' });
      return;
    }
    const degraded = state === 'degraded';
    const { exitCode, stdout: units } = await ask(
      degraded
        ? ['systemctl', 'list-units', '--failed', '--no-legend', '--plain']
        : ['systemctl', 'list-jobs', '--no-legend', '--plain'],
      30,
    );
    if (exitCode !== 0) return; // Without systemd there is no way to know when a system has started.
    const names = units
      .toString()
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/)[degraded ? 0 : 1])
      .join(', ')
      .slice(0, 2000);
    this.report({
      level: 'warn',
      text: degraded
        ? `${what} has started, but these of its units failed: ${names}`
        : `${what} is used although not all of its services have started: ${names}`,
    });
  }

  /** Waits for the guest agent's answer, and reports what is awaited. */
  private async awaitAgent(wait: AgentWait, started: number): Promise<string> {
    const deadline = started + wait.seconds * 1000;
    let stage = '';
    let recent = '';
    let kernel = false;
    let timerPanics = 0;
    const progress = new BootProgress(started, patient(STALL_MS), this.handle.ownTime ? patience() : 1);
    let looked = started;
    for (;;) {
      wait.signal?.throwIfAborted();
      const lines = await this.readConsole();
      progress.printed(lines, this.console.prompt, Date.now());
      recent = (recent + lines.map((line) => `${line}\n`).join('')).slice(-4096);
      if (TIMER_PANIC.test(recent) && timerPanics++ < 5) {
        this.report({
          text: `${wait.what}: the kernel's check of its timer failed, which happens on a busy host; starting it again`,
          level: 'warn',
        });
        await this.withQmp((qmp) => qmp.execute('system_reset'));
        recent = '';
        progress.reset();
      }
      // A rebooting system is silent for as long as its services take to stop.
      if (wait.after === undefined && Date.now() - looked > LOOK_MS) {
        looked = Date.now();
        progress.look({ at: looked, reads: await this.diskReads(), ...processTimes(this.handle.pid) });
      }
      const failure = bootFailure(recent + this.console.prompt) ?? progress.hopeless();
      if (failure !== undefined) throw await this.failure(`${wait.what} does not start: ${failure}`);
      if (!this.alive())
        throw await this.failure(`${wait.what} does not start: its QEMU process ended${await this.logTail()}`);
      kernel ||= KERNEL_SPEAKS.test(recent);
      const now = kernel ? 'its guest agent' : this.console.printed ? 'its kernel' : 'its first output';
      if (now !== stage) {
        stage = now;
        this.report({ text: `waiting for ${wait.what}: ${stage}`, level: 'debug' });
      }
      try {
        const id = await bootId(this.agent, 1000);
        if (id !== wait.after) {
          this.report({ text: `${wait.what} answers after ${secondsSince(started)} s`, level: 'info' });
          return id;
        }
      } catch (error) {
        // Any other error means that it is not ready yet.
        if (error instanceof GuestAgentMisbehaved) throw await this.failure(`${wait.what}: ${error.message}`, error);
      }
      if (wait.noKernel !== undefined && !kernel && Date.now() - started > wait.noKernel.afterMs)
        throw wait.noKernel.error();
      if (Date.now() > deadline)
        throw await this.failure(`${wait.what} does not answer: waited ${wait.seconds} s, at last for ${stage}`);
      await sleep(100, wait.signal);
    }
  }

  /** How often the machine read its disk; -1, which counts as a change, if QEMU does not answer. */
  private async diskReads(): Promise<number> {
    try {
      const stats = await this.withQmp((qmp) =>
        qmp.execute<readonly { readonly stats: { readonly rd_operations: number } }[]>(
          'query-blockstats',
          undefined,
          5000,
        ),
      );
      return stats.reduce((sum, each) => sum + each.stats.rd_operations, 0);
    } catch {
      return -1; // It is starting, or has ended.
    }
  }

  private alive(): boolean {
    return isSameProcess(this.handle.pid, this.handle.startTime);
  }

  private gone(timeoutMs: number): Promise<boolean> {
    return waitForExit(this.handle.pid, this.handle.startTime, Math.max(0, timeoutMs));
  }

  /** Converts an error to an `InstanceError`. An abort is thrown unchanged. */
  private async talk<T>(what: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      this.guest.check();
      return await work();
    } catch (error) {
      if (error instanceof InstanceError || (signal?.aborted && error === signal.reason)) throw error;
      if (!this.alive())
        throw await this.failure(
          `instance ${this.id} is gone: its QEMU process ended during ${what}${await this.logTail()}`,
          error,
        );
      throw await this.failure(`instance ${this.id}, ${what}: ${(error as Error).message}`, error);
    }
  }

  private async failure(message: string, cause?: unknown): Promise<InstanceError> {
    return new InstanceError(message, await this.consoleTail(TAIL_LINES), cause === undefined ? undefined : { cause });
  }

  private async logTail(): Promise<string> {
    const text = (await ringTail(this.files.log, LOG_TAIL_BYTES))
      .toString('utf8')
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    return text ? `: ${text}` : '';
  }

  /** QEMU serves one connection at a time, so none stays open. */
  private async withQmp<T>(work: (qmp: Qmp) => Promise<T>): Promise<T> {
    const qmp = await connectQmp(this.files.qmpSocket, 10_000);
    try {
      return await work(qmp);
    } finally {
      qmp.close();
    }
  }

  /** Runs work while the guest's file systems are frozen, and always thaws them. */
  private frozen<T>(work: () => Promise<T>): Promise<T> {
    return this.agent.exclusively(async (execute) => {
      try {
        await execute('guest-fsfreeze-freeze', undefined, 60_000);
        return await work();
      } finally {
        await thaw(execute);
      }
    });
  }

  private async readConsole(): Promise<readonly string[]> {
    const lines = await this.console.read().catch(() => []); // Its directory may have been removed.
    for (const text of lines) if (text.trim() !== '') this.report({ text, stream: 'console' });
    return lines;
  }

  private async stopFollowing(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

function secondsSince(started: number): string {
  return ((Date.now() - started) / 1000).toFixed(1);
}

async function thaw(execute: GuestAgent['execute']): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await execute('guest-fsfreeze-thaw', undefined, 30_000);
      return;
    } catch (error) {
      if (attempt === 3)
        throw new Error(`the guest's file systems were frozen and could not be thawed: ${(error as Error).message}`, {
          cause: error,
        });
      await sleep(500);
    }
  }
}

interface BlockInfo {
  readonly qdev?: string;
  readonly inserted?: { readonly 'node-name'?: string };
}

/** The file that the disk's device currently writes to. */
async function topNode(qmp: Qmp): Promise<{ readonly node: string; readonly file: string }> {
  const blocks = await qmp.execute<readonly BlockInfo[]>('query-block');
  const node = blocks.find((each) => each.qdev?.split('/').includes(DISK_DEVICE))?.inserted?.['node-name'];
  // The node of the file has its plain name; a qcow2 node that was put over another one describes itself in JSON.
  const nodes = await qmp.execute<readonly { readonly 'node-name'?: string; readonly file: string }[]>(
    'query-named-block-nodes',
    { flat: true },
  );
  const file = nodes.find((each) => each['node-name'] === `${node}-file`)?.file;
  if (node === undefined || file === undefined) throw new Error('QEMU does not know the disk');
  return { node, file };
}
