/**
 * The instance contract for an existing Windows machine that is reached by ssh: `ingot toe run --on ssh://…` runs
 * documents on it. Not in the register of drivers, because it launches no machines and images are not built on one. It
 * uses the host's own `ssh`, with the user's configuration.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../platform/clock.ts';
import { findProgram } from '../../platform/files.ts';
import { patient } from '../../platform/patience.ts';
import { run, start, waitForExit, type RunningProcess } from '../../platform/processes.ts';
import {
  InstanceError,
  type Capabilities,
  type CommandRequest,
  type CommandResult,
  type Instance,
} from '../instance.ts';
import { readingSafely } from '../output.ts';
import {
  BOOT_ID,
  GET,
  powerShellCommand,
  PUT,
  SUPERVISOR,
  supervisorInput,
  SupervisorFilter,
} from './windows-programs.ts';

/** A machine that the user named. */
export interface SshMachine {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  /** Passed to ssh with `-F`, in place of the user's own configuration. */
  readonly configFile?: string;
}

const capabilities: Capabilities = {
  kernel: true,
  reboots: true,
  liveSnapshots: false,
  bootLoader: true,
  platform: 'Windows',
};
const GET_LIMIT = 16 << 20;
/** Maximum output of one of this module's programs, in bytes: a file, and PowerShell's own messages. */
const ASK_LIMIT = 2 * GET_LIMIT;
/** The ssh process ends with this process, even if that one is killed. */
const SSH = ['setpriv', '--pdeathsig', 'KILL', '--', 'ssh'] as const;
/** Exit code of ssh for its own errors. */
const SSH_FAILED = 255;
/**
 * ssh gets the whole environment, for the user's agent and for programs of the user's configuration (`ProxyCommand`,
 * `Match exec`).
 */
const AS_THE_USER = { inherit: 'all' } as const;
const CONNECT_SECONDS = 15;
/** How long processes that a command left running may hold its outputs open, in milliseconds. */
const STREAM_GRACE_MS = 2000;
/** How long an abort waits for a command that has not reported its process id yet, in milliseconds. */
const ABORT_GRACE_MS = 10_000;
const SMALL_MS = 60_000;
/** Limit of a restart in seconds: installing updates takes long. */
const REBOOT_SECONDS = 1800;
const LOOK_MS = 2000;

/**
 * Parses `ssh://[USER@]HOST[:PORT]`.
 * @throws {Error} if it is invalid
 */
export function parseMachine(address: string): SshMachine {
  const url = URL.parse(address);
  if (
    url?.protocol !== 'ssh:' ||
    url.hostname === '' ||
    url.hostname.startsWith('-') ||
    url.username.startsWith('-') ||
    url.password !== '' ||
    !['', '/'].includes(url.pathname) ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw new Error(`invalid address '${address}': expected ssh://[USER@]HOST[:PORT]`);
  }
  return {
    host: decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ''),
    ...(url.username === '' ? {} : { user: decodeURIComponent(url.username) }),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
  };
}

/**
 * Connects to a machine.
 * @throws {InstanceError} if ssh cannot connect, or PowerShell does not answer
 */
export async function connectToWindows(id: string, machine: SshMachine, signal?: AbortSignal): Promise<Instance> {
  if (findProgram('ssh') === undefined)
    throw new InstanceError('ssh is missing: install the Debian package openssh-client');
  const directory = await mkdtemp(join(tmpdir(), 'ingot-ssh-'));
  const instance = new WindowsInstance(id, machine, directory);
  try {
    await instance.bootId(signal);
    return instance;
  } catch (error) {
    await instance.terminate();
    signal?.throwIfAborted();
    throw error;
  }
}

class WindowsInstance implements Instance {
  readonly id: string;
  readonly handle;
  readonly capabilities = capabilities;
  readonly #machine: SshMachine;
  /** Directory for the socket of the connection that commands share, so that each need not log in again. */
  readonly #directory: string;
  #connection: RunningProcess | undefined;

  constructor(id: string, machine: SshMachine, directory: string) {
    this.id = id;
    this.handle = { driver: 'ssh', id };
    this.#machine = machine;
    this.#directory = directory;
  }

