/** Commands in a container: as units of the systemd inside, and small ones of Ingot's own at its door. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { sleep } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { ProcessError, run, start } from '../../platform/processes.ts';
import { InstanceError, type CommandRequest, type CommandResult } from '../instance.ts';
import { openPipes } from '../pipes.ts';
import { cleanEnvironment, enterArguments, inCgroups, INSIDE_DIRECTORY, parseStatus, unitArguments } from './arguments.ts';

/** A container whose systemd answers. */
export interface Container {
  /** Its process 1, as the host numbers it. */
  readonly leader: number;
  /** Cgroups that what runs at its door joins. */
  readonly doorCgroups: readonly string[];
  /** The cgroup below which its systemd keeps its units. */
  readonly machineCgroup: string;
  /** Folder of the host for pipes. */
  readonly directory: string;
  /** Version of the systemd inside. */
  readonly systemd: number;
  /** Whether its process 1 still is the one that it was. */
  alive(): boolean;
  /** Why it does not answer, for an error. */
  whatHappened(): Promise<InstanceError>;
}

/** Patience with a container that does not react to the end of a command. */
const END_MS = 15_000;
/** Patience with the client of a command in a container that is dead, or whose disk is. */
const DEAD_MS = 2000;
/** What commands left running gets for its end. */
const LEFTOVER_MS = 5000;
/** Patience with a container that is going down. */
const SHUTDOWN_MS = 60_000;

/**
 * Runs a small command of Ingot's own with all capabilities of the container's root: not for commands of users.
 * @throws {Error} as `run` of the platform does
 */
export function atTheDoor(container: Pick<Container, 'leader' | 'doorCgroups'>, argv: readonly string[], options: Parameters<typeof run>[1] = {}): ReturnType<typeof run> {
  return run(inCgroups(container.doorCgroups, enterArguments(container.leader, argv)), { timeoutMs: patient(60_000), ...options, env: cleanEnvironment(process.env) });
}

/**
 * Runs a program of Ingot's own at the door: several times faster than a unit.
 * @throws {InstanceError} when the container is gone
 */
