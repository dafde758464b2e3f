/** Queries on images for the worker. */
import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

const IN_PROGRESS = ['CREATING', 'BUILDING', 'TESTING', 'DISTRIBUTING', 'INTEGRATING'] as const;

/** Images whose work has begun and is not finished. */
export async function imagesInProgress(db: Kysely<Tables>): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('images')
    .select('arn')
    .where('status', 'in', [...IN_PROGRESS])
    .execute();
  return rows.map(({ arn }) => arn);
}

/** Number of images that are waiting or being built. */
export async function busyImages(db: Kysely<Tables>): Promise<number> {
  const { count } = await db
    .selectFrom('images')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('status', 'in', ['PENDING', ...IN_PROGRESS])
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Which of these images have a requested cancellation. */
export async function cancelRequested(db: Kysely<Tables>, arns: readonly string[]): Promise<readonly string[]> {
  if (arns.length === 0) return [];
  const rows = await db
    .selectFrom('images')
    .select('arn')
    .where('arn', 'in', [...arns])
    .where('cancel_requested', '=', 1)
    .execute();
  return rows.map(({ arn }) => arn);
}

/** Whether the cancellation of an image that is being built, or about to be, is pending. */
export async function cancellationWaits(db: Kysely<Tables>): Promise<boolean> {
  const row = await db
    .selectFrom('images')
    .select('arn')
    .where('status', 'in', ['PENDING', ...IN_PROGRESS])
    .where('cancel_requested', '=', 1)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** ARNs of the images that a worker works on. */
export async function imagesInWork(db: Kysely<Tables>): Promise<readonly string[]> {
  const rows = await db.selectFrom('leases').select('image_arn').orderBy('image_arn').execute();
  return rows.map(({ image_arn }) => image_arn);
}
