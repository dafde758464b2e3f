/**
 * The sweeper: frees what a dead worker left behind; its images go on later from what is finished of them, or become
 * FAILED with the reason.
 */
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
import { removeUnfinished, withdrawAmi } from '../distribution/withdraw.ts';
import { isAlone, workAlone } from '../catalog/try-again.ts';
import { countInterruption } from '../catalog/work-points.ts';
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
import { beginAgain, whereItGoesOn } from '../workflows/stages/interrupted.ts';
import { keptState } from '../workflows/stages/run-image.ts';
import { setStatus } from '../workflows/stages/set-status.ts';
import { goOnLater } from '../workflows/stages/suspend.ts';
import { collectGarbage } from './garbage.ts';

/** How long a layer that only later builds might reuse is kept after its last use, in milliseconds. */
const KEEP_LAYERS_MS = 7 * 86_400_000;

/** What happened to an image whose worker died. */
export const WORKER_ENDED =
  'The worker process ended while it worked on this image (it was killed, or the host went down).';

/** How often the work on an image goes on from one point after a worker died. */
const MOST_TRIES = 3;

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
  /** Whether its server continues: then the host did not go down, and one of its images may be the cause. */
  readonly worksOn?: boolean;
}

/**
 * Sweeps before a worker begins, while nothing else uses this data directory. Instances of builds are terminated,
 * unfinished layers and copies removed. Images in progress go on from the last point that is on record, or begin again
 * if nothing of them is finished; those whose cancellation was requested are CANCELLED. If a worker died and its server
 * continues, any of its images may have killed it, and none may fail because of another: each goes on alone, and fails
 * if its worker then dies again and again at the same point. Launched and kept instances that still run are left alone.
 * @param before how the previous worker ended, if more is known than that it did
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
  const inProgress = (await imagesInProgress(catalog.db)).filter((arn) => !suspended.has(arn));
  const goOn: string[] = [];
  for (const arn of inProgress)
    if (!(await cannotGoOn(catalog, layers, arn, before, inProgress.length))) goOn.push(arn);
  for (const owner of await layerUsers(catalog.db))
    if (!running.has(owner) && !isSnapshot(owner) && !goOn.includes(owner)) await layers.release(owner);
  const unfinished = await layers.discardUnfinished();
  for (const arn of await abandonedImages(catalog.db, hostname())) await endLease(catalog.db, arn);
  for (const ami of await pendingAmis(catalog.db)) {
    await rm(join(catalog.dataDirectory, ami.file), { force: true });
    // A requested copy is started again.
    if (isRequestedCopy(ami)) continue;
    await removeUnfinished(catalog.dataDirectory, ami);
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
 * Makes an image wait to go on, or ends it: CANCELLED if that was requested, FAILED if it may have killed its worker
 * too often.
 * @param inWork how many images the worker had
 * @returns whether it is at its end
 */
async function cannotGoOn(
  catalog: Catalog,
  layers: LayerStore,
  arn: string,
  { silent, cause: known, worksOn }: WorkerEnd,
  inWork: number,
): Promise<boolean> {
  const log = openImageLog(catalog.dataDirectory, arn);
  const { report } = log;
  const silence =
    silent &&
    `The worker process did not answer for ${silent.silentSeconds} seconds, so the server killed it ${silent.killed}.`;
  const cause = silence ?? known ?? WORKER_ENDED;
  const end = async (status: 'FAILED' | 'CANCELLED', reason: string): Promise<true> => {
    await layers.release(arn);
    // What passed its tests needs no other build: RetryImage copies what is missing.
    if (keptState((await getImage(catalog.db, arn))?.state?.status) !== 'available')
      for (const ami of await amisOfImage(catalog.db, arn))
        await withdrawAmi(catalog, layers, ami, { keepReusable: true });
    await closeExecutions(catalog.db, arn, status, reason);
    await setStatus(catalog, arn, report, status, { reason });
    return true;
  };
  try {
    // Records the cancellation, even though no worker was left to act on it.
    if ((await cancelRequested(catalog.db, [arn])).length > 0)
      return await end('CANCELLED', [CANCELLED_REASON, silence].join(' ').trim());
    const tries = await catalog.transaction((trx) => countInterruption(trx, arn));
    const wasAlone = inWork === 1 || (await isAlone(catalog.db, arn));
    // What takes more memory than a worker may have takes as much the next time.
    if (wasAlone && known !== undefined && silent === undefined)
      return await end('FAILED', `${known} Its leftovers were removed; start the build again.`);
    if (wasAlone && tries > MOST_TRIES)
      return await end(
        'FAILED',
        `${cause} That was the ${tries}th time at the same point of its work, with no other image beside it. Its ` +
          'leftovers were removed; start the build again.',
      );
    // When the whole host went down, the first suspicion is not on one of its images.
    const alone = worksOn === true || silent !== undefined || tries > 1;
    if (alone) await catalog.transaction((trx) => workAlone(trx, arn));
    const later = await goOnLater(catalog, arn);
    if (later === undefined) await beginAgain({ catalog, layers }, { arn, report, reason: cause, alone });
    else
      report({
        type: 'log',
        level: 'warn',
        text:
          `${cause} It goes on from ${await whereItGoesOn(catalog.db, arn, later)}` +
          `${alone ? ', with no other image beside it' : ''}.`,
      });
    return false;
  } finally {
    log.close();
  }
}
