/** Runs commands in a guest, through its agent. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { sleep } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import type { CommandRequest, CommandResult } from '../instance.ts';
import { unitWord } from '../unit-words.ts';
import { agentExec, GuestAgentError, said, TOO_LONG } from './guest-agent.ts';
import { insist, SILENCE_MS, type Guest } from './guest.ts';
import { GrowingFile, INLINE_BYTES, putInGuest, RelayedStream } from './guest-files.ts';
import { FINISHER, GUEST_DIRECTORY, HOLDERS, KILLER, LAUNCHER, OWN_LAUNCHER, UNIT_STATE } from './guest-scripts.ts';

/** Number of reads, enough for what a pipe and the relay hold. */
const LAST_READS = 8;
/** Maximum bytes of a command's exit status, which is short. */
const WORD_BYTES = 1024;
/**
 * How long a stream may stay open after its command has ended, in milliseconds: a process that it started may hold it
 * open.
 */
const STREAM_GRACE_MS = 500;

/** The arguments of the launcher for a command: see `LAUNCHER`. Exported for its test. */
export function launcherArguments(
  id: string,
  request: CommandRequest,
  stdin: 'none' | 'input' | 'script' | 'file',
): string[] {
  if ((request.argv === undefined) === (request.script === undefined))
    throw new Error('a command has either argv or script');
  const argv = request.argv ?? ['/bin/bash', `${GUEST_DIRECTORY}/${id}.script`];
  if (argv.length === 0) throw new Error('a command has at least a program');
  const env = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
  for (const text of [...argv, ...env, request.cwd ?? '', request.user ?? ''])
    if (text.includes('\0')) throw new Error('a command holds a NUL character');
  return [
    id,
    stdin,
    request.user ?? 'root',
    unitWord(request.cwd ?? '/'),
    String(env.length),
    ...env,
    ...argv.map(unitWord),
  ];
}

/** systemd's report of a command's end: `exited 3`, `killed KILL`, `dumped SEGV`. Exported for its test. */
export function parseStatus(text: string): { readonly exitCode: number | null; readonly signal: string | null } {
  const [how = '', what = ''] = text.trim().split(' ');
  if (how === 'exited' && /^\d+$/.test(what)) return { exitCode: Number(what), signal: null };
  if ((how === 'killed' || how === 'dumped') && what) return { exitCode: null, signal: `SIG${what}` };
  throw new Error(`the instance's service manager reported an unknown result: '${text.trim()}'`);
}

/** Runs a command to its end. See `Instance.run`. */
export async function runInGuest(guest: Guest, request: CommandRequest): Promise<CommandResult> {
  request.signal?.throwIfAborted();
  if (request.own === true && Buffer.byteLength(request.stdin ?? '') <= INLINE_BYTES)
    return runOwnInGuest(guest, request);
  const id = randomBytes(8).toString('hex');
  const input = request.script ?? request.stdin;
  const bytes = input === undefined ? undefined : Buffer.isBuffer(input) ? input : Buffer.from(input, 'utf8');
  const large = bytes !== undefined && bytes.length > INLINE_BYTES;
  if (large && request.script !== undefined) return runLargeScript(guest, request, bytes);
  const stdin = bytes === undefined ? 'none' : request.script !== undefined ? 'script' : large ? 'file' : 'input';
  const deadline = request.timeoutSeconds === undefined ? undefined : Date.now() + request.timeoutSeconds * 1000;
  const argv = ['/bin/sh', '-c', LAUNCHER, 'sh', ...launcherArguments(id, request, stdin)];
  if (stdin === 'file') await putInGuest(guest, `${GUEST_DIRECTORY}/${id}.input`, bytes!, 0o600);
  let started: Awaited<ReturnType<typeof agentExec>>;
  try {
    started = await insist(
      guest,
      () =>
        agentExec(guest.agent, argv, {
          timeoutMs: SILENCE_MS,
          ...(bytes !== undefined && !large ? { input: bytes } : {}),
        }),
      false,
    );
  } catch (error) {
    if (!(error instanceof GuestAgentError && error.code === 'too-many-words')) throw error;
    // As a shell that cannot start the program: the command failed, the instance did not.
    request.onOutput?.('stderr', Buffer.from(`${argv[0]}: ${TOO_LONG}\n`));
    return { exitCode: 126, signal: null, timedOut: false };
  }
  // A command that ends at once may be reported as not started. If its end is recorded, it ran.
  const status = new Status(guest, `${GUEST_DIRECTORY}/${id}`);
  if (started.exitCode !== 0 && (await status.read()) === undefined) {
    await status.close();
    throw new Error(`the instance could not start the command: ${said(started) || `exit code ${started.exitCode}`}`);
  }
  return follow(guest, id, status, request, deadline);
}

