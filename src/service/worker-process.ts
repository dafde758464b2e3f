/**
 * The worker process. Its parent holds the data directory's lock, wakes it and checks whether it responds
 * (`worker-link.ts`). When stdin ends, the parent has ended, and the worker exits cleanly.
 */
import { readFile } from 'node:fs/promises';
import { namedImages } from '../images/names/names.ts';
import { openCatalog, type Catalog } from '../catalog/catalog.ts';
import { startDeliverer, type Deliverer } from '../events/deliverer.ts';
import { settingsResolver } from '../events/secret-settings.ts';
import { readEvents } from '../events/settings.ts';
import { startTraces, type Traces } from '../events/traces.ts';
import { removeExpiredLogs } from '../logs/retention.ts';
import { readShipping } from '../logs/shipping/settings.ts';
import { startShipper } from '../logs/shipping/shipper.ts';
import { sleep } from '../platform/clock.ts';
import { readConfig } from '../platform/config/config.ts';
import { dataPath } from '../platform/data-layout.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { takeFileLock, type FileLock } from '../platform/lock.ts';
import { logger } from '../platform/log.ts';
import { openTraceExporter, tracesAsked } from '../platform/otlp.ts';
import { patient } from '../platform/patience.ts';
import { processStartTime, signalProcess } from '../platform/processes.ts';
import { sweepAtStart, type WorkerEnd } from '../storage/sweeper.ts';
import { keepPools, memoryOfPools } from '../worker/pools.ts';
import { startWorker, type Worker } from '../worker/worker.ts';
import { listenToServer } from './worker-link.ts';
import { OUT_OF_MEMORY_CODE, watchMemory } from './worker-memory.ts';

/** Time for a worker whose server died to clean up, in seconds. */
const CLEAN_UP_SECONDS = 120;

/** Interval between deletions of logs past their retention, in milliseconds. */
const RETENTION_MS = 3_600_000;

/** The task of a worker process. */
export interface WorkerTask {
  /** Number of images that are built at once; 0 to sweep and exit. */
  readonly concurrency: number;
  /** Ingot's version. */
  readonly version: string;
  /** How the previous worker ended, if known. */
  readonly before?: WorkerEnd;
}

/** Sweeps, then works until its parent stops it or ends; then the process exits. */
export async function runWorker(dataDirectory: string, { concurrency, version, before }: WorkerTask): Promise<never> {
  let worker: Worker | undefined;
  let deliverer: Deliverer | undefined;
  let finishing = false;
  const asked = new AbortController();
  const end = (): void => asked.abort();
  listenToServer({
    wake() {
      worker?.wake();
      deliverer?.wake();
    },
    async finish() {
      finishing = true;
      await worker?.finish();
    },
    end,
  });
  // A terminal's Ctrl-C reaches the whole process group; the parent decides when the worker exits.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', end);

  const lock = await takeOver(dataDirectory, asked.signal);
  if (lock === undefined) process.exit(0);
  const config = await readConfig(dataDirectory);
  const catalog = await openCatalog(dataDirectory, { managedImages: namedImages, names: config.names });
  await sweepAtStart(catalog, before);
  if (concurrency > 0 && !asked.signal.aborted) {
    const memoryMiB = Math.max(1, config.builds.memoryMiB - memoryOfPools(config.pools));
    worker = startWorker(catalog, { ...config.builds, memoryMiB, atOnce: concurrency }, keepPools(catalog, config));
    if (finishing) await worker.finish();
    deliverer = await startDeliverer({
      catalog,
      config: readEvents(config),
      resolve: settingsResolver(dataDirectory, config.homeAccount),
    });
    const shipper = await startShipper(catalog, readShipping(config), config);
    const traces = await exportTraces(catalog, version);
    const expire = (): void => {
      removeExpiredLogs(catalog, Date.now()).catch((error: unknown) =>
        logger().error({ error }, 'expired logs could not be removed'),
      );
    };
    expire();
    const expiry = setInterval(expire, RETENTION_MS);
    logger().info({ concurrency }, 'worker ready');
    watchMemory((bytes) => {
      logger().fatal({ bytes }, 'the worker exceeded its memory limit and exits; the next worker frees what it held');
      process.exit(OUT_OF_MEMORY_CODE);
    });
    await new Promise((resolve) => asked.signal.addEventListener('abort', resolve));
    clearInterval(expiry);
    await worker.stop('The server was stopped while it worked on this image.');
    await deliverer.stop();
    await shipper.stop();
    await traces?.stop();
  }
  await catalog.close();
  lock.release();
  process.exit(0);
}

/** Exports traces if the variables of OpenTelemetry ask for it. Faults in them stop no build. */
async function exportTraces(catalog: Catalog, version: string): Promise<Traces | undefined> {
  const { asked, fault } = tracesAsked(process.env);
  if (fault !== undefined) logger().error({ fault }, 'no traces are exported');
  if (!asked) return undefined;
  try {
    return await startTraces(catalog, await openTraceExporter(process.env, { name: 'ingot', version }));
  } catch (error) {
    logger().error({ error }, 'no traces are exported');
    return undefined;
  }
}

/**
 * The lock of the workers. The previous worker may still be cleaning up after its server died, and sweeping would
 * interfere. A stuck one never exits by itself, so it is killed.
 * @returns `undefined` if this worker was asked to end while it waited
 */
async function takeOver(dataDirectory: string, asked: AbortSignal): Promise<FileLock | undefined> {
  const path = dataPath(dataDirectory, 'workerLock');
  const record = dataPath(dataDirectory, 'workerRecord');
  const longest = patient(CLEAN_UP_SECONDS);
  for (let waited = 0; !asked.aborted; waited += 1) {
    // One second at a time: the wait blocks this process, which must answer its server.
    const lock = takeFileLock(path, 1000);
    if (lock !== undefined) {
      await writeFileAtomic(record, `${JSON.stringify(ownIdentity())}\n`, 0o600);
      return lock;
    }
    if (waited >= longest) {
      const { pid, startTime } = await readFile(record, 'utf8').then(
        (text) => JSON.parse(text) as Identity,
        () => ({ pid: 0, startTime: '' }),
      );
      if (!signalProcess(pid, startTime, 'SIGKILL'))
        throw new Error(`another worker has held ${dataDirectory} for ${longest} seconds`);
      logger().error({ pid }, `killed the worker of a server that ended: it did not finish within ${longest} seconds`);
      waited = 0;
    }
    await sleep(10);
  }
  return undefined;
}

interface Identity {
  readonly pid: number;
  readonly startTime: string;
}

function ownIdentity(): Identity {
  return { pid: process.pid, startTime: processStartTime(process.pid)! };
}
