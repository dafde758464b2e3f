/**
 * The worker: claims images and works on them, starts and terminates launched instances, watches for cancellations. It
 * communicates with the API through records only. A wake-up makes it check sooner.
 */
import { cpus as hostCpus, hostname, totalmem } from 'node:os';
import type { Catalog } from '../catalog/catalog.ts';
import { cancelRequested } from '../catalog/image-work.ts';
import { endExpired, instancesToActOn, liveInstances } from '../catalog/instances.ts';
import { claimImage, endLease, renewLeases, type Lessee } from '../catalog/leases.ts';
import type { PoolKeeper } from './pools.ts';
import { copyPending } from './image-copies.ts';
import { readStores } from '../distribution/from-stores.ts';
import { endLaunched, makeLaunched, noticeEnds } from './launches.ts';
import { isScarce, onceThereIsRoom, runningOut } from '../images/space.ts';
import { timestamp } from '../platform/clock.ts';
import { whatIsMissing, type BuildLimits } from '../resources/build-room.ts';
import { restoreNetwork } from '../platform/host.ts';
import { logger } from '../platform/log.ts';
import { newUuid } from '../platform/ids.ts';
import { processStartTime } from '../platform/processes.ts';
import { runDueExecutions } from '../pipelines/lifecycle/executions.ts';
import { CANCELLED_REASON, CancelledError, Interruption } from '../workflows/errors.ts';
import { runImage } from '../workflows/stages/run-image.ts';

/** Time between checks for work without a wake-up, in milliseconds. */
const LOOK_MS = 1000;
/** How often the stores are compared with the records. */
const STORES_MS = 60_000;
/** Time between checks for a cancellation while something runs, in milliseconds. */
const CANCEL_MS = 200;
const RENEW_MS = 15_000;
/** Time between checks that the network rules of instances exist, in milliseconds. */
const RULES_MS = 5000;
/**
 * Time between checks of the free disk space during a build, in milliseconds: a build writes some 50 MB in that time.
 */
const ROOM_MS = 100;

/** How long a stopping worker waits for an image to end while the disk is full, in milliseconds. */
const FULL_DISK_MS = 5000;

/** A running worker. */
export interface Worker {
  /** Looks for work now. */
  wake(): void;
  /** Begins with no other image from now on. Those that are to be cancelled still end. */
  finish(): Promise<void>;
  /** Interrupts the images, which go on later, aborts what else runs, and waits until everything has ended. */
  stop(reason: string): Promise<void>;
}

/**
 * Starts a worker on a data directory that was swept.
 * @param limits.atOnce maximum number of images built at once
 * @param limits.cpus processors that builds may have together, and `limits.memoryMiB` memory; no limit if absent
 * @param limits.keepFreeBytes free space of the data directory below which no image starts beside another one, besides
 * `limits.diskBytes` for each that is being built (default: 0)
 * @param pools stopped with the worker, after its images
 */
