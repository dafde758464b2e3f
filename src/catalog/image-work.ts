/** Queries on images from the side of those who work on them. */
import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

const IN_PROGRESS = ['CREATING', 'BUILDING', 'TESTING', 'DISTRIBUTING', 'INTEGRATING'] as const;

/** Images that somebody began to work on and that are at no end. */
export async function imagesInProgress(db: Kysely<Tables>): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('images')
    .select('arn')
    .where('status', 'in', [...IN_PROGRESS])
    .execute();
  return rows.map(({ arn }) => arn);
}

/** How many images wait or are worked on. */
export async function busyImages(db: Kysely<Tables>): Promise<number> {
  const { count } = await db
    .selectFrom('images')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('status', 'in', ['PENDING', ...IN_PROGRESS])
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Which of these images somebody asked to be cancelled. */
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

/** Whether an image that somebody began to work on, or is about to, waits for its cancellation. */
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
