/** The sweeper: frees what a dead worker left behind, and fails its images with the reason. */
import { hostname } from 'node:os';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { amisOfImage, isRequestedCopy, pendingAmis, updateAmi } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { closeExecutions } from '../catalog/executions.ts';
import { heldOwners, heldRecorder } from '../catalog/held.ts';
import { openImageLog } from '../catalog/image-log.ts';
import { cancelRequested, imagesInProgress } from '../catalog/image-work.ts';
import { getImage } from '../catalog/images.ts';
import { isUsers, liveInstances, updateInstance } from '../catalog/instances.ts';
import { layerUsers, unfinishedLayers } from '../catalog/layers.ts';
import { abandonedImages, endLease } from '../catalog/leases.ts';
import { suspendedImages } from '../catalog/suspended-images.ts';
import { withdrawAmi } from '../distribution/withdraw.ts';
import { isAlone, workAlone } from '../catalog/try-again.ts';
import { makersElsewhere } from '../images/base/ensure.ts';
import { isSnapshot } from '../catalog/snapshots.ts';
import { freeLeftMemory } from '../images/base/left-memory.ts';
import { LayerStore } from '../images/layer-store.ts';
import { driverNamed } from '../instances/launch.ts';
import type { InstanceHandle } from '../instances/instance.ts';
import { instanceDisk } from '../platform/data-layout.ts';
import { releaseAll } from '../platform/held.ts';
import { releaseForgotten } from '../platform/host.ts';
import { runningOut } from '../images/space.ts';
import { logger } from '../platform/log.ts';
import { CANCELLED_REASON } from '../workflows/errors.ts';
import { keptState, setStatus } from '../workflows/stages/run-image.ts';
import { collectGarbage } from './garbage.ts';

/** How long a layer that only later builds might reuse is kept after its last use, in milliseconds. */
const KEEP_LAYERS_MS = 7 * 86_400_000;

const WORKER_ENDED = 'The worker process ended while it worked on this image (it was killed, or the host went down).';
/** The reason of a failed image whose worker died. */
export const ABANDONED_REASON = `${WORKER_ENDED} Its leftovers were removed; start the build again.`;

/** Facts about a worker that the server killed because it did not answer. */
export interface SilentWorker {
  readonly silentSeconds: number;
  /** Why the server killed it: `to cancel an image`. */
  readonly killed: string;
}

/** How a worker ended, as far as it is known. */
export interface WorkerEnd {
  /** The server killed it because it did not answer. */
  readonly silent?: SilentWorker;
  /** Why it ended by itself, as a sentence, if known. */
  readonly cause?: string;
  /** Whether its server continues. Images that may have killed the worker are then built again. */
  readonly worksOn?: boolean;
}

/**
 * Sweeps before a worker begins, while nothing else uses this data directory. It terminates instances of builds,
 * removes unfinished layers and copies, and sets images in progress to FAILED, or to CANCELLED if that was requested.
 * If the worker was building several images and its server continues, any of them may have killed it, and none may fail
 * because of another: each is built again, alone. Launched and kept instances that still run are not changed.
 * @param before how the previous worker ended, if known
 */
export async function sweepAtStart(catalog: Catalog, before: WorkerEnd = {}): Promise<void> {
  if ((await runningOut(catalog.dataDirectory)) !== undefined) await makeRoom(catalog);
  const suspended = new Set(await suspendedImages(catalog.db));
  const running = new Set([...(await settleInstances(catalog, suspended)), ...suspended]);
  // `ingot toe` creates one without the server.
  for (const owner of makersElsewhere(
    [...(await heldOwners(catalog.db)), ...(await layerUsers(catalog.db))],
    catalog.dataDirectory,
  ))
    running.add(owner);
  for (const owner of await heldOwners(catalog.db)) {
    if (running.has(owner)) continue;
    await releaseAll(heldRecorder(catalog.db, owner)).catch((error: unknown) =>
      logger().error({ owner, error }, 'the sweeper could not free everything'),
    );
  }
  await releaseForgotten(catalog.dataDirectory, new Set([...running, ...(await heldOwners(catalog.db))])).catch(
    (error: unknown) => logger().error({ error }, 'the sweeper could not free host-wide allocations'),
  );
  await freeLeftMemory().catch((error: unknown) =>
    logger().error({ error }, 'the sweeper could not free the memory of a base image'),
  );
  const layers = new LayerStore(catalog, catalog.dataDirectory);
  for (const owner of await layerUsers(catalog.db))
    if (!running.has(owner) && !isSnapshot(owner)) await layers.release(owner);
  const unfinished = await layers.discardUnfinished();
  const inProgress = (await imagesInProgress(catalog.db)).filter((arn) => !suspended.has(arn));
  const several = before.worksOn === true && inProgress.length > 1;
  for (const arn of inProgress) await endImage(catalog, layers, arn, before, several);
  for (const arn of await abandonedImages(catalog.db, hostname())) await endLease(catalog.db, arn);
  for (const ami of await pendingAmis(catalog.db)) {
    await rm(join(catalog.dataDirectory, ami.file), { force: true });
    // A requested copy is started again.
    if (isRequestedCopy(ami)) continue;
    await updateAmi(catalog.db, ami.id, { state: 'failed' });
  }
  const old = await collectGarbage(catalog, new Date(Date.now() - KEEP_LAYERS_MS).toISOString());
  if (unfinished + old.layers + old.files > 0) logger().info({ unfinished, old }, 'swept layers');
}