export function startWorker(
  catalog: Catalog,
  limits: Pick<BuildLimits, 'atOnce'> &
    Partial<BuildLimits> & { readonly keepFreeBytes: number; readonly diskBytes?: number },
  pools?: PoolKeeper,
): Worker {
  const { atOnce, keepFreeBytes, diskBytes = 0, cpus = Infinity, memoryMiB = Infinity } = limits;
  const host = { cpus: hostCpus().length, memoryMiB: Math.floor(totalmem() / (1 << 20)) };
  const lessee: Lessee = {
    worker: newUuid(),
    host: hostname(),
    pid: process.pid,
    processStart: processStartTime(process.pid)!,
  };
  const images = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  const launches = new Map<string, { readonly controller: AbortController; readonly done: Promise<void> }>();
  /** Whether the image that is being built must be the only one. */
  let alone = false;
  const over = new AbortController();
  let stopping = false;
  let finishing = false;
  let looking: Promise<void> | undefined;
  let again = false;

  let updating: Promise<void> | undefined;
  /** Launches do not use up the slots of builds. */
  function updateStates(): void {
    updating ??= runDueExecutions(catalog, () => stopping)
      .catch((error: unknown) => logger().error({ error }, 'could not check for changes of state'))
      .finally(() => (updating = undefined));
  }

  const copying = new AbortController();
  let storesRead = -Infinity;
  async function readStoresAgain(): Promise<void> {
    if (Date.now() - storesRead < STORES_MS) return;
    storesRead = Date.now();
    await readStores(catalog, copying.signal).catch((error: unknown) =>
      logger().error({ error }, 'the stores could not be read'),
    );
  }
  let copies: Promise<void> | undefined;
  function copyImages(): void {
    copies ??= readStoresAgain()
      .then(() => copyPending(catalog, copying.signal))
      .catch((error: unknown) => logger().error({ error }, 'could not look for copies of images'))
      .finally(() => (copies = undefined));
  }

  async function look(): Promise<void> {
    if (!stopping) updateStates();
    if (!stopping) copyImages();
    if (!stopping && !finishing) pools?.look();
    while (!stopping) {
      const full = finishing || images.size >= (alone ? 1 : atOnce);
      const claimed = await claimImage(catalog, lessee, {
        busy: images.size > 0,
        full,
        room: (asked, running) => whatIsMissing(asked, running, { atOnce, cpus, memoryMiB }, host) === undefined,
        scarce: !full && (await isScarce(catalog.dataDirectory, keepFreeBytes + images.size * diskBytes)),
      });
      if (claimed === undefined) break;
      const { arn } = claimed;
      alone = claimed.alone;
      const controller = new AbortController();
      const done = runImage({
        catalog,
        dataDirectory: catalog.dataDirectory,
        arn,
        signal: controller.signal,
        over: over.signal,
      })
        .catch((error: unknown) => logger().fatal({ image: arn, error }, 'the work on an image failed unexpectedly'))
        .then(() => onceThereIsRoom(() => endLease(catalog.db, arn), over.signal))
        .catch((error: unknown) => logger().error({ image: arn, error }, 'the lease of an image could not be ended'))
        .finally(() => {
          images.delete(arn);
          alone = false;
          wake();
        });
      images.set(arn, { controller, done });
    }
    if (!stopping) await endExpired(catalog.db, timestamp());
    if (!stopping) await noticeEnds(catalog);
    for (const record of stopping ? [] : await instancesToActOn(catalog.db)) {
      const busy = launches.get(record.id);
      if (busy !== undefined) {
        // It was terminated while it started: abort the launch, then check again.
        if (record.state === 'shutting-down') busy.controller.abort(new Error('it was terminated while it started'));
        continue;
      }
      const controller = new AbortController();
      const act =
        record.state === 'pending' ? makeLaunched(catalog, record, controller.signal) : endLaunched(catalog, record);
      const done = act
        .catch((error: unknown) => logger().error({ instance: record.id, error }, 'an instance could not be acted on'))
        .finally(() => launches.delete(record.id));
      launches.set(record.id, { controller, done });
    }
  }

  function wake(): void {
    if (looking !== undefined) {
      again = true;
      return;
    }
    looking = look()
      .catch((error: unknown) => logger().error({ error }, 'looking for work failed'))
      .finally(() => {
        looking = undefined;
        if (again && !stopping) {
          again = false;
          wake();
        }
      });
  }

  async function watchCancellations(): Promise<void> {
    for (const arn of await cancelRequested(catalog.db, [...images.keys()]))
      images.get(arn)?.controller.abort(new CancelledError(CANCELLED_REASON));
  }

  /** The disk is filling up: abort all builds before records can no longer be written. */
  async function watchRoom(): Promise<void> {
    const reason = await runningOut(catalog.dataDirectory);
    if (reason === undefined) return;
    for (const { controller } of images.values()) if (!controller.signal.aborted) controller.abort(new Error(reason));
  }

  async function watchNetwork(): Promise<void> {
    if ((await liveInstances(catalog.db)).length === 0 || !(await restoreNetwork())) return;
    logger().warn('the network rules of instances had been removed, for example by a firewall reload; restored them');
  }

  const timers = [
    setInterval(() => {
      watchNetwork().catch((error: unknown) =>
        logger().error({ error }, 'could not check the network rules of instances'),
      );
    }, RULES_MS),
    setInterval(() => {
      if (images.size > 0) void watchRoom();
    }, ROOM_MS),
    setInterval(wake, LOOK_MS),
    setInterval(() => {
      if (images.size > 0)
        watchCancellations().catch((error: unknown) => logger().error({ error }, 'looking for cancellations failed'));
    }, CANCEL_MS),
    setInterval(() => {
      renewLeases(catalog.db, lessee.worker).catch((error: unknown) =>
        logger().error({ error }, 'renewing leases failed'),
      );
    }, RENEW_MS),
  ];
  wake();

  return {
    wake,
    async finish() {
      finishing = true;
      await looking;
    },
    async stop(reason) {
      stopping = true;
      for (const timer of timers) clearInterval(timer);
      await looking;
      await updating;
      copying.abort(new Error(reason));
      await copies;
      for (const { controller } of images.values()) controller.abort(new Interruption(reason));
      for (const { controller } of launches.values()) controller.abort(new Error(reason));
      setTimeout(() => over.abort(new Error(reason)), FULL_DISK_MS).unref();
      await Promise.all([...images.values(), ...launches.values()].map(({ done }) => done));
      await pools?.stop(reason);
    },
  };
}