/** Runs one of Ingot's own programs as the agent's child: a unit costs half a second in an emulated machine. */
async function runOwnInGuest(guest: Guest, request: CommandRequest): Promise<CommandResult> {
  if (request.argv === undefined) throw new TypeError("a program of Ingot's own has argv");
  const env = Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const { timeoutSeconds, signal, stdin } = request;
  const argv = [
    '/bin/sh',
    '-c',
    OWN_LAUNCHER,
    'sh',
    request.cwd ?? '/',
    String(timeoutSeconds ?? 0),
    String(env.length),
    ...env,
    ...request.argv,
  ];
  for (const text of argv) if (text.includes('\0')) throw new Error('a command holds a NUL character');
  const started = Date.now();
  const ended = await insist(
    guest,
    () =>
      agentExec(guest.agent, argv, {
        timeoutMs: timeoutSeconds === undefined ? Infinity : timeoutSeconds * 1000 + SILENCE_MS,
        signal,
        ...(stdin === undefined ? {} : { input: Buffer.from(stdin as string) }),
      }),
    false,
  );
  if (ended.truncated) throw new Error(`${request.argv[0]} printed more than the guest agent takes`);
  if (ended.stdout.length > 0) request.onOutput?.('stdout', ended.stdout);
  if (ended.stderr.length > 0) request.onOutput?.('stderr', ended.stderr);
  const killed = ended.signal === 9 || ended.exitCode === 137;
  if (killed && timeoutSeconds !== undefined && Date.now() - started >= timeoutSeconds * 1000)
    return { exitCode: null, signal: 'SIGKILL', timedOut: true };
  return ended.signal === null
    ? { exitCode: ended.exitCode, signal: null, timedOut: false }
    : { exitCode: null, signal: signalName(ended.signal), timedOut: false };
}

/** The name of a signal: `SIGKILL` for 9. */
function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, each]) => each === number)?.[0] ?? `SIG${number}`;
}

async function runLargeScript(guest: Guest, request: CommandRequest, bytes: Buffer): Promise<CommandResult> {
  const path = `${GUEST_DIRECTORY}/${randomBytes(8).toString('hex')}.script`;
  await putInGuest(guest, path, bytes, 0o644);
  const { script: _script, stdin: _stdin, ...rest } = request;
  try {
    return await runInGuest(guest, { ...rest, argv: ['/bin/bash', path] });
  } finally {
    await agentExec(guest.agent, ['/bin/rm', '-f', path]).catch(() => {});
  }
}

