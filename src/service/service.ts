/** The service: the API process of a data directory, and the worker process that it supervises. */
import { rm } from 'node:fs/promises';
import { openIdentities } from '../api/access/identities.ts';
import type { ApiServices } from '../api/context.ts';
import { buildByItself } from '../api/operations/pipeline-runs.ts';
import { createApi } from '../api/server.ts';
import { isHealthRequest } from '../api/health/routes.ts';
import { openAuditLog } from '../catalog/audit-log.ts';
import { openCatalog, type Queryable } from '../catalog/catalog.ts';
import type { StoredPipeline } from '../catalog/image-pipelines.ts';
import { busyImages, cancellationWaits, imagesInWork } from '../catalog/image-work.ts';
import { instancesToActOn } from '../catalog/instances.ts';
import { anyScheduled } from '../catalog/pipeline-schedules.ts';
import { anyPolicyDue } from '../catalog/lifecycle-schedules.ts';
import { startDuePolicies } from '../pipelines/lifecycle/daily.ts';
import { ageRepositories } from '../pipelines/lifecycle/repositories.ts';
import { dueExecutions } from '../catalog/lifecycle-executions.ts';
import { localRegistry } from '../distribution/registry/local-registry.ts';
import { recordReceivers } from '../events/deliverer.ts';
import { readEvents } from '../events/settings.ts';
import { namedImages } from '../images/names/names.ts';
import { launchService } from '../launches/service.ts';
import { readHooks } from '../pipelines/hooks/hooks.ts';
import { readMaintenance } from '../pipelines/maintenance.ts';
import { followParents } from '../pipelines/parents.ts';
import { packageIndexes } from '../pipelines/packages/indexes.ts';
import { followRules, openRules } from '../pipelines/rules.ts';
import { runDuePipelines } from '../pipelines/scheduler.ts';
import { memoryOfPools } from '../worker/pools.ts';
import { startTicker, type Ticker } from '../pipelines/ticker.ts';
import type { SilentWorker, WorkerEnd } from '../storage/sweeper.ts';
import { storageService } from '../storage/storage.ts';
import { sleep } from '../platform/clock.ts';
import { checkStores } from '../distribution/check.ts';
import { readConfig } from '../platform/config/config.ts';
import { dataPath } from '../platform/data-layout.ts';
import { configuredProviders } from '../secrets/providers.ts';
import { loadCredentials } from '../platform/credentials.ts';
import { closeDataDirectory, takeDataDirectory } from '../platform/data-directory.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { takeFileLock, type FileLock } from '../platform/lock.ts';
import { logger } from '../platform/log.ts';
import { ownProgram } from '../platform/own-program.ts';
import { patient } from '../platform/patience.ts';
import { processStartTime } from '../platform/processes.ts';
import { openSealer } from '../platform/sealing.ts';
import { runningServer, type ServerFile } from '../platform/server-file.ts';
import { WorkerLink } from './worker-link.ts';
import { causeOfEnd, WORKER_FLAGS } from './worker-memory.ts';
import type { WorkerTask } from './worker-process.ts';
import { INGOT } from '../platform/own-program.ts';

/** Seconds without an answer after which a worker counts as stuck, and is killed if a client waits for it. */
const SILENT_SECONDS = 60;
/** Time between checks for images in work when the server is to stop after them, in milliseconds. */
const FINISH_LOOK_MS = 100;
/** Time limit of the sweep after a dead worker when the server stops, in milliseconds. */
const LAST_SWEEP_MS = 120_000;

/** Options of the service. */
export interface ServiceOptions {
  /** Absolute path; created if needed. */
  readonly dataDirectory: string;
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  /** Seconds without work and requests after which it exits (default: never). */
  readonly idleExitSeconds?: number;
  readonly version: string;
}

/** A running service. */
export interface Service {
  readonly host: string;
  readonly port: number;
  /** Stops everything, the worker first. It can be repeated. */
  stop(): Promise<void>;
  /** Resolves when it has ended, for any reason. */
  readonly finished: Promise<void>;
}

/** Another server uses the data directory. */
export class DataDirectoryBusy extends Error {
  override readonly name = 'DataDirectoryBusy';
}