export async function runOwn(container: Container, request: CommandRequest): Promise<CommandResult> {
  if (request.argv === undefined) throw new TypeError('a program of Ingot\'s own has argv');
  const { onOutput } = request;
  // Of what is left of the host's shell nothing but the umask matters inside.
  const argv = ['/bin/sh', '-c', 'umask 022; cd -- "$1" || exit 126; shift; exec "$@"', 'sh', request.cwd ?? '/', ...request.argv];
  try {
    const ended = await run(inCgroups(container.doorCgroups, enterArguments(container.leader, argv)), {
      env: { ...cleanEnvironment(process.env), ...request.env },
      okCodes: 'any',
      ...(request.stdin === undefined ? {} : { input: request.stdin }),
      ...(request.timeoutSeconds === undefined ? {} : { timeoutMs: request.timeoutSeconds * 1000 }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(onOutput === undefined ? {} : { onStdout: (chunk: Buffer) => onOutput('stdout', chunk), onStderr: (chunk: Buffer) => onOutput('stderr', chunk) }),
    });
    return { exitCode: ended.code, signal: null, timedOut: false };
  } catch (error) {
    if (error === request.signal?.reason) throw error;
    if (!container.alive()) throw await container.whatHappened();
    if (!(error instanceof ProcessError) || (error.signal === null && !error.timedOut)) throw error;
    return { exitCode: null, signal: error.signal, timedOut: error.timedOut };
  }
}

/**
 * Runs a command as a unit of the systemd inside, in the container's own cgroups, limits and filters.
 *
 * What the command leaves running goes on running. If it still holds the command's output, `runCommand` does not wait for it:
 * its output is read and dropped from then on. A deadline or an abort kills the command and everything that it started.
 * @throws {InstanceError} when the container is gone, or the command could not be started
 */
export async function runCommand(container: Container, request: CommandRequest): Promise<CommandResult> {
  if ((request.argv === undefined) === (request.script === undefined)) throw new TypeError('a command has either argv or a script');
  request.signal?.throwIfAborted();
  const unit = `ingot-${newUuid()}`;
  const user = request.user ?? 'root';
  try {
    await prepare(container, unit, request.script, user);
    return await runUnit(container, unit, request, request.argv ?? ['bash', `${INSIDE_DIRECTORY}/${unit}.sh`], user);
  } catch (error) {
    if (error === request.signal?.reason || container.alive()) throw error;
    throw await container.whatHappened();
  }
}

/** Puts the script there, for the user's eyes only, and for another user than root the file that its end is written to. */
async function prepare(container: Container, unit: string, script: string | undefined, user: string): Promise<void> {
  if (script === undefined && user === 'root') return;
  const write = 'umask 077; cat >"$1/$2.sh" && : >"$1/$2.status" && chown -- "$3" "$1/$2.sh" "$1/$2.status"';
  const { code, stderr } = await atTheDoor(container, ['/bin/sh', '-c', write, 'sh', INSIDE_DIRECTORY, unit, user], { input: script ?? '', okCodes: 'any' });
  if (code !== 0) throw new InstanceError(`the command cannot be put into the instance: ${stderr.trim()}`);
}

async function runUnit(container: Container, unit: string, request: CommandRequest, argv: readonly string[], user: string): Promise<CommandResult> {
  const pipes = await openPipes(container.directory, unit, request);
  let timedOut = false;
  let ended = false;
  const kill = (): void => void killUnit(container, unit, () => ended).catch(() => {});
  const onDeadline = (): void => { timedOut = true; kill(); };
  let client: Awaited<ReturnType<typeof start>>;
  try {
    const command = unitArguments({ unit, argv, user, cwd: request.cwd ?? '/', systemd: container.systemd, ...(request.env ? { env: request.env } : {}) });
    client = await start(inCgroups(container.doorCgroups, enterArguments(container.leader, command)), {
      env: cleanEnvironment(process.env), stdio: pipes.stdio, detached: true,
    });
  } catch (error) {
    pipes.abandon();
    throw error;
  }
  pipes.started();
  const timer = request.timeoutSeconds === undefined ? undefined : setTimeout(onDeadline, request.timeoutSeconds * 1000);
  request.signal?.addEventListener('abort', kill, { once: true });
  if (request.signal?.aborted) kill();
  try {
    const clientEnd = await clientEnds(client.exited, container, () => timedOut || request.signal?.aborted === true);
    if (clientEnd === undefined) client.kill('SIGKILL');
    const status = await statusOf(container, unit, clientEnd?.code ?? null).catch((error: unknown) => {
      // One that was killed may have left no word of its end: when it filled the instance with processes, nothing could write it.
      if ((timedOut || request.signal?.aborted) && container.alive()) return { exitCode: null, signal: 'SIGKILL' };
      throw error;
    });
    ended = true;
    await pipes.drained();
    request.signal?.throwIfAborted();
    if (timedOut) return { exitCode: null, signal: 'SIGKILL', timedOut };
    return { ...status, timedOut };
  } finally {
    ended = true;
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', kill);
    pipes.leave();
  }
}

/** Waits for systemd-run to end; not longer than `END_MS` once the command has been killed, `DEAD_MS` once the container is dead. */
async function clientEnds(exited: Promise<{ code: number | null }>, container: Container, killed: () => boolean): Promise<{ code: number | null } | undefined> {
  let waited = 0;
  for (;;) {
    const pause = new AbortController();
    const end = await Promise.race([exited, sleep(500, pause.signal).catch(() => {})]);
    pause.abort();
    if (end) return end;
    const alive = container.alive();
    if (!killed() && alive) continue;
    waited += 500;
    if (waited >= patient(alive ? END_MS : DEAD_MS)) return undefined;
  }
}

/**
 * How the command ended. systemd-run can lose its connection (systemd executes itself anew when it is upgraded) while the
 * command runs on: then the unit itself is asked.
 */
async function statusOf(container: Container, unit: string, clientCode: number | null): Promise<{ exitCode: number | null; signal: string | null }> {
  // The file is looked at again after the unit: it may have ended in between.
  const read = 'f=$1/$2; [ -s "$f.status" ] || s=$(systemctl show -p ActiveState --value "$2.service"); if [ -s "$f.status" ]; then cat "$f.status"; rm -f "$f.status" "$f.sh"; else echo "$s"; fi; systemctl show -p SystemState --value';
  for (let unanswered = 0; ;) {
    if (!container.alive()) throw await container.whatHappened();
    const { stdout, stderr, code } = await atTheDoor(container, ['/bin/sh', '-c', read, 'sh', INSIDE_DIRECTORY, unit], { okCodes: 'any' });
    const [first = '', system = ''] = stdout.trim().split('\n');
    const status = parseStatus(first);
    if (status !== undefined || first === 'inactive' || first === 'failed') {
      if (system === 'stopping') {
        // All ends, maybe by what the command did. Unless it had ended by itself, it is the instance that has something to tell.
        for (let left = patient(SHUTDOWN_MS); container.alive() && left > 0; left -= 50) await sleep(50);
        if (status === undefined || status.exitCode === null) throw await container.whatHappened();
      }
      if (status !== undefined) return status;
      throw new InstanceError(`systemd in the instance did not run the command, or lost its end (systemd-run ended with ${clientCode}): mostly the instance has no memory or no processes left`);
    }
    if (code !== 0 && /failed to execute \/bin\/sh|\/bin\/sh: (?:No such file|error while loading)/.test(stderr)) throw new InstanceError(`the instance has no /bin/sh that runs any more, and nothing can be run in it: ${stderr.trim()}`);
    if (code !== 0 && ++unanswered > 20) throw new InstanceError(`systemd in the instance does not answer: ${stderr.trim()}`);
    await sleep(200);
  }
}

/** Kills a command and all that it started, from outside: this needs nothing of the container. Repeats, for one that has not started yet. */
export async function killUnit(container: Container, unit: string, ended: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100 && !ended(); attempt++) {
    for (const cgroup of findCgroups(container.machineCgroup, (name) => name === `${unit}.service`)) {
      await writeFile(`${cgroup}/cgroup.kill`, '1').catch(() => killProcesses(cgroup, 'SIGKILL'));
    }
    await sleep(50);
  }
}

