/** The only module that starts processes: with argument vectors, never with a shell string. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import { after, sleep } from './clock.ts';

/** What a child process inherits. */
export interface ChildOptions {
  readonly cwd?: string;
  /**
   * Variables of its environment, besides PATH, HOME and TMPDIR of this process and `LC_ALL=C.UTF-8`; `undefined`
   * removes one of these. No other variable of this process is inherited: they may contain secrets, which a compromised
   * daemon must not have.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Further variables to inherit from this process: names, or beginnings of names (`SSH_*`). `'all'` is for Ingot's own
   * processes and for programs that the user named, which may need any variable; `src/modules.test.ts` lists its uses.
   */
  readonly inherit?: readonly string[] | 'all';
  /**
   * Who may access the files that it creates: only this user (umask 077), as in the data directory, or everybody (022),
   * as in an image. Default: the umask that this process was started with.
   */
  readonly files?: 'private' | 'open';
}

/** The variables that name a proxy, for programs that download. */
export const PROXY_VARIABLES: readonly string[] = [
  'http_proxy',
  'https_proxy',
  'ftp_proxy',
  'all_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
];

/** The variables that apt and its users read: proxies and configuration. */
export const APT_VARIABLES: readonly string[] = [...PROXY_VARIABLES, 'APT_CONFIG'];

/** Set by the user for Ingot. Its own small programs stretch their deadlines too. */
export const PATIENCE_VARIABLES: readonly string[] = ['INGOT_PATIENCE'];

/** Options for running a command to its end. */
export interface RunOptions extends ChildOptions {
  /** Descriptors of this process that the command gets as 3, 4 and so on. */
  readonly descriptors?: readonly number[];
  /** Content of stdin (default: nothing). */
  readonly input?: string | Buffer | Readable;
  /** Milliseconds after which the whole process group is killed. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /**
   * Called with each chunk as it arrives; that stream is then not captured. If it throws, the command is killed and
   * `run` throws the same error.
   */
  readonly onStdout?: (chunk: Buffer) => void;
  readonly onStderr?: (chunk: Buffer) => void;
  /** Exit codes that are not an error (default: `[0]`); `'any'` accepts all. */
  readonly okCodes?: readonly number[] | 'any';
  /** Bytes kept of each captured stream, from its end (default: 1 MiB). */
  readonly maxCapture?: number;
  /** Maximum bytes of both streams together (default: no limit). Beyond it the command is killed. */
  readonly maxOutput?: number;
}

/** How a command ended. */
export interface RunResult {
  /** `null` if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Characters of a command's output that an error contains. */
const LONGEST_TAIL = 4096;
/**
 * How long a child of a killed command may hold its outputs open, in milliseconds. It survives the kill if it left the
 * process group.
 */
const LEFT_OPEN_MS = 1000;

/** A command that could not be started, failed, timed out, or printed too much. */
export class ProcessError extends Error {
  override readonly name = 'ProcessError';
  readonly argv: readonly string[];
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** Whether the program does not exist, or could not be started for another reason. */
  readonly notStarted: boolean;
  /** Whether it was killed because it printed more than `maxOutput`. */
  readonly tooMuchOutput: boolean;