async function follow(
  guest: Guest,
  id: string,
  word: Status,
  request: CommandRequest,
  deadline: number | undefined,
): Promise<CommandResult> {
  const files = `${GUEST_DIRECTORY}/${id}`;
  const streams = (['stdout', 'stderr'] as const).map(
    (name) =>
      new RelayedStream(guest, `${files}.${name === 'stdout' ? 'out' : 'err'}`, (chunk) =>
        request.onOutput?.(name, chunk),
      ),
  );
  let killed: 'deadline' | 'abort' | undefined;
  let killedAt = Infinity;
  let status: string | undefined;
  let graceUntil = Infinity;
  let wait = 10;
  let lastUnitCheck = Date.now();
  let lastMoved = Date.now();
  for (;;) {
    const late = deadline !== undefined && Date.now() >= deadline;
    if (killed === undefined && status === undefined && (late || request.signal?.aborted)) {
      killed = request.signal?.aborted ? 'abort' : 'deadline';
      killedAt = Date.now();
      await insist(guest, () => agentExec(guest.agent, ['/bin/sh', '-c', KILLER, 'sh', id]));
    }
    // The guest reports how a command ended and that its outputs have. A guest that never does must not block the
    // process that killed the command.
    if (Date.now() > killedAt + patient(SILENCE_MS)) {
      if (killed === 'abort') throw request.signal!.reason;
      throw new Error('the command was killed at its deadline, but the instance does not report its end');
    }
    let moved = false;
    for (const stream of streams) moved = (await stream.read(status !== undefined)) || moved;
    if (status === undefined) status = await word.read();
    else if (streams.every((stream) => stream.ended)) break;
    else if (Date.now() > graceUntil) {
      // A guest without enough CPU time may simply be late.
      if (Date.now() > lastMoved + patient(SILENCE_MS) || !(await outputPending(guest, id))) {
        // The relay may have reached the end meanwhile. Others may continue to print without end.
        for (const stream of streams) for (let reads = 0; reads < LAST_READS && (await stream.read(true)); reads++);
        break;
      }
      graceUntil = Date.now() + patient(STREAM_GRACE_MS);
    }
    if (moved) {
      wait = 10;
      lastMoved = Date.now();
      if (status !== undefined) graceUntil = Date.now() + patient(STREAM_GRACE_MS);
      continue;
    }
    if (status !== undefined) {
      graceUntil = Math.min(graceUntil, Date.now() + patient(STREAM_GRACE_MS));
      wait = 10;
    } else if (Date.now() - lastUnitCheck > 10_000) {
      lastUnitCheck = Date.now();
      await checkUnit(guest, id, word);
    }
    await pause(
      Math.min(wait, deadline === undefined || killed ? wait : Math.max(1, deadline - Date.now())),
      killed ? undefined : request.signal,
    );
    wait = Math.min(200, wait * 1.3);
  }
  // Housekeeping in memory, which the next boot removes anyway; nothing waits for it.
  for (const stream of streams) void stream.close();
  void agentExec(guest.agent, ['/bin/sh', '-c', FINISHER, 'sh', id]).catch(() => {});
  if (killed === 'abort') throw request.signal!.reason;
  const end = parseStatus(status);
  return killed === 'deadline' ? { exitCode: null, signal: 'SIGKILL', timedOut: true } : { ...end, timedOut: false };
}

/** Whether output of an ended command is still in the relay. */
async function outputPending(guest: Guest, id: string): Promise<boolean> {
  return relayHasMore(
    (await insist(guest, () => agentExec(guest.agent, ['/bin/sh', '-c', HOLDERS, 'sh', id]))).stdout.toString(),
  );
}

/**
 * Whether more output will come, from what `HOLDERS` printed for each stream. If only the relay has the pipe open, its
 * end will come. If others hold it too, the pipe is empty once the relay waits for it. Exported for its test.
 */
export function relayHasMore(holders: string): boolean {
  const lines = holders
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return ['out', 'err'].some((stream) => {
    const waits = lines.filter(([of, who]) => of === stream && who === 'relay').map(([, , wchan = '0']) => wchan);
    const alone = !lines.some(([of, who]) => of === stream && who === 'other');
    return (
      waits.length > 0 &&
      (alone || (waits.some((wchan) => wchan !== '0') && !waits.some((wchan) => /pipe_(?:read|wait)/.test(wchan))))
    );
  });
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, signal).catch(() => {}); // An abort only ends the pause; the loop sees it.
}

/** Handles a command whose unit is gone without a status: the guest was restarted, or something removed the status. */
async function checkUnit(guest: Guest, id: string, word: Status): Promise<void> {
  const { stdout } = await insist(guest, () => agentExec(guest.agent, ['/bin/sh', '-c', UNIT_STATE, 'sh', id]));
  if (stdout.toString().trim() !== 'inactive') return;
  if ((await word.read()) === undefined) {
    throw new Error('the command is gone and left no exit code: the instance was restarted while it ran');
  }
}

/** The exit status of a command. */
class Status {
  private readonly file: GrowingFile;
  private text = '';

  constructor(guest: Guest, files: string) {
    this.file = new GrowingFile(guest, `${files}.status`);
  }

  /** `undefined` before the end. */
  async read(): Promise<string | undefined> {
    this.text += (await this.file.read(4096)).toString('utf8');
    if (this.text.length > WORD_BYTES) {
      throw new Error(
        `the command's exit status has more than ${WORD_BYTES} bytes: a component may have replaced a system program`,
      );
    }
    if (!this.text.endsWith('\n')) return undefined; // The file exists before its content.
    await this.close();
    return this.text;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}
