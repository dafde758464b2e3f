/** Runs commands in a container build: beside the working container, where buildah runs, and inside it. */
import { rmdirSync } from 'node:fs';
import { after } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { start } from '../../platform/processes.ts';
import { readScript } from '../../platform/scripts.ts';
import { inDirectory } from '../in-directory.ts';
import type { CommandRequest, CommandResult, InstanceError } from '../instance.ts';
import { openPipes } from '../pipes.ts';
import { atTheDoor, enter, environmentInside, type ContainerDoor } from '../nspawn/door.ts';

/** Where a command runs, and its arguments. */
export interface CommandPlace {
  readonly door: ContainerDoor;
  /** Directory on the host for pipes. */
  readonly directory: string;
  /** Variables in the environment of every command. */
  readonly environment: Readonly<Record<string, string>>;
  /** How often the memory limit killed something. */
  memoryKills(): Promise<number>;
  alive(): boolean;
  whatHappened(): Promise<InstanceError>;
}

const PUT_SCRIPT = readScript(import.meta.url, 'put-script.sh');
/** In memory, so that no layer contains it. */
const SCRIPTS = '/dev/shm';

/**
 * Runs a command to its end. Processes that it leaves running continue until the container ends. A deadline or an abort
 * kills the command and everything that it started.
 * @throws {InstanceError} if the container is gone
 */
export async function runHere(place: CommandPlace, request: CommandRequest): Promise<CommandResult> {
  if ((request.argv === undefined) === (request.script === undefined))
    throw new TypeError('a command has either argv or a script');
  request.signal?.throwIfAborted();
  const id = `ingot-${newUuid()}`;
  const script = `${SCRIPTS}/${id}.sh`;
  if (request.script !== undefined)
    await atTheDoor(place.door, ['/bin/sh', '-c', PUT_SCRIPT, 'sh', script], { input: request.script });
  const argv = inDirectory(request.cwd, request.argv ?? ['bash', script]);
  const user = request.user === undefined || request.user === 'root' ? [] : ['runuser', '-u', request.user, '--'];
  const pipes = await openPipes(place.directory, id, request);
  const entered = enter(place.door, [...user, ...argv]);
  const killsBefore = await place.memoryKills();
  let killed: 'deadline' | 'abort' | undefined;
  const kill = (why: 'deadline' | 'abort'): void => {
    killed ??= why;
    entered.leave();
  };
  const onAbort = (): void => kill('abort');
  let child: Awaited<ReturnType<typeof start>>;
  try {
    child = await start(entered.command, {
      env: environmentInside({ ...place.environment, HOME: '/root', TMPDIR: undefined, ...request.env }),
      stdio: pipes.stdio,
      detached: true,
    });
  } catch (error) {
    pipes.abandon();
    entered.leave();
    throw error;
  }
  pipes.started();
  const timer =
    request.timeoutSeconds === undefined ? undefined : after(request.timeoutSeconds * 1000, () => kill('deadline'));
  request.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (request.signal?.aborted) onAbort();
    const ended = await child.exited;
    await pipes.drained();
    if (killed === 'abort') throw request.signal!.reason;
    if (killed === 'deadline') return { exitCode: null, signal: 'SIGKILL', timedOut: true };
    if (!place.alive()) throw await place.whatHappened();
    const outOfMemory = (ended.signal === 'SIGKILL' || ended.code === 137) && (await place.memoryKills()) > killsBefore;
    return {
      exitCode: ended.code,
      signal: ended.signal,
      timedOut: false,
      ...(outOfMemory ? { outOfMemory } : {}),
    };
  } finally {
    timer?.end();
    request.signal?.removeEventListener('abort', onAbort);
    pipes.leave();
    forget(entered.cgroup);
    if (request.script !== undefined && place.alive())
      void atTheDoor(place.door, ['rm', '-f', script], { okCodes: 'any' }).catch(() => {});
  }
}

/** Removes the cgroup of a command. If something still runs in it, it is removed with the container. */
export function forget(cgroup: string): void {
  try {
    rmdirSync(cgroup);
  } catch {
    return; // Something still runs in it, or it was removed.
  }
}