  constructor(
    argv: readonly string[],
    how: string,
    result: Partial<RunResult> & { timedOut?: boolean; notStarted?: boolean; tooMuchOutput?: boolean },
    options?: ErrorOptions,
  ) {
    const tail = (result.stderr || result.stdout || '').trim().split('\n').slice(-8).join('\n').slice(-LONGEST_TAIL);
    super(`${argv[0]} ${how}${tail ? `: ${tail}` : ''}`, options);
    this.argv = argv;
    this.code = result.code ?? null;
    this.signal = result.signal ?? null;
    this.stdout = result.stdout ?? '';
    this.stderr = result.stderr ?? '';
    this.notStarted = result.notStarted ?? false;
    this.timedOut = result.timedOut ?? false;
    this.tooMuchOutput = result.tooMuchOutput ?? false;
  }
}

/** A long-running process, such as a daemon or a virtual machine. */
export interface RunningProcess {
  readonly pid: number;
  /** Start time in clock ticks since boot (field 22 of `/proc/PID/stat`), which together with the pid identifies it. */
  readonly startTime: string;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** The descriptors of `stdio` from 3 on; `null` for one that is not a pipe. */
  readonly more: readonly (Duplex | null)[];
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Signals the process, and its process group if it is detached. @param signal default: SIGTERM */
  kill(signal?: NodeJS.Signals): void;
  /** Lets this process exit without waiting for the child. */
  unref(): void;
}

/** Options for a long-running process. */
export interface StartOptions extends ChildOptions {
  /** `ignore`, `pipe`, or a file descriptor (default: stdin ignored, both outputs piped). */
  readonly stdio?: readonly [StdioSlot, StdioSlot, StdioSlot, ...StdioSlot[]];
  /** Starts a new session, so that it survives this process and its terminal's signals. */
  readonly detached?: boolean;
}
type StdioSlot = 'ignore' | 'pipe' | 'inherit' | 'ipc' | number;

/** The default `PATH` of a system, for commands that do not get this process's. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `env` of a child that inherits no variable of this process, for commands in an instance. */
export const NOTHING_INHERITED = { PATH: SYSTEM_PATH, HOME: undefined, TMPDIR: undefined } as const;

/** The environment of a child. Pure. @param own this process's environment */
export function childEnvironment(
  own: NodeJS.ProcessEnv,
  { env = {}, inherit = [] }: Pick<ChildOptions, 'env' | 'inherit'>,
): NodeJS.ProcessEnv {
  const wanted = (name: string): boolean =>
    inherit === 'all' ||
    inherit.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each));
  const minimal = { PATH: own['PATH'] || SYSTEM_PATH, HOME: own['HOME'], TMPDIR: own['TMPDIR'], LC_ALL: 'C.UTF-8' };
  const all = {
    ...(inherit === 'all' ? {} : minimal),
    ...Object.fromEntries(Object.entries(own).filter(([name]) => wanted(name))),
    ...env,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const UMASKS = { private: 0o077, open: 0o022 } as const;

/** The umask of children, once this process has a different one. */
let umaskOfChildren: number | undefined;

/**
 * Makes this process create files for its user only from now on (umask 077). Its children use 022 unless told
 * otherwise, because other users of this host or of an instance may need their files.
 */
export function keepFilesPrivate(): void {
  process.umask(0o077);
  umaskOfChildren = 0o022;
}

let started = 0;

/** Number of processes that this one has started so far. */
export function processesStarted(): number {
  return started;
}

/** A child inherits its parent's umask at this moment. */
function spawnChild(
  argv: readonly string[],
  options: ChildOptions & { readonly stdio: StdioOptions; readonly detached: boolean },
): ChildProcess {
  const { cwd, stdio, detached, files } = options;
  const umask = files === undefined ? umaskOfChildren : UMASKS[files];
  const own = umask === undefined ? undefined : process.umask(umask);
  started++;
  try {
    return spawn(argv[0]!, argv.slice(1), { cwd, env: childEnvironment(process.env, options), stdio, detached });
  } catch (cause) {
    // Node throws some system errors (E2BIG) and for a NUL character, and emits other errors as events.
    throw notStarted(argv, cause);
  } finally {
    if (own !== undefined) process.umask(own);
  }
}

function notStarted(argv: readonly string[], cause: unknown): ProcessError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const why = code === 'E2BIG' ? `its arguments are too long together: ${message}` : message;
  return new ProcessError(argv, `could not be started (${why})`, { notStarted: true }, { cause });
}

/** Keeps the last `limit` bytes of a stream. */
class Tail {
  private chunks: Buffer[] = [];
  private size = 0;
  private readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size - this.chunks[0]!.length >= this.limit) this.size -= this.chunks.shift()!.length;
  }
  text(): string {
    const all = Buffer.concat(this.chunks);
    return all.subarray(Math.max(0, all.length - this.limit)).toString('utf8');
  }
}

