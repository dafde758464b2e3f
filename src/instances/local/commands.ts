/** Runs commands on this host, each in a separate process group. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, sleep } from '../../platform/clock.ts';
import { newUuid } from '../../platform/ids.ts';
import { allProcesses, hasInEnvironment, run, start } from '../../platform/processes.ts';
import type { CommandRequest, CommandResult } from '../instance.ts';
import { endOfOwn, ownRunOptions } from '../own-program.ts';
import { openPipes } from '../pipes.ts';
import { COMMAND_MARK, localArguments, localEnvironment } from './arguments.ts';

/** How often to check for processes that a signal has not ended yet. */
const KILL_TRIES = 100;

/**
 * Runs a user's command. Processes that it leaves running continue, and their later output is dropped. A deadline or an
 * abort kills the command and everything that it started.
 * @param directory for pipes and scripts
 */
export async function runHere(directory: string, request: CommandRequest): Promise<CommandResult> {
  if ((request.argv === undefined) === (request.script === undefined))
    throw new TypeError('a command has either argv or a script');
  request.signal?.throwIfAborted();
  if (request.own === true) return runOwnHere(request);
  const mark = newUuid();
  const script = join(directory, `${mark}.sh`);
  if (request.script !== undefined)
    await writeFile(script, request.script, { mode: request.user === undefined ? 0o600 : 0o644 });
  const pipes = await openPipes(directory, mark, request);
  let killed: 'deadline' | 'abort' | undefined;
  let killing: Promise<void> | undefined;
  const kill = (why: 'deadline' | 'abort'): void => {
    killed ??= why;
    killing ??= killAll(child.pid, mark);
  };
  const onAbort = (): void => kill('abort');
  let child: Awaited<ReturnType<typeof start>>;
  try {
    child = await start(localArguments(request, request.argv ?? ['/bin/bash', script]), {
      env: localEnvironment(request, mark),
      stdio: pipes.stdio,
      detached: true,
    });
  } catch (error) {
    pipes.abandon();
    throw error;
  }
  pipes.started();
  const timer =
    request.timeoutSeconds === undefined ? undefined : after(request.timeoutSeconds * 1000, () => kill('deadline'));
  request.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (request.signal?.aborted) onAbort();
    const ended = await child.exited;
    await killing;
    await pipes.drained();
    if (killed === 'abort') throw request.signal!.reason;
    if (killed === 'deadline') return { exitCode: null, signal: 'SIGKILL', timedOut: true };
    return { exitCode: ended.code, signal: ended.signal, timedOut: false };
  } finally {
    timer?.end();
    request.signal?.removeEventListener('abort', onAbort);
    pipes.leave();
    if (request.script !== undefined) await rm(script, { force: true });
  }
}

async function runOwnHere(request: CommandRequest): Promise<CommandResult> {
  try {
    const ended = await run(localArguments(request, request.argv!), {
      ...ownRunOptions(request),
      env: localEnvironment(request, 'own'),
    });
    return { exitCode: ended.code, signal: null, timedOut: false };
  } catch (error) {
    return endOfOwn(error, request.argv![0]!);
  }
}

/** Kills a command's process group, and what it started outside of the group, until nothing is left. */
async function killAll(group: number, mark: string): Promise<void> {
  for (let attempt = 0; attempt < KILL_TRIES; attempt++) {
    signal(-group);
    const left = marked(mark);
    if (left.length === 0) return;
    for (const pid of left) signal(pid);
    await sleep(20);
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return; // It ended meanwhile.
  }
}

function marked(mark: string): readonly number[] {
  return allProcesses().filter((pid) => hasInEnvironment(pid, `${COMMAND_MARK}=${mark}`));
}
