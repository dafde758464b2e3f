/**
 * A real server on a data directory of its own, as the tests use it: started by its command, spoken to by the real SDK.
 */
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { copyFile, link, mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCatalog } from '../../src/catalog/catalog.ts';
import { recordBaseImage } from '../../src/catalog/layers.ts';
import { readImageLog } from '../../src/catalog/image-log.ts';
import { baseImages } from '../../src/images/base/base-images.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { until } from '../../src/platform/clock.ts';
import {
  isSameProcess,
  signalProcess,
  waitForExit,
  type RunOptions,
  type RunResult,
} from '../../src/platform/processes.ts';
import type { ProgressRecord } from '../../src/resources/progress.ts';
import { run, start } from './processes.ts';
import { sharedBase, type TestBase } from './base.ts';

/** The project's folder. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
/** The command line's program. */
export const MAIN = join(PROJECT, 'src/commands/main.ts');

/** A new, empty data directory whose base image is there already. Its name has a blank, as a user's may. */
export async function dataDirectoryWithBase(name?: TestBase): Promise<string> {
  const dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-test-')), 'data directory');
  await placeBase(dataDirectory, name);
  return dataDirectory;
}

/** Puts a base image of the tests' into a new data directory. */
export async function placeBase(dataDirectory: string, name: TestBase = 'debian-12-x86'): Promise<void> {
  const base = await sharedBase(name);
  const catalog = await openCatalog(dataDirectory);
  const layers = new LayerStore(catalog, dataDirectory);
  const layer = await layers.announce(null);
  await mkdir(dirname(layer.path), { recursive: true });
  await link(base, layer.path).catch(() => copyFile(base, layer.path));
  const sealed = await layers.seal(layer, 'shared-base-of-the-tests', { base: 'shared by the tests' });
  await recordBaseImage(catalog.db, {
    name,
    version: '2026.1.1',
    layerId: sealed.id,
    osVersion: baseImages[name]!.osVersion,
  });
  await catalog.close();
}

/** A running server. */
export interface TestServer {
  readonly dataDirectory: string;
  readonly endpoint: string;
  readonly pid: number;
  readonly client: ImagebuilderClient;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Ends it as Ctrl-C would, and waits. */
  stop(): Promise<void>;
  /** Ends it as a power cut would: server and worker get SIGKILL. Nothing is cleaned up. */
  kill(): Promise<void>;
}

/** Starts `ingot serve` on a data directory and waits until it answers. Its log is `server.log` there. */
export async function startServer(dataDirectory: string, region = 'us-east-1'): Promise<TestServer> {
  await mkdir(dataDirectory, { recursive: true });
  await rm(join(dataDirectory, 'server.json'), { force: true });
  const log = openSync(join(dataDirectory, 'server.log'), 'a');
  const child = await start([process.execPath, MAIN, 'serve', '--port', '0', '--data', dataDirectory], {
    stdio: ['ignore', log, log],
    detached: true,
  }).finally(() => closeSync(log));
  const file = await until(
    'the server to write server.json',
    60_000,
    async () => {
      if (!isSameProcess(child.pid, child.startTime))
        throw new Error(`the server ended at its start:\n${readFileSync(join(dataDirectory, 'server.log'), 'utf8')}`);
      try {
        return JSON.parse(await readFile(join(dataDirectory, 'server.json'), 'utf8')) as { host: string; port: number };
      } catch {
        return undefined;
      }
    },
    { everyMs: 50 },
  );
  const endpoint = `http://${file.host}:${file.port}`;
  const credentials = JSON.parse(await readFile(join(dataDirectory, 'credentials.json'), 'utf8')) as {
    accessKeyId: string;
    secretAccessKey: string;
  };
  const client = new ImagebuilderClient({ endpoint, region, credentials, maxAttempts: 1 });
  return {
    dataDirectory,
    endpoint,
    pid: child.pid,
    client,
    credentials,
    async stop() {
      client.destroy();
      signalProcess(child.pid, child.startTime, 'SIGTERM');
      if (!(await waitForExit(child.pid, child.startTime, 90_000))) throw new Error('the server does not end');
    },
    async kill() {
      client.destroy();
      const { stdout } = await run(['ps', '-o', 'pid=', '--ppid', String(child.pid)], { okCodes: 'any' });
      const children = stdout.split('\n').map(Number).filter(Boolean);
      const signalAll = (pids: readonly number[], signal: NodeJS.Signals): void => {
        for (const pid of pids) {
          try {
            process.kill(pid, signal);
          } catch {
            // It ended by itself.
          }
        }
      };
      // Stopped first: a worker that saw its server die would clean up, and a server that saw its worker die would
      // start another.
      signalAll([child.pid, ...children], 'SIGSTOP');
      signalAll([child.pid, ...children], 'SIGKILL');
      await waitForExit(child.pid, child.startTime, 10_000);
    },
  };
}

/** Runs a command of Ingot's to its end, as a user would. */
export function ingot(
  dataDirectory: string,
  args: readonly string[],
  options: Pick<RunOptions, 'onStdout'> & { readonly timeoutMs?: number; readonly env?: Record<string, string> } = {},
): Promise<RunResult> {
  const words = args[0] === 'toe' ? 2 : 1;
  return run([process.execPath, MAIN, ...args.slice(0, words), '--data', dataDirectory, ...args.slice(words)], {
    cwd: PROJECT,
    okCodes: 'any',
    timeoutMs: options.timeoutMs ?? 600_000,
    maxCapture: 16 << 20,
    ...(options.env ? { env: options.env } : {}),
    ...(options.onStdout ? { onStdout: options.onStdout } : {}),
  });
}

/** An image's whole log, for messages of failed tests. */
export async function imageLog(dataDirectory: string, arn: string): Promise<readonly ProgressRecord[]> {
  const records: ProgressRecord[] = [];
  for await (const record of readImageLog(dataDirectory, arn)) records.push(record);
  return records;
}