  run(request: CommandRequest): Promise<CommandResult> {
    return readingSafely(request, (each) => this.#run(each));
  }

  async #run(request: CommandRequest): Promise<CommandResult> {
    if (request.argv === undefined)
      throw new TypeError('a command on Windows has argv: scripts of bash do not run there');
    if (request.user !== undefined)
      throw new InstanceError(`a command on Windows runs as the user that ssh logs in as, not as ${request.user}`);
    request.signal?.throwIfAborted();
    const mark = randomBytes(12).toString('hex');
    const input = supervisorInput({
      mark,
      argv: request.argv,
      cwd: request.cwd ?? 'C:/',
      env: request.env ?? {},
      stdin: Buffer.from(request.stdin ?? ''),
      timeoutSeconds: request.timeoutSeconds,
    });
    let result: CommandResult | undefined;
    let pid: number | undefined;
    let said = '';
    const ssh = await this.#start(powerShellCommand(SUPERVISOR));
    // The shared connection carries the streams too, so they end with the command or when they are no longer read, not
    // with this ssh.
    const leave = (): void => {
      ssh.kill('SIGKILL');
      for (const stream of [ssh.stdout!, ssh.stderr!]) stream.destroy();
    };
    let killing: Promise<void> | undefined;
    let grace: NodeJS.Timeout | undefined;
    const abort = (): void => {
      // Until the process id is known, the command continues.
      if (pid === undefined) grace = setTimeout(leave, patient(ABORT_GRACE_MS));
      else killing ??= this.#kill(pid).finally(leave);
    };
    const filter = new SupervisorFilter(
      mark,
      (chunk) => {
        said = (said + chunk.toString('utf8')).slice(-1000);
        request.onOutput?.('stderr', chunk);
      },
      (word) => {
        if (word.said === 'pid') {
          pid = word.pid;
          if (request.signal?.aborted) abort();
        } else {
          result =
            word.said === 'exited'
              ? { exitCode: word.exitCode, signal: null, timedOut: false }
              : { exitCode: null, signal: 'SIGKILL', timedOut: true };
          clearTimeout(grace);
          grace = setTimeout(leave, patient(STREAM_GRACE_MS));
        }
      },
    );
    ssh.stdout!.on('data', (chunk: Buffer) => request.onOutput?.('stdout', chunk));
    ssh.stderr!.on('data', (chunk: Buffer) => filter.add(chunk));
    ssh.stdin!.on('error', () => {}); // It may have ended; the exit code shows how.
    ssh.stdin!.end(input);
    request.signal?.addEventListener('abort', abort, { once: true });
    if (request.signal?.aborted) abort();
    try {
      const [{ code }] = await Promise.all([
        ssh.exited,
        ...[ssh.stdout!, ssh.stderr!].map((stream) => new Promise((resolve) => stream.once('close', resolve))),
      ]);
      filter.end();
      await killing;
      if (request.signal?.aborted) throw request.signal.reason;
      if (result !== undefined) return result;
      throw new InstanceError(
        code === SSH_FAILED
          ? `${this.id} is no longer reachable: ${lastLine(said) || 'ssh ended'}`
          : `${this.id} did not report the result of ${request.argv[0]}: ${lastLine(said) || `ssh ended with ${code}`}`,
      );
    } finally {
      clearTimeout(grace);
      request.signal?.removeEventListener('abort', abort);
    }
  }

  open(): Promise<never> {
    return Promise.reject(
      new InstanceError(`${this.id} is reached by ssh: use ssh itself for a shell or to copy files`),
    );
  }

  async put(path: string, content: string | Buffer): Promise<void> {
    await this.#ask(PUT, { path, content: Buffer.from(content).toString('base64') }, `${path} cannot be written`);
  }

  get(path: string): Promise<Buffer> {
    return this.#ask(GET, { path, limit: GET_LIMIT }, `${path} cannot be read`);
  }

