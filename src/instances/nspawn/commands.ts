/** Runs commands in a container: as units of the systemd inside, or directly for small programs of Ingot's own. */
import { lstat } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { after, sleep } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { NOTHING_INHERITED, ProcessError, run, start } from '../../platform/processes.ts';
import { readScript } from '../../platform/scripts.ts';
import { inDirectory } from '../in-directory.ts';
import { InstanceError, type CommandRequest, type CommandResult } from '../instance.ts';
import { endOfOwn, ownRunOptions } from '../own-program.ts';
import { openPipes } from '../pipes.ts';
import { unitLines } from '../unit-words.ts';
import { commandWords, INSIDE_DIRECTORY, parseStatus, unitArguments } from './arguments.ts';
import { atTheDoor, enter, environmentInside, floods, visit, type Container } from './door.ts';
import { killUnit } from './kill.ts';

/** How long to wait for a container that does not react to the end of a command, in milliseconds. */
const END_MS = 15_000;
/** How long to wait for the client of a command in a container that is dead, or whose disk is, in milliseconds. */
const DEAD_MS = 2000;
/** How long to wait for the rest of a report of a command's end, in milliseconds. */
const TOLD_MS = 2000;
/**
 * Maximum bytes of a report of a command's end. It comes from the container's own `systemctl`, or whatever replaced it.
 */
const TOLD_BYTES = 64 << 10;
/** Exit code of a shell for a missing program: here systemctl. */
const NOT_FOUND = 127;
/** How long to wait for a container that shuts down, in milliseconds. */
const SHUTDOWN_MS = 60_000;

/**
 * Runs one of Ingot's own programs directly, which is several times faster than a unit.
 * @throws {InstanceError} if the container is gone
 */
export async function runOwn(container: Container, request: CommandRequest): Promise<CommandResult> {
  if (request.argv === undefined) throw new TypeError("a program of Ingot's own has argv");
  // Only the umask of the host's shell matters inside.
  const argv = inDirectory(request.cwd, request.argv);
  try {
    const ended = await visit(container, argv, (command) =>
      run(command, {
        ...ownRunOptions(request),
        env: environmentInside(request.env ?? {}),
      }),
    );
    return { exitCode: ended.code, signal: null, timedOut: false };
  } catch (error) {
    if (error === request.signal?.reason) throw error;
    if (!container.alive()) throw await container.whatHappened();
    return endOfOwn(error, request.argv[0]!);
  }
}

/**
 * Runs a command as a unit of the systemd inside, in the container's own cgroups, limits and filters.
 *
 * Processes that the command leaves running continue. If they still hold the command's output open, `runCommand` does
 * not wait for them: their output is read and dropped. A deadline or an abort kills the command and everything that it
 * started.
 * @throws {InstanceError} if the container is gone, or the command could not be started
 */
export async function runCommand(container: Container, request: CommandRequest): Promise<CommandResult> {
  if ((request.argv === undefined) === (request.script === undefined))
    throw new TypeError('a command has either argv or a script');
  request.signal?.throwIfAborted();
  const unit = `ingot-${newUuid()}`;
  const user = request.user ?? 'root';
  try {
    return await runUnit(container, unit, request, request.argv ?? ['bash', `${INSIDE_DIRECTORY}/${unit}.sh`], user);
  } catch (error) {
    if (error === request.signal?.reason || container.alive()) throw error;
    throw await container.whatHappened();
  }
}

/**
 * The report of a command's end: its status, or the state of its unit, and the state of the system. The status file is
 * read again after the unit: the command may have ended in between.
 */
const TELL = readScript(import.meta.url, 'tell.sh');

const ASK = readScript(import.meta.url, 'ask.sh', { TELL });

/**
 * One visit of the container for a whole command, because entering costs as much as running. It writes the command's
 * words (from descriptor 3) and its script (from descriptor 5), readable only by the user, and for users other than
 * root the status file. Then it runs the command and reports its end, or an error, on descriptor 4.
 */
const VISIT = readScript(import.meta.url, 'visit.sh', { TELL });

