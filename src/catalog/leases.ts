/** Queries on leases: which process works on which image. */
import type { Kysely } from 'kysely';
import type { Catalog, Queryable } from './catalog.ts';
import { timestamp } from '../platform/clock.ts';
import { isSameProcess } from '../platform/processes.ts';
import { nextToGoOn } from './suspended-images.ts';
import type { Tables } from './tables.ts';

/** The process that asks for a lease. */
export interface Lessee {
  readonly worker: string;
  readonly host: string;
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly processStart: string;
}

/** Duration of a lease without renewal, in milliseconds. */
const LEASE_MS = 60_000;

/**
 * Claims an image: first one whose work waited and can go on, then the oldest PENDING one, first those that must be
 * built alone.
 * @param busy whether this worker has other images: an image that must be alone waits until these are finished, and the
 *   rest waits for it
 * @param full whether there is no place for another image: only one that is to be cancelled is claimed then
 * @returns its ARN, or `undefined` if none can be claimed now
 */
export async function claimImage(
  catalog: Catalog,
  lessee: Lessee,
  busy: boolean,
  full = false,
): Promise<{ readonly arn: string; readonly alone: boolean } | undefined> {
  return catalog.transaction(async (trx) => {
    const image =
      (await nextToGoOn(trx, timestamp(), { cancelled: full })) ?? (full ? undefined : await oldestPending(trx));
    const alone = image?.alone === 1;
    if (image === undefined || (alone && busy)) return undefined;
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

async function oldestPending(trx: Queryable): Promise<{ readonly arn: string; readonly alone: number } | undefined> {
  return trx
    .selectFrom('images')
    .select(['images.arn', 'images.alone'])
    .where('images.status', '=', 'PENDING')
    .where((e) =>
      e.not(
        e.exists(e.selectFrom('leases').select('leases.image_arn').whereRef('leases.image_arn', '=', 'images.arn')),
      ),
    )
    .orderBy('images.alone', 'desc')
    .orderBy('images.date_created')
    .limit(1)
    .executeTakeFirst();
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
