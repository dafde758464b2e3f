/**
 * The container registry that Ingot runs itself: Debian's `docker-registry`, with its files in the data directory. It
 * listens on a Unix socket in that directory, which other users of the host cannot reach. Clients speak to the API
 * process, which knows them, and names repositories here by ids.
 */
import { mkdir, open, readdir, readFile, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, until } from '../../platform/clock.ts';
import { dataPath } from '../../platform/data-layout.ts';
import { askServer, type HttpAnswer, type HttpQuestion } from '../../platform/http.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { isSameProcess, start, waitForExit } from '../../platform/processes.ts';

/** The registry of a data directory. It runs from the first question on, and again after it ended. */
export interface LocalRegistry {
  /**
   * Sends a request to it.
   * @param path with the query, as it is sent
   * @throws {Error} what it said when it did not start; the system's error when it does not answer
   */
  ask(path: string, question?: RegistryQuestion): Promise<HttpAnswer>;
  /**
   * Ends it and works on its files; questions wait meanwhile.
   * @param work gets the folder of the registry: its files are in `files`, its settings in `config.yml`
   * @returns `undefined`, with nothing done, while a client pulls or pushes
   */
  alone<T>(work: (folder: string) => Promise<T>): Promise<T | undefined>;
  /** Ends it. Safe to repeat; the next question starts it again. */
  stop(): Promise<void>;
}

/** A question to the registry. */
export type RegistryQuestion = Pick<HttpQuestion, 'method' | 'headers' | 'body' | 'signal'>;

interface Running {
  readonly folder: FileHandle;
  readonly pid: number;
  readonly startTime: string;
  readonly socket: string;
}

const START_MS = 20_000;
/** A push that has sent a layer and no manifest for so long was given up, in milliseconds. */
const GIVEN_UP_MS = 3_600_000;
const STOP_MS = 5000;

/** The registry of a data directory. One process has it: the one that holds the directory. */
export function localRegistry(dataDirectory: string): LocalRegistry {
  let running: Promise<Running> | undefined;

  async function current(): Promise<Running> {
    const before = await running?.catch(() => undefined);
    if (before !== undefined && isSameProcess(before.pid, before.startTime)) return before;
    await before?.folder.close().catch(() => {});
    running = begin(dataPath(dataDirectory, 'registry'));
    return running;
  }
  // One at a time: of two questions at once, one starts it.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };

  let open = 0;
  /** Repositories that have got layers, and no manifest since: when. */
  const unfinished = new Map<string, number>();

  async function end(): Promise<void> {
    const ending = await running?.catch(() => undefined);
    running = undefined;
    if (ending === undefined) return;
    const { folder, pid, startTime, socket } = ending;
    if (isSameProcess(pid, startTime)) process.kill(pid, 'SIGTERM');
    if (!(await waitForExit(pid, startTime, patient(STOP_MS)))) {
      process.kill(pid, 'SIGKILL');
      await waitForExit(pid, startTime, patient(STOP_MS));
    }
    await rm(at(folder, socket), { force: true });
    await folder.close();
  }

  return {
    async ask(path, question = {}) {
      const [, id = '', kind] = /^\/v2\/([^/]+)\/(blobs\/uploads|manifests)\//.exec(path) ?? [];
      if (kind === 'blobs/uploads') unfinished.set(id, Date.now());
      else if (kind === 'manifests' && question.method === 'PUT') unfinished.delete(id);
      open++;
      let isOpen = true;
      const done = (): void => {
        if (isOpen) open--;
        isOpen = false;
      };
      try {
        const { folder, socket } = await inTurn(current);
        const { answer, close } = await askServer('http://registry.invalid/', {
          ...question,
          path,
          proxy: 'none',
          socketPath: at(folder, socket),
        });
        answer.once('close', done);
        return {
          answer,
          close() {
            done();
            close();
          },
        };
      } catch (error) {
        done();
        throw error;
      }
    },
    alone: (work) =>
      inTurn(async () => {
        const busy = [...unfinished.values()].some((since) => since > Date.now() - GIVEN_UP_MS);
        if (open > 0 || busy) return undefined;
        unfinished.clear();
        await end();
        const folder = dataPath(dataDirectory, 'registry');
        await prepare(folder, 'none.sock');
        return work(folder);
      }),
    stop: () => inTurn(end),
  };
}

/** A path to a socket has 107 characters at most: it is named from the open folder. */
function at(folder: FileHandle, socket: string): string {
  return `/proc/self/fd/${folder.fd}/${socket}`;
}

async function prepare(path: string, socket: string): Promise<void> {
  await mkdir(join(path, 'files'), { recursive: true, mode: 0o700 });
  await writeFile(join(path, 'config.yml'), settings(path, socket), { mode: 0o600 });
}

async function begin(path: string): Promise<Running> {
  const socket = `${newUuid().slice(0, 8)}.sock`;
  await prepare(path, socket);
  // Of one that was killed. A name of its own each time: one that is still ending removes only its own.
  for (const name of await readdir(path)) if (name.endsWith('.sock')) await rm(join(path, name), { force: true });
  const folder = await open(path, 'r');
  const log = await open(join(path, 'registry.log'), 'w', 0o600);
  try {
    const { pid, startTime, unref } = await begun(path, log);
    unref();
    await until(
      'the container registry to answer',
      patient(START_MS),
      async () => {
        if (await answers(at(folder, socket))) return true;
        if (isSameProcess(pid, startTime)) return undefined;
        await sleep(50);
        const said = (await readFile(join(path, 'registry.log'), 'utf8')).trim().split('\n').slice(-3).join('; ');
        throw new Error(`the container registry ended at its start: ${said.slice(-1000)}`);
      },
      { everyMs: 20 },
    );
    return { folder, pid, startTime, socket };
  } catch (error) {
    await folder.close();
    throw error;
  } finally {
    await log.close();
  }
}

async function begun(path: string, log: FileHandle) {
  const process = await start(
    // Ends with the process that started it, however that ends.
    ['setpriv', '--pdeathsig', 'SIGTERM', '--', 'docker-registry', 'serve', join(path, 'config.yml')],
    { cwd: path, stdio: ['ignore', log.fd, log.fd], files: 'private' },
  );
  return { pid: process.pid, startTime: process.startTime, unref: () => process.unref() };
}

async function answers(socketPath: string): Promise<boolean> {
  try {
    const { answer, close } = await askServer('http://registry.invalid/v2/', {
      proxy: 'none',
      stallMs: 2000,
      socketPath,
    });
    answer.resume();
    close();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

/** Pure but for its secret. */
function settings(folder: string, socket: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'files') }, delete: { enabled: true } },
    http: { net: 'unix', addr: socket, secret: newUuid(), relativeurls: true },
  });
}