async function runUnit(
  container: Container,
  unit: string,
  request: CommandRequest,
  argv: readonly string[],
  user: string,
): Promise<CommandResult> {
  const pipes = await openPipes(container.directory, unit, request);
  let timedOut = false;
  let ended = false;
  const killAll = (): void => void killUnit(container, unit, () => ended).catch(() => {});
  const onDeadline = (): void => {
    timedOut = true;
    killAll();
  };
  let client: Awaited<ReturnType<typeof start>>;
  let leave = (): void => {};
  const killsBefore = await container.memoryKills();
  const words = unitLines(commandWords(argv, request.cwd ?? '/', request.env));
  try {
    const entered = enter(container, [
      '/bin/sh',
      '-c',
      VISIT,
      'sh',
      INSIDE_DIRECTORY,
      unit,
      user,
      ...unitArguments({ unit, user }),
    ]);
    ({ leave } = entered);
    client = await start(entered.command, {
      env: NOTHING_INHERITED,
      stdio: [...pipes.stdio, 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
  } catch (error) {
    pipes.abandon();
    leave();
    throw error;
  }
  pipes.started();
  const [wordsPipe, telling, scriptPipe] = client.more;
  for (const [pipe, content] of [
    [wordsPipe!, words],
    [scriptPipe!, request.script ?? ''],
  ] as const) {
    pipe.on('error', () => {}); // The reader has ended; the report below says how.
    pipe.end(content);
  }
  const told = textOf(telling!);
  const timer = request.timeoutSeconds === undefined ? undefined : after(request.timeoutSeconds * 1000, onDeadline);
  request.signal?.addEventListener('abort', killAll, { once: true });
  if (request.signal?.aborted) killAll();
  try {
    const clientEnd = await clientEnds(
      client.exited,
      container,
      unit,
      () => timedOut || request.signal?.aborted === true,
    );
    if (clientEnd === undefined) client.kill('SIGKILL');
    const said = clientEnd === undefined ? undefined : await within(TOLD_MS, told);
    if (said !== undefined && said.length > TOLD_BYTES) throw floods(TOLD_BYTES);
    if (said?.endsWith('unprepared\n') && container.alive())
      throw new InstanceError(`the command cannot be put into the instance: ${said.replace(/\n?unprepared\n$/, '')}`);
    const status = await statusOf(container, unit, clientEnd?.code ?? null, said).catch((error: unknown) => {
      // A killed command may have left no report: if it filled the instance with processes, nothing could write one.
      if ((timedOut || request.signal?.aborted) && container.alive()) return { exitCode: null, signal: 'SIGKILL' };
      throw error;
    });
    ended = true;
    await pipes.drained();
    request.signal?.throwIfAborted();
    if (timedOut) return { exitCode: null, signal: 'SIGKILL', timedOut };
    // A shell reports 137 if what it ran was killed.
    const killed = status.signal === 'SIGKILL' || status.exitCode === 128 + 9;
    const outOfMemory = killed && (await container.memoryKills()) > killsBefore;
    return { ...status, timedOut, ...(outOfMemory ? { outOfMemory } : {}) };
  } finally {
    ended = true;
    timer?.end();
    request.signal?.removeEventListener('abort', killAll);
    for (const stream of client.more) stream?.destroy();
    pipes.leave();
    leave();
  }
}

/**
 * Waits for systemd-run to end; not longer than `END_MS` once the command has been killed or its status is written,
 * `DEAD_MS` once the container is dead. systemd-run misses the end if its manager has lost its connections, as happens
 * on a host that stood still for a minute.
 */
async function clientEnds(
  exited: Promise<{ code: number | null }>,
  container: Container,
  unit: string,
  killed: () => boolean,
): Promise<{ code: number | null } | undefined> {
  let waited = 0;
  for (;;) {
    const pause = new AbortController();
    const end = await Promise.race([exited, sleep(500, pause.signal).catch(() => {})]);
    pause.abort();
    if (end) return end;
    const alive = container.alive();
    if (!killed() && alive && !(await hasStatus(container, unit))) continue;
    waited += 500;
    if (waited >= patient(alive ? END_MS : DEAD_MS)) return undefined;
  }
}

/** Whether the status of a command was written. Checked from outside, because the container may not respond. */
async function hasStatus({ leader }: Container, unit: string): Promise<boolean> {
  return lstat(`/proc/${leader.pid}/root${INSIDE_DIRECTORY}/${unit}.status`).then(
    (file) => file.isFile() && file.size > 0,
    () => false,
  );
}

/** The value if it arrives in time, otherwise `undefined`. */
async function within<T>(ms: number, awaited: Promise<T>): Promise<T | undefined> {
  const pause = new AbortController();
  try {
    return await Promise.race([
      awaited,
      sleep(patient(ms), pause.signal).then(
        () => undefined,
        () => undefined,
      ),
    ]);
  } finally {
    pause.abort();
  }
}

/** Reads a stream completely. Beyond `TOLD_BYTES` it closes the stream and returns slightly more than that. */
async function textOf(stream: Readable): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = `${text}${chunk}`.slice(0, TOLD_BYTES + 1);
    if (text.length > TOLD_BYTES) stream.destroy();
  });
  stream.on('error', () => {}); // What arrived before the error counts.
  await finished(stream, { writable: false }).catch(() => {});
  return text;
}