  async reboot(options: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal } = {}): Promise<string> {
    const before = await this.bootId(options.signal);
    // It may shut down before it answers; the boot id shows whether it rebooted.
    await this.run({ argv: ['shutdown.exe', '/r', '/f', '/t', '0'], timeoutSeconds: 60 }).catch(() => {});
    const seconds = options.timeoutSeconds ?? patient(REBOOT_SECONDS);
    for (const deadline = Date.now() + seconds * 1000; ; ) {
      await this.#disconnect();
      await sleep(LOOK_MS, options.signal);
      const now = await this.bootId(options.signal).catch(() => undefined);
      options.signal?.throwIfAborted();
      if (now !== undefined && now !== before) return now;
      if (Date.now() > deadline)
        throw new InstanceError(
          `${this.id} ${now === undefined ? 'does not answer' : 'has not restarted'} ${Math.round(seconds)} s ` +
            'after the restart request',
        );
    }
  }

  snapshot(): Promise<never> {
    return Promise.reject(new InstanceError(`${this.id} is reached by ssh and has no disk that is a layer`));
  }

  async stop(): Promise<void> {}

  /** Closes the connection. The machine belongs to its owner and keeps running. */
  async terminate(): Promise<void> {
    await this.#disconnect();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async consoleTail(): Promise<readonly string[]> {
    return [];
  }

  /** An id that changes with each boot. */
  async bootId(signal?: AbortSignal): Promise<string> {
    const id = (await this.#ask(BOOT_ID, {}, 'its PowerShell does not answer', signal)).toString('utf8').trim();
    if (!/^\d+$/.test(id))
      throw new InstanceError(`${this.id} is not a Windows machine with PowerShell: it answered '${id.slice(0, 100)}'`);
    return id;
  }

  /**
   * Runs one of this module's programs to its end.
   * @throws {InstanceError} that begins with `what`, with the reason
   */
  async #ask(program: string, input: object, what: string, signal?: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    await this.#connect(signal);
    const { code, stderr } = await run(this.#argv(powerShellCommand(program)), {
      ...AS_THE_USER,
      input: JSON.stringify(input),
      okCodes: 'any',
      timeoutMs: patient(SMALL_MS),
      maxOutput: ASK_LIMIT,
      onStdout: (chunk) => void chunks.push(chunk),
      signal,
    });
    if (code === 0) return Buffer.concat(chunks);
    throw new InstanceError(
      code === SSH_FAILED
        ? unreachable(this.#machine, stderr)
        : `${what} on ${this.#machine.host}: ${lastLine(stderr) || `exit code ${code}`}`,
    );
  }

  async #start(command: string): Promise<RunningProcess> {
    await this.#connect();
    return start(this.#argv(command), { ...AS_THE_USER, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  }

  #argv(command: string): readonly string[] {
    return [...SSH, ...this.#options(), '-o', 'ControlMaster=no', '--', this.#machine.host, command];
  }

  #options(): readonly string[] {
    const { user, port, configFile } = this.#machine;
    return [
      ...(configFile === undefined ? [] : ['-F', configFile]),
      '-o',
      'BatchMode=yes',
      '-o',
      `ConnectTimeout=${CONNECT_SECONDS}`,
      '-o',
      'ServerAliveInterval=15',
      '-o',
      'ServerAliveCountMax=4',
      '-o',
      `ControlPath=${this.#socket()}`,
      ...(user === undefined ? [] : ['-l', user]),
      ...(port === undefined ? [] : ['-p', String(port)]),
      '-T',
    ];
  }

  #socket(): string {
    return join(this.#directory, 's');
  }

  /** Opens the connection that commands share. Without it each command connects by itself. */
  async #connect(signal?: AbortSignal): Promise<void> {
    if (this.#connection !== undefined) return;
    const connection = await start(
      [...SSH, ...this.#options(), '-o', 'ControlMaster=yes', '-N', '--', this.#machine.host],
      { ...AS_THE_USER, stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    this.#connection = connection;
    let said = '';
    connection.stderr!.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-1000);
    });
    let ended = false;
    void connection.exited.then(() => {
      ended = true;
      if (this.#connection === connection) this.#connection = undefined;
    });
    for (const deadline = Date.now() + patient(CONNECT_SECONDS * 1000); ; ) {
      const { code } = await run(
        ['ssh', '-O', 'check', '-o', `ControlPath=${this.#socket()}`, '-F', 'none', '--', this.#machine.host],
        { okCodes: 'any' },
      );
      if (code === 0) return;
      if (ended || Date.now() > deadline) {
        await this.#disconnect();
        throw new InstanceError(unreachable(this.#machine, said));
      }
      await sleep(50, signal);
    }
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    connection.kill('SIGTERM');
    await waitForExit(connection.pid, connection.startTime, patient(5000));
    connection.kill('SIGKILL');
    await rm(this.#socket(), { force: true });
  }

  /** Kills a command and everything that it started. */
  async #kill(pid: number): Promise<void> {
    await run(this.#argv(`taskkill.exe /T /F /PID ${pid}`), {
      ...AS_THE_USER,
      okCodes: 'any',
      timeoutMs: patient(SMALL_MS),
    }).catch(() => {}); // It may have ended by itself.
  }
}

/** Why the connection failed, and what to do about it. */
function unreachable({ host, user, port }: SshMachine, said: string): string {
  const reason = lastLine(said) || `no connection within ${CONNECT_SECONDS} s`;
  const command = `ssh ${port === undefined ? '' : `-p ${port} `}${user === undefined ? '' : `${user}@`}${host}`;
  const advice = /host key verification failed/i.test(said)
    ? `connect once by hand (${command}) and look at its key`
    : /permission denied/i.test(said)
      ? 'ssh has to log in without a question: see that the key of this user is among the authorized keys there ' +
        `(for administrators C:\\ProgramData\\ssh\\administrators_authorized_keys) and try ${command}`
      : `see whether ${command} works`;
  return `${host} cannot be reached by ssh: ${reason}. What to do: ${advice}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