/**
 * Ends what commands left running, before a container powers off: no unit stops these, and a system that goes down waits up to 90 s
 * for one that ignores SIGTERM. Each gets SIGTERM, and after `LEFTOVER_MS` SIGKILL.
 */
export async function endLeftovers(machineCgroup: string): Promise<void> {
  const left = (): string[] => findCgroups(machineCgroup, (name) => /^ingot-[0-9a-f-]{36}\.service$/.test(name)).filter((cgroup) => processesOf(cgroup).length > 0);
  for (const cgroup of left()) killProcesses(cgroup, 'SIGTERM');
  for (let waited = 0; waited < patient(LEFTOVER_MS) && left().length > 0; waited += 20) await sleep(20);
  for (const cgroup of left()) await writeFile(`${cgroup}/cgroup.kill`, '1').catch(() => killProcesses(cgroup, 'SIGKILL'));
}

function processesOf(cgroup: string): number[] {
  try {
    return readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return []; // Gone in between.
  }
}

/** SIGKILL so for kernels before 5.14, which have no `cgroup.kill`. */
function killProcesses(cgroup: string, signal: NodeJS.Signals): void {
  for (const pid of processesOf(cgroup)) {
    try {
      process.kill(pid, signal);
    } catch {
      continue; // Gone in between.
    }
  }
}

function findCgroups(below: string, wanted: (name: string) => boolean): string[] {
  const found: string[] = [];
  const look = (path: string, depth: number): void => {
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch {
      return; // Gone in between.
    }
    for (const entry of entries) {
      if (!entry.isDirectory()) continue;
      if (wanted(entry.name)) found.push(`${path}/${entry.name}`);
      else if (depth < 6) look(`${path}/${entry.name}`, depth + 1);
    }
  };
  look(below, 0);
  return found;
}
