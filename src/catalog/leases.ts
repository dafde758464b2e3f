/** Queries on leases: who works on which image. */
import type { Kysely } from 'kysely';
import type { Catalog } from './catalog.ts';
import { isSameProcess } from '../platform/processes.ts';
import type { Tables } from './tables.ts';

/** The process that asks for a lease. */
export interface Lessee {
  readonly worker: string;
  readonly host: string;
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly processStart: string;
}

/** How long a lease lasts without being renewed, in milliseconds. */
const LEASE_MS = 60_000;

/**
 * Takes the oldest image that waits and that nobody works on; first those that are to be worked on alone.
 * @param busy whether this worker works on others: one that is to be alone waits for their end, and the rest for it
 * @returns its ARN, or `undefined` when there is none to take now
 */
export async function claimImage(
  catalog: Catalog,
  lessee: Lessee,
  busy: boolean,
): Promise<{ readonly arn: string; readonly alone: boolean } | undefined> {
  return catalog.transaction(async (trx) => {
    const image = await trx
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

/** Puts the deadline of a worker's leases off. */
export async function renewLeases(db: Kysely<Tables>, worker: string): Promise<void> {
  await db.updateTable('leases').set({ deadline: deadline() }).where('worker', '=', worker).execute();
}

/** Ends the lease of an image. */
export async function endLease(db: Kysely<Tables>, imageArn: string): Promise<void> {
  await db.deleteFrom('leases').where('image_arn', '=', imageArn).execute();
}

/** Images whose worker is gone: past its deadline, or a process of this host that no longer runs. */
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
