/** Queries on images whose work is suspended: no process works on them until they can continue. */
import type { Queryable } from './catalog.ts';
import type { EngineTables } from './engine-tables.ts';

/** Records that the work on an image waits for a step's answer, or for `wake_at`. */
export async function suspendImage(trx: Queryable, row: EngineTables['suspended_images']): Promise<void> {
  await trx.insertInto('suspended_images').values(row).execute();
}

/** ARNs of all images whose work is suspended. */
export async function suspendedImages(db: Queryable): Promise<readonly string[]> {
  return (await db.selectFrom('suspended_images').select('image_arn').execute()).map(({ image_arn }) => image_arn);
}

/** Takes and deletes the record of an image's suspended work, which then continues. */
export async function takeSuspended(trx: Queryable, arn: string): Promise<string | undefined> {
  const row = await trx.selectFrom('suspended_images').select('state').where('image_arn', '=', arn).executeTakeFirst();
  await trx.deleteFrom('suspended_images').where('image_arn', '=', arn).execute();
  return row?.state;
}

/**
 * The suspended image that can continue: its step has an answer, its time is over, or its cancellation was requested.
 * The one that has waited longest comes first.
 * @param now ISO-8601
 * @param options.cancelled only those to cancel, because there is no slot for others
 */
export async function nextToGoOn(
  trx: Queryable,
  now: string,
  { cancelled }: { readonly cancelled: boolean },
): Promise<{ readonly arn: string; readonly alone: number } | undefined> {
  return trx
    .selectFrom('suspended_images as s')
    .innerJoin('images as i', 'i.arn', 's.image_arn')
    .leftJoin('waiting_steps as w', 'w.step_id', 's.step_id')
    .select(['i.arn', 'i.alone'])
    .where((e) =>
      cancelled
        ? e('i.cancel_requested', '=', 1)
        : e.or([
            e('i.cancel_requested', '=', 1),
            e('s.wake_at', '<=', now),
            e('w.action', 'is not', null),
            e('w.step_id', 'is', null),
          ]),
    )
    .where((e) =>
      e.not(e.exists(e.selectFrom('leases').select('leases.image_arn').whereRef('leases.image_arn', '=', 'i.arn'))),
    )
    .orderBy('s.since')
    .limit(1)
    .executeTakeFirst();
}
