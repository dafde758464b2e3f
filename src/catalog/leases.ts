/** Queries on leases: which process works on which image. */
import type { Kysely } from 'kysely';
import { instanceTypeOf, nextInTurn, recordTurn, runningTypes } from './build-queue.ts';
import type { Catalog } from './catalog.ts';
import { timestamp } from '../platform/clock.ts';
import { isSameProcess } from '../platform/processes.ts';
import { nextToGoOn } from './suspended-images.ts';
import type { Tables } from './tables.ts';

/** The process that requests a lease. */
export interface Lessee {
  readonly worker: string;
  readonly host: string;
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly processStart: string;
}

/** The capacity of a worker's host. */
interface ClaimingHost {
  readonly busy?: boolean;
  readonly full?: boolean;
  readonly scarce?: boolean;
  readonly room?: (asked: string | undefined, running: readonly (string | undefined)[]) => boolean;
}

/** Duration of a lease without renewal, in milliseconds. */
const LEASE_MS = 60_000;

/**
 * Claims an image: first one whose suspended work can continue, then the PENDING one that is next (`build-queue.ts`).
 * @param host.busy whether this worker has other images: one that must be alone waits until these are finished, and the
 * rest waits for it
 * @param host.full whether there is no slot for another image: then only one that is to be canceled is claimed
 * @param host.scarce whether the disk is nearly full: then no image starts beside another, and none automatically. An
 * image that a person started starts when no other is being built, and reports the lack of space, because waiting would
 * not free any
 * @param host.room whether a build of this instance type fits beside builds of those
 * @returns its ARN, or `undefined` if none can be claimed now
 */
export async function claimImage(
  catalog: Catalog,
  lessee: Lessee,
  { busy = false, full = false, scarce = false, room = () => true }: ClaimingHost,
): Promise<{ readonly arn: string; readonly alone: boolean } | undefined> {
  return catalog.transaction(async (trx) => {
    const now = timestamp();
    const suspended = await nextToGoOn(trx, now, { cancelled: full });
    const waiting = suspended === undefined && !full ? await nextInTurn(trx) : undefined;
    const image = suspended ?? waiting;
    const alone = waiting?.alone ?? suspended?.alone === 1;
    if (image === undefined || (alone && busy)) return undefined;
    if (waiting !== undefined && scarce && (busy || (waiting.byItself && !alone))) return undefined;
    if (waiting !== undefined) {
      const running = await runningTypes(trx);
      // The one whose turn it is waits, and those behind it with it: a large build would never begin otherwise.
      if (!room(await instanceTypeOf(trx, waiting.arn), running)) return undefined;
      await recordTurn(trx, waiting.queue, now);
    }
    await trx
      .insertInto('leases')
      .values({
        image_arn: image.arn,
        worker: lessee.worker,
        host: lessee.host,
        pid: lessee.pid,
        process_start: lessee.processStart,
        deadline: deadline(),
      })
      .execute();
    return { arn: image.arn, alone };
  });
}

/** Extends a worker's leases. */
export async function renewLeases(db: Kysely<Tables>, worker: string): Promise<void> {
  await db.updateTable('leases').set({ deadline: deadline() }).where('worker', '=', worker).execute();
}

/** Ends the lease of an image. */
export async function endLease(db: Kysely<Tables>, imageArn: string): Promise<void> {
  await db.deleteFrom('leases').where('image_arn', '=', imageArn).execute();
}

/** Images whose worker is gone: its lease expired, or its process no longer runs on this host. */
export async function abandonedImages(db: Kysely<Tables>, host: string): Promise<readonly string[]> {
  const rows = await db.selectFrom('leases').selectAll().execute();
  const now = new Date().toISOString();
  return rows
    .filter((row) => (row.host === host ? !isSameProcess(row.pid, row.process_start) : row.deadline < now))
    .map((row) => row.image_arn);
}

function deadline(): string {
  return new Date(Date.now() + LEASE_MS).toISOString();
}