/**
 * On a full disk no record can be written, so what needs no record is freed first: the machines of builds and the files
 * that they wrote.
 */
async function makeRoom(catalog: Catalog): Promise<void> {
  const launched = new Set(
    (await liveInstances(catalog.db)).filter(({ purpose }) => purpose === 'launch').map(({ id }) => id),
  ); // Including kept ones.
  for (const owner of await heldOwners(catalog.db))
    if (!launched.has(owner)) await releaseAll(heldRecorder(catalog.db, owner)).catch(() => {});
  for (const { path } of await unfinishedLayers(catalog.db))
    await rm(join(catalog.dataDirectory, path), { force: true });
}

/** Terminates build and test instances, and launched and kept ones that died. Returns the users' instances that run. */
async function settleInstances(catalog: Catalog, suspended: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const running = new Set<string>();
  for (const record of await liveInstances(catalog.db)) {
    // When its image continues, that shows whether it still runs.
    if (record.image_arn !== null && suspended.has(record.image_arn) && !isUsers(record)) {
      running.add(record.id);
      continue;
    }
    if (isUsers(record)) {
      if (record.state !== 'running') {
        // The worker starts or terminates it. Until then, what a kept instance wrote stays, so that one place frees it.
        if (record.kept_until !== null) running.add(record.id);
        continue;
      }
      try {
        await driverNamed(record.driver).attach(
          JSON.parse(record.handle ?? '{}') as InstanceHandle,
          heldRecorder(catalog.db, record.id),
        );
        running.add(record.id);
        continue;
      } catch (error) {
        await updateInstance(catalog.db, record.id, {
          state: 'terminated',
          handle: null,
          reason: `found dead when the server started: ${(error as Error).message}`.slice(0, 1000),
        });
        await rm(instanceDisk(catalog.dataDirectory, record.id), { force: true });
        continue;
      }
    }
    await updateInstance(catalog.db, record.id, { state: 'terminated', handle: null, reason: 'its worker ended' });
  }
  return running;
}

/**
 * Sets an image to FAILED, to CANCELLED if that was requested, or to PENDING again if another image may have killed its
 * worker.
 */
async function endImage(
  catalog: Catalog,
  layers: LayerStore,
  arn: string,
  before: WorkerEnd,
  several: boolean,
): Promise<void> {
  const log = openImageLog(catalog.dataDirectory, arn);
  try {
    const again = several && !(await isAlone(catalog.db, arn));
    const status = (await getImage(catalog.db, arn))?.state?.status;
    for (const ami of await amisOfImage(catalog.db, arn)) {
      // What passed its tests needs no other build: RetryImage copies what is missing.
      if (keptState(status) === 'available' && !again) continue;
      await withdrawAmi(catalog, layers, ami, { keepReusable: true });
    }
    const silent =
      before.silent &&
      `The worker process did not answer for ${before.silent.silentSeconds} seconds, so the server killed it ` +
        `${before.silent.killed}.`;
    const cause = silent ?? before.cause ?? 'The worker process ended while it worked on this image.';
    // Records the cancellation, even though no worker was left to act on it.
    if ((await cancelRequested(catalog.db, [arn])).length > 0) {
      const reason = [CANCELLED_REASON, silent].join(' ').trim();
      await closeExecutions(catalog.db, arn, 'CANCELLED', reason);
      await setStatus(catalog, arn, log.report, 'CANCELLED', { reason });
    } else if (again) {
      const reason = `${cause} Other images may be the cause, so this one is built again, with no other beside it.`;
      await closeExecutions(catalog.db, arn, 'FAILED', reason);
      log.report({ type: 'log', level: 'warn', text: reason });
      await catalog.transaction((trx) => workAlone(trx, arn, reason));
    } else {
      const reason =
        keptState(status) === 'available'
          ? `${before.cause ?? silent ?? WORKER_ENDED} AMIs that are complete stay: RetryImage makes the missing ones.`
          : silent === undefined && before.cause === undefined
            ? ABANDONED_REASON
            : `${cause} Its leftovers were removed; start the build again.`;
      await closeExecutions(catalog.db, arn, 'FAILED', reason);
      await setStatus(catalog, arn, log.report, 'FAILED', { reason });
    }
  } finally {
    log.close();
  }
}
