/**
 * The container registry that Ingot runs if none is configured: Debian's `docker-registry` on loopback, with its files
 * in the data directory. It ends with the process that started it.
 */
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, until } from '../../platform/clock.ts';
import { dataPath } from '../../platform/data-layout.ts';
import { writeFileAtomic } from '../../platform/files.ts';
import { freePort } from '../../platform/host.ts';
import { askServer } from '../../platform/http.ts';
import { newUuid } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { isSameProcess, start } from '../../platform/processes.ts';

/** A running registry. */
export interface LocalRegistry {
  /** `127.0.0.1:5005` */
  readonly host: string;
}

interface RegistryRecord {
  readonly pid: number;
  readonly startTime: string;
  readonly port: number;
}

const START_MS = 20_000;
const starting = new Map<string, Promise<LocalRegistry>>();

/**
 * Returns the registry of a data directory, starting it if needed. It keeps its port.
 * @throws {Error} with the registry's output if it does not start
 */
export function ensureLocalRegistry(dataDirectory: string): Promise<LocalRegistry> {
  const there = starting.get(dataDirectory);
  if (there !== undefined) return there;
  const begun = ensure(dataDirectory).finally(() => starting.delete(dataDirectory));
  starting.set(dataDirectory, begun);
  return begun;
}

async function ensure(dataDirectory: string): Promise<LocalRegistry> {
  const folder = dataPath(dataDirectory, 'registry');
  const record = await readRecord(folder);
  if (record !== undefined && isSameProcess(record.pid, record.startTime)) return { host: hostOf(record.port) };
  await mkdir(join(folder, 'files'), { recursive: true, mode: 0o700 });
  const port = record?.port ?? (await freePort());
  const secret = newUuid();
  await writeFile(join(folder, 'config.yml'), settings(folder, port, secret), { mode: 0o600 });
  const log = await open(join(folder, 'registry.log'), 'w', 0o600);
  try {
    const process = await start(
      // It ends with the process that started it, even if that one is killed.
      ['setpriv', '--pdeathsig', 'SIGTERM', '--', 'docker-registry', 'serve', join(folder, 'config.yml')],
      { stdio: ['ignore', log.fd, log.fd], files: 'private' },
    );
    process.unref();
    await writeFileAtomic(
      join(folder, 'registry.json'),
      JSON.stringify({ pid: process.pid, startTime: process.startTime, port } satisfies RegistryRecord),
      0o600,
    );
    await until(
      'the container registry to answer',
      patient(START_MS),
      async () => {
        if (await answers(port)) return true;
        if (isSameProcess(process.pid, process.startTime)) return undefined;
        await sleep(50);
        const said = (await readFile(join(folder, 'registry.log'), 'utf8')).trim().split('\n').slice(-3).join('; ');
        throw new Error(`the container registry ended at its start: ${said.slice(-1000)}`);
      },
      { everyMs: 20 },
    );
    return { host: hostOf(port) };
  } finally {
    await log.close();
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const { answer, close } = await askServer(`http://${hostOf(port)}/v2/`, { proxy: 'none', stallMs: 2000 });
    answer.resume();
    close();
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}

async function readRecord(folder: string): Promise<RegistryRecord | undefined> {
  if (!existsSync(join(folder, 'registry.json'))) return undefined;
  return JSON.parse(await readFile(join(folder, 'registry.json'), 'utf8')) as RegistryRecord;
}

function hostOf(port: number): string {
  return `127.0.0.1:${port}`;
}

/** The registry's configuration file. Pure. */
function settings(folder: string, port: number, secret: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'files') }, delete: { enabled: true } },
    http: { addr: hostOf(port), secret, relativeurls: true },
  });
}