/**
 * How the command ended. systemd-run can lose its connection while the command continues (systemd re-executes itself
 * when it is upgraded). Then the unit itself is queried.
 * @param told the report so far, if it is complete
 */
async function statusOf(
  container: Container,
  unit: string,
  clientCode: number | null,
  told: string | undefined,
): Promise<{ exitCode: number | null; signal: string | null }> {
  let first = told !== undefined && /^[^\n]*\n[a-z]+\n$/.test(told) ? told : undefined;
  // Reading a status removes it. One that came without the state of the system counts, since a manager that shuts down
  // does not answer.
  let status = told === undefined ? undefined : parseStatus(told.split('\n')[0]!);
  for (let unanswered = 0; ; ) {
    if (!container.alive()) {
      if (typeof status?.exitCode === 'number') return status;
      throw await container.whatHappened();
    }
    const { stdout, stderr, code } =
      first !== undefined ? { stdout: first, stderr: '', code: 0 } : await askForStatus(container, unit);
    first = undefined;
    const [word = '', system = ''] = stdout.trim().split('\n');
    status ??= parseStatus(word);
    if (status !== undefined && system === '' && ++unanswered <= 20) {
      await sleep(200);
      continue;
    }
    if (status !== undefined || word === 'inactive' || word === 'failed') {
      if (system === 'stopping') {
        // The container is ending, perhaps because of the command. Unless the command had ended by itself, the instance
        // reports an error.
        for (let left = patient(SHUTDOWN_MS); container.alive() && left > 0; left -= 50) await sleep(50);
        if (status === undefined || status.exitCode === null) throw await container.whatHappened();
      }
      if (status !== undefined) return status;
      // /bin/sh writes the status. If the shell of this report started earlier, it did not check that /bin/sh still
      // exists.
      refuseWithoutShell(await atTheDoor(container, ['/bin/sh', '-c', ':'], { okCodes: 'any' }));
      throw new InstanceError(
        `systemd in the instance did not run the command, or lost its end (systemd-run ended with ${clientCode}): ` +
          'mostly the instance has no memory or no processes left',
      );
    }
    refuseWithoutShell({ code, stderr });
    if (code !== 0 && ++unanswered > 20)
      throw new InstanceError(`systemd in the instance does not answer: ${stderr.trim()}`, [], {
        code: code === NOT_FOUND ? 'program-gone' : undefined,
      });
    await sleep(200);
  }
}

/** Queries once. A system that shuts down kills the query, which is not an answer; the next query finds out. */
async function askForStatus(
  container: Container,
  unit: string,
): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number | null }> {
  const ask = ['/bin/sh', '-c', ASK, 'sh', INSIDE_DIRECTORY, unit];
  try {
    return await atTheDoor(container, ask, { okCodes: 'any' });
  } catch (error) {
    if (!(error instanceof ProcessError) || error.signal === null) throw error;
    return { stdout: error.stdout, stderr: error.message, code: null };
  }
}

/** @throws {InstanceError} if /bin/sh itself could not be executed */
function refuseWithoutShell({ code, stderr }: { readonly code: number | null; readonly stderr: string }): void {
  if (code === 0 || !/failed to execute \/bin\/sh|\/bin\/sh: (?:No such file|error while loading)/.test(stderr)) return;
  throw new InstanceError(
    `the instance no longer has a working /bin/sh, so no command can run in it: ${stderr.trim()}`,
    [],
    { code: 'program-gone' },
  );
}
