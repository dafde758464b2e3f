/**
 * The instance contract on this host, below a temporary folder: commands really run. Its restart only gives a new boot id.
 * For fast tests of what uses instances; what a machine does is tested on the drivers.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CommandRequest, CommandResult, Instance } from '../../src/instances/instance.ts';
import { newInstanceId, newUuid } from '../../src/platform/ids.ts';
import { ProcessError, run } from '../../src/platform/processes.ts';

/** An instance that is this host, and the folder that is thrown away with it. */
export interface LocalInstance extends Instance {
  readonly directory: string;
  /** How often it was restarted. */
  readonly reboots: number;
}

/** Makes one. `terminate` removes its folder. */
export async function localInstance(): Promise<LocalInstance> {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-local-'));
  let scripts = 0;
  let reboots = 0;
  const id = newInstanceId();
  return {
    id,
    directory,
    get reboots() {
      return reboots;
    },
    handle: { driver: 'local', id },
    capabilities: { kernel: true, reboots: true, liveSnapshots: false, bootLoader: false, platform: 'Linux' },
    async run(request: CommandRequest): Promise<CommandResult> {
      let argv = request.argv;
      if (request.script !== undefined) {
        const file = join(directory, `script-${scripts++}.sh`);
        await writeFile(file, request.script);
        argv = ['/bin/bash', file];
      }
      const { onOutput } = request;
      try {
        const ended = await run(argv!, {
          cwd: request.cwd ?? '/',
          okCodes: 'any',
          // Nothing of this process's own environment, as in a machine of its own.
          env: { ...Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined])), PATH: process.env['PATH'], ...request.env },
          ...(request.stdin === undefined ? {} : { input: request.stdin }),
          ...(request.timeoutSeconds === undefined ? {} : { timeoutMs: request.timeoutSeconds * 1000 }),
          ...(request.signal === undefined ? {} : { signal: request.signal }),
          ...(onOutput === undefined ? {} : { onStdout: (chunk) => onOutput('stdout', chunk), onStderr: (chunk) => onOutput('stderr', chunk) }),
        });
        return { exitCode: ended.code, signal: null, timedOut: false };
      } catch (error) {
        if (!(error instanceof ProcessError)) throw error;
        if (error.code === null && error.signal === null) return { exitCode: 127, signal: null, timedOut: false };
        return { exitCode: null, signal: error.signal, timedOut: error.timedOut };
      }
    },
    async put(path, content, mode = 0o644) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content, { mode });
    },
    get: (path) => readFile(path),
    async reboot() {
      reboots++;
      return newUuid();
    },
    snapshot: () => Promise.reject(new Error('this host takes no snapshots')),
    stop: async () => {},
    terminate: () => rm(directory, { recursive: true, force: true }),
    consoleTail: async () => [],
  };
}
