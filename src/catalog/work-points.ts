/** Queries on the points from which the work on images goes on when it is interrupted. */
import type { Queryable } from './catalog.ts';
import { suspendImage } from './suspended-images.ts';

/** Keeps the point that an image's work has reached, in place of the one before. @param state JSON */
export async function savePoint(trx: Queryable, arn: string, state: string): Promise<void> {
  await trx
    .insertInto('work_points')
    .values({ image_arn: arn, state, tries: 0 })
    .onConflict((conflict) => conflict.column('image_arn').doUpdateSet({ state, tries: 0 }))
    .execute();
}

/** The point that an image's work has reached, as JSON; `undefined` when nothing of it is finished. */
export async function pointOf(db: Queryable, arn: string): Promise<string | undefined> {
  const row = await db.selectFrom('work_points').select('state').where('image_arn', '=', arn).executeTakeFirst();
  return row?.state ?? undefined;
}

/** Forgets an image's point. */
export async function endPoint(trx: Queryable, arn: string): Promise<void> {
  await trx.deleteFrom('work_points').where('image_arn', '=', arn).execute();
}

/**
 * Counts an interruption that the work on an image may have caused.
 * @returns how many there were since its last point
 */
export async function countInterruption(trx: Queryable, arn: string): Promise<number> {
  await trx
    .insertInto('work_points')
    .values({ image_arn: arn, state: null, tries: 1 })
    .onConflict((conflict) =>
      conflict.column('image_arn').doUpdateSet((e) => ({ tries: e('work_points.tries', '+', 1) })),
    )
    .execute();
  const { tries } = await trx
    .selectFrom('work_points')
    .select('tries')
    .where('image_arn', '=', arn)
    .executeTakeFirstOrThrow();
  return tries;
}

/**
 * Makes an image wait for somebody to go on with it, from this point on.
 * @param layers what the point needs: in use by the image, and nothing else is
 */
export async function waitToGoOn(
  trx: Queryable,
  arn: string,
  { state, layers, now }: { readonly state: string; readonly layers: readonly string[]; readonly now: string },
): Promise<void> {
  await keepLayers(trx, arn, layers);
  await suspendImage(trx, { image_arn: arn, step_id: '', since: now, wake_at: now, state });
}

/** Makes these layers the ones that an image uses. */
export async function keepLayers(trx: Queryable, arn: string, layers: readonly string[]): Promise<void> {
  await trx.deleteFrom('layer_uses').where('owner', '=', arn).execute();
  for (const layer_id of new Set(layers))
    await trx
      .insertInto('layer_uses')
      .values({ layer_id, owner: arn })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
}