/**
 * Starts the service on a data directory and returns when it responds.
 * @throws {DataDirectoryBusy} if a server uses the directory; {ConfigError} if its configuration is invalid
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { dataDirectory } = options;
  const wasOpen = takeDataDirectory(dataDirectory);
  const config = await readConfig(dataDirectory);
  // The worker reads these when an image needs them. Parsed now to report faults at the start.
  configuredProviders(config.secrets, config.homeAccount);
  const maintenance = readMaintenance(config.maintenance);
  const eventsConfig = readEvents(config);
  readHooks(config.hooks);
  memoryOfPools(config.pools);
  const lock = await takeLock(dataDirectory);
  const closed = closeDataDirectory(dataDirectory);
  if (wasOpen || closed > 0)
    logger().warn(
      { dataDirectory, closed },
      'other users of this host could read the data directory: it is closed to them now',
    );
  const credentials = await loadCredentials(dataDirectory);
  const sealer = await openSealer(dataDirectory);
  const audit = openAuditLog(dataDirectory, config.audit);
  const catalog = await openCatalog(dataDirectory, { managedImages: namedImages, names: config.names });
  // Before the API responds, so that no later event is missed.
  await recordReceivers(catalog, eventsConfig);
  const rules = await openRules(catalog, eventsConfig);

  // A store that cannot be reached now holds back nothing but the images that need it.
  void checkStores(config, dataDirectory, Object.keys(config.regions), new AbortController().signal).then((checked) => {
    for (const { region, place, fault } of checked)
      if (fault !== undefined) logger().warn({ region, place, fault }, 'the store of a Region cannot be used');
  });

  const state = { lastUse: Date.now(), stopping: undefined as Promise<void> | undefined, finishing: false };
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const silentSeconds = patient(SILENT_SECONDS);
  /** Set when this server killed the worker. */
  let killed: SilentWorker | undefined;
  let worker = await startWorker();

  const registry = localRegistry(dataDirectory);
  const services: ApiServices = {
    catalog,
    identities: openIdentities(catalog, sealer, [credentials]),
    config,
    audit,
    defaultAccount: credentials.account,
    wakeWorker,
    worker: () => ({ up: worker.silentSeconds < silentSeconds, silentSeconds: worker.silentSeconds }),
    launches: launchService(catalog, wakeWorker),
    storage: storageService(catalog, registry),
    registry,
    packageIndexes,
    version: options.version,
    dataDirectory,
    shutdown: (when) => void (when === 'now' ? stop() : stopWhenIdle()),
  };
  const api = createApi(services);
  let ticker: Ticker | undefined;
  api.addHook('onRequest', async (request) => {
    // Monitoring requests do not keep the server running.
    if (!isHealthRequest(request)) state.lastUse = Date.now();
  });
  let idle: NodeJS.Timeout | undefined;
  try {
    await api.listen({ host: options.host, port: options.port });
  } catch (error) {
    // The worker and the lock would otherwise keep this process and the directory in use.
    await stop();
    throw error;
  }
  const scheduler = {
    catalog,
    now: Date.now,
    builder: (trx: Queryable, pipeline: StoredPipeline) => buildByItself(services, trx, pipeline),
    maintenance,
    packageIndexes,
    started: wakeWorker,
    stopping: () => state.stopping !== undefined,
  };
  const seen = { state: '' };
  ticker = startTicker([
    () => runDuePipelines(scheduler),
    () => followParents(scheduler, seen),
    () => followRules(scheduler, rules),
    async () => {
      if ((await startDuePolicies(catalog, Date.now())) > 0) wakeWorker();
    },
    async () => {
      await ageRepositories(catalog, Date.now());
    },
  ]);
  const { port } = api.server.address() as { port: number };
  const file: ServerFile = {
    pid: process.pid,
    startTime: processStartTime(process.pid)!,
    host: options.host,
    port,
    version: options.version,
  };
  await writeFileAtomic(dataPath(dataDirectory, 'serverRecord'), `${JSON.stringify(file)}\n`, 0o600);
  if (options.idleExitSeconds !== undefined)
    idle = setInterval(() => void exitWhenIdle(options.idleExitSeconds!), 1000);

  function wakeWorker(): void {
    worker.wake();
  }

  /**
   * Starts a worker, and a new one when it dies. The new one sweeps what the old one left, and fails its image with the
   * reason. If there were several images, each is built again, alone.
   */
  async function startWorker(before: WorkerEnd = {}): Promise<WorkerLink> {
    const started = Date.now();
    const task: WorkerTask = {
      concurrency: config.builds.atOnce,
      version: options.version,
      before: { silent: killed, ...before },
    };
    killed = undefined;
    const link = await WorkerLink.start(workerCommand(dataDirectory, task), (each) => {
      endIfSilent(each).catch((error: unknown) =>
        logger().error({ error }, 'could not find out whether a request waits for the worker'),
      );
    });
    void link.exited.then(async ({ code, signal }) => {
      if (state.stopping !== undefined) return;
      logger().error({ code, signal }, 'the worker ended; starting another');
      // A worker that dies right after its start would probably do so again.
      await sleep(Date.now() - started < 5000 ? 2000 : 200);
      if (state.stopping !== undefined) return;
      worker = await startWorker({ cause: causeOfEnd({ code, signal }), worksOn: true });
      // Stopped meanwhile: the stop waited for the previous worker, not for this one.
      if (state.stopping !== undefined) worker.end();
      else if (state.finishing) worker.finish();
    });
    return link;
  }

  /** Kills a stuck worker once a client waits for it. */
  async function endIfSilent(link: WorkerLink): Promise<void> {
    if (link.silentSeconds < silentSeconds) return;
    if (link.silentSeconds === silentSeconds) {
      const what =
        `the worker has not answered for ${silentSeconds} seconds; cancel its images or stop the server, and the ` +
        'server kills it';
      logger().warn({ pid: link.pid }, what);
    }
    const what =
      state.stopping !== undefined || state.finishing
        ? 'to stop'
        : (await cancellationWaits(catalog.db))
          ? 'to cancel an image'
          : undefined;
    // The worker may have answered meanwhile.
    if (what === undefined || link.silentSeconds < silentSeconds || killed !== undefined) return;
    killed = { silentSeconds: link.silentSeconds, killed: what };
    logger().error({ pid: link.pid, ...killed }, `the worker does not answer; killing it ${what}`);
    link.kill();
  }

  async function exitWhenIdle(seconds: number): Promise<void> {
    const openStreams = await new Promise<number>((resolve) =>
      api.server.getConnections((error, count) => resolve(error ? 0 : count)),
    );
    const busy =
      openStreams > 0 ||
      (await busyImages(catalog.db)) > 0 ||
      (await instancesToActOn(catalog.db)).length > 0 ||
      (await dueExecutions(catalog.db)).length > 0 ||
      // A server with schedules keeps running for them.
      (await anyScheduled(catalog.db)) ||
      Object.keys(config.pools).length > 0 ||
      (await anyPolicyDue(catalog.db));
    if (busy) state.lastUse = Date.now();
    else if (Date.now() - state.lastUse > seconds * 1000) void stop();
  }

  /** Stops once no image is worked on; none begins until then. */
  async function stopWhenIdle(): Promise<void> {
    if (state.finishing) return;
    state.finishing = true;
    worker.finish();
    while (state.stopping === undefined) {
      // The worker answers once it claims nothing any more: until then an image may still begin.
      if (worker.finishing && (await imagesInWork(catalog.db)).length === 0) return stop();
      await sleep(FINISH_LOOK_MS);
    }
  }

  function stop(): Promise<void> {
    state.stopping ??= (async () => {
      clearInterval(idle);
      await ticker?.stop();
      worker.end();
      const { code } = await worker.exited;
      if (code !== 0) await sweepBehind();
      api.server.closeAllConnections();
      await api.close();
      await registry.stop();
      audit.close();
      await catalog.close();
      await rm(dataPath(dataDirectory, 'serverRecord'), { force: true });
      lock.release();
      finish();
    })();
    return state.stopping;
  }

  /** Sweeps what a dead worker left now, because the next server may start much later. */
  async function sweepBehind(): Promise<void> {
    const task: WorkerTask = { concurrency: 0, version: options.version, before: { silent: killed } };
    const sweeper = await WorkerLink.start(workerCommand(dataDirectory, task), () => {});
    const timer = setTimeout(() => sweeper.kill(), patient(LAST_SWEEP_MS));
    const { code, signal } = await sweeper.exited;
    clearTimeout(timer);
    if (code !== 0) logger().error({ code, signal }, 'could not clean up after the worker; the next start tries again');
  }

  return { host: options.host, port, stop, finished };
}

async function takeLock(dataDirectory: string): Promise<FileLock> {
  const lock = takeFileLock(dataPath(dataDirectory, 'serverLock'), 500);
  if (lock !== undefined) return lock;
  const other = await runningServer(dataDirectory);
  const who =
    other === undefined ? 'another process' : `the server with pid ${other.pid}, at http://${other.host}:${other.port}`;
  throw new DataDirectoryBusy(
    `the data directory ${dataDirectory} is in use by ${who}; use that one, stop it (${INGOT} stop --data ` +
      `${JSON.stringify(dataDirectory)}), or name another directory (--data)`,
  );
}

function workerCommand(dataDirectory: string, task: WorkerTask): readonly string[] {
  return [
    process.execPath,
    ...WORKER_FLAGS,
    ownProgram(import.meta.url, './worker-main.ts'),
    dataDirectory,
    JSON.stringify(task),
  ];
}