/**
 * Runs a command to its end.
 * @param argv program and arguments; no shell is involved
 * @throws {ProcessError} if it cannot be started, ends with a code outside `okCodes`, is killed, or exceeds `timeoutMs`
 * or `maxOutput`
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const child = spawnChild(argv, {
    ...options,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])],
    detached: true,
  });
  const stdout = new Tail(options.maxCapture ?? 1 << 20);
  const stderr = new Tail(options.maxCapture ?? 1 << 20);
  let exited = false;
  let leaving: NodeJS.Timeout | undefined;
  const leave = (): void => {
    leaving ??= setTimeout(() => {
      child.stdout!.destroy();
      child.stderr!.destroy();
    }, LEFT_OPEN_MS);
  };
  let killed = false;
  const kill = (): void => {
    killed = true;
    killGroup(child);
    if (exited) leave();
  };
  child.once('exit', () => {
    exited = true;
    if (killed) leave();
  });

  let failed: { readonly error: unknown } | undefined;
  let printed = 0;
  const reader =
    (take: (chunk: Buffer) => void) =>
    (chunk: Buffer): void => {
      if (failed !== undefined) return;
      printed += chunk.length;
      try {
        const { maxOutput = Infinity } = options;
        if (printed > maxOutput)
          throw new ProcessError(argv, `printed more than ${sizeOf(maxOutput)}`, { tooMuchOutput: true });
        take(chunk);
      } catch (error) {
        failed = { error };
        kill();
      }
    };
  child.stdout!.on('data', reader(options.onStdout ?? ((chunk) => stdout.add(chunk))));
  child.stderr!.on('data', reader(options.onStderr ?? ((chunk) => stderr.add(chunk))));

  if (options.input !== undefined) {
    // A command may end before it has read all of stdin. Its exit code shows whether that was an error.
    child.stdin!.on('error', () => {});
    if (typeof options.input === 'string' || Buffer.isBuffer(options.input)) child.stdin!.end(options.input);
    else options.input.pipe(child.stdin!);
  }

  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : after(options.timeoutMs, () => {
          timedOut = true;
          kill();
        });
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const result = await new Promise<RunResult>((resolve, reject) => {
      child.once('error', (cause) => reject(notStarted(argv, cause)));
      child.once('close', (code, signal) => resolve({ code, signal, stdout: stdout.text(), stderr: stderr.text() }));
    });
    options.signal?.throwIfAborted();
    if (failed !== undefined) throw failed.error;
    if (timedOut)
      throw new ProcessError(argv, `did not finish within ${options.timeoutMs} ms`, { ...result, timedOut });
    const ok = options.okCodes ?? [0];
    if (result.signal !== null || (ok !== 'any' && !ok.includes(result.code!)))
      throw new ProcessError(argv, endingOf(result), result);
    return result;
  } finally {
    timer?.end();
    clearTimeout(leaving);
    options.signal?.removeEventListener('abort', kill);
  }
}

/** A size in words: `64 KiB`, `16 MiB`. */
export function sizeOf(bytes: number): string {
  if (bytes % (1 << 20) === 0) return `${bytes / (1 << 20)} MiB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KiB` : `${bytes} bytes`;
}

/** How a process ended, to continue a sentence: `was ended by SIGKILL`, `ended with exit code 1`. */
export function endingOf({ code, signal }: Pick<RunResult, 'code' | 'signal'>): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
}

/**
 * Starts a long-running process.
 * @throws {ProcessError} when it cannot be started
 */
export async function start(argv: readonly string[], options: StartOptions = {}): Promise<RunningProcess> {
  const child = spawnChild(argv, {
    ...options,
    stdio: [...(options.stdio ?? (['ignore', 'pipe', 'pipe'] as const))],
    detached: options.detached ?? false,
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(notStarted(argv, cause)));
  });
  return {
    pid: child.pid!,
    startTime: processStartTime(child.pid!) ?? '',
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    more: child.stdio.slice(3) as (Duplex | null)[],
    exited,
    kill: (signal = 'SIGTERM') => (options.detached ? killGroup(child, signal) : void child.kill(signal)),
    unref: () => child.unref(),
  };
}

/**
 * The fields of `/proc/PID/stat` from the third on: its state, its parent, … `undefined` if the process does not exist.
 */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined; // The process has ended.
  }
}

/** Start time of a process in clock ticks since boot, or `undefined` if it does not exist (or is a zombie). */
export function processStartTime(pid: number): string | undefined {
  const fields = statFields(pid);
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

/** The parent of a process, or `undefined` if it does not exist. */
export function parentOf(pid: number): number | undefined {
  const parent = statFields(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

/** The ids of all processes of this host. */
export function allProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether a process was started with a variable (`NAME=VALUE`) in its environment; `false` if that cannot be read. */
export function hasInEnvironment(pid: number, variable: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(variable);
  } catch {
    return false; // The process has ended, is a kernel thread, or belongs to another user.
  }
}

/** Whether the process with this pid is still the one that started at `startTime`. */
export function isSameProcess(pid: number, startTime: string): boolean {
  return processStartTime(pid) === startTime;
}

/** Sends a signal to a process, if it is still the one that started at `startTime`. Returns whether it existed. */
export function signalProcess(pid: number, startTime: string, signal: NodeJS.Signals): boolean {
  if (!isSameProcess(pid, startTime)) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until a process has ended.
 * @returns whether it ended within `timeoutMs`
 */
export async function waitForExit(pid: number, startTime: string, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isSameProcess(pid, startTime)) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}
