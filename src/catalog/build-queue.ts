/**
 * The order in which waiting images are built: first those that must be built alone, then those that a person started,
 * then automatic ones. Among equals the pipelines take turns; of one pipeline the oldest comes first.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import { sql, type RawBuilder } from 'kysely';
import type { Queryable } from './catalog.ts';

/** What the position of an image depends on. */
export interface Waiting {
  readonly arn: string;
  readonly created: string;
  readonly alone: boolean;
  /** Whether it started automatically, by a schedule, a rule or another image. */
  readonly byItself: boolean;
  /** The queue that takes turns: its pipeline; without one, the image's name. */
  readonly queue: string;
}

/** What is known of a queue. */
interface Queue {
  /** Number of its running builds. */
  working: number;
  /** When one of its images last started: ISO-8601; empty for never. */
  last: string;
}

/** How long a turn counts, in milliseconds. An older turn counts as none. */
const TURN_MS = 24 * 3600 * 1000;

const queueOf: RawBuilder<string> = sql`coalesce(i.pipeline_arn, i.account || '/' || i.region || '/' || i.slug)`;

async function waiting(db: Queryable): Promise<Waiting[]> {
  const rows = await db
    .selectFrom('images as i')
    .select(['i.arn', 'i.date_created', 'i.alone', 'i.by_itself', queueOf.as('queue')])
    .where('i.status', '=', 'PENDING')
    .where((e) =>
      e.not(e.exists(e.selectFrom('leases as l').select('l.image_arn').whereRef('l.image_arn', '=', 'i.arn'))),
    )
    .execute();
  return rows.map(({ date_created, by_itself, alone, ...row }) => ({
    ...row,
    created: date_created,
    alone: alone === 1,
    byItself: by_itself === 1,
  }));
}

async function queues(db: Queryable): Promise<Map<string, Queue>> {
  const found = new Map<string, Queue>();
  for (const { queue, last } of await db.selectFrom('build_turns').selectAll().execute())
    found.set(queue, { working: 0, last });
  const working = await db
    .selectFrom('leases as l')
    .innerJoin('images as i', 'i.arn', 'l.image_arn')
    .select(queueOf.as('queue'))
    .execute();
  for (const { queue } of working) {
    const known = found.get(queue) ?? { working: 0, last: '' };
    known.working += 1;
    found.set(queue, known);
  }
  return found;
}

/** Compares two images: negative if `a` comes first. */
function compare(a: Waiting, b: Waiting, of: (queue: string) => Queue): number {
  const [one, other] = [of(a.queue), of(b.queue)];
  return (
    Number(b.alone) - Number(a.alone) ||
    Number(a.byItself) - Number(b.byItself) ||
    one.working - other.working ||
    order(one.last, other.last) ||
    order(a.created, b.created) ||
    order(a.arn, b.arn)
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function first(images: Iterable<Waiting>, of: (queue: string) => Queue): Waiting | undefined {
  let best: Waiting | undefined;
  for (const image of images) if (best === undefined || compare(image, best, of) < 0) best = image;
  return best;
}

const readerOf = (found: ReadonlyMap<string, Queue>) => {
  const none: Queue = { working: 0, last: '' };
  return (queue: string): Queue => found.get(queue) ?? none;
};

/** The waiting image that is next, or `undefined`. */
export async function nextInTurn(trx: Queryable): Promise<Waiting | undefined> {
  const images = await waiting(trx);
  return images.length < 2 ? images[0] : first(images, readerOf(await queues(trx)));
}

/** Records that a queue had its turn. */
export async function recordTurn(trx: Queryable, queue: string, now: string): Promise<void> {
  await trx
    .insertInto('build_turns')
    .values({ queue, last: now })
    .onConflict((conflict) => conflict.column('queue').doUpdateSet({ last: now }))
    .execute();
  const forgotten = new Date(Date.parse(now) - TURN_MS).toISOString();
  await trx.deleteFrom('build_turns').where('last', '<', forgotten).execute();
}

/**
 * Waiting images in the order in which they would start if no more were added and none ended.
 * @param most maximum number of images
 */
export async function inTurn(db: Queryable, most = Infinity): Promise<readonly Waiting[]> {
  const left = new Map((await waiting(db)).map((image) => [image.arn, image]));
  const found = await queues(db);
  const ordered: Waiting[] = [];
  // Later than every turn on record.
  for (let turn = 0; left.size > 0 && ordered.length < most; turn++) {
    const next = first(left.values(), readerOf(found))!;
    left.delete(next.arn);
    ordered.push(next);
    const queue = found.get(next.queue) ?? { working: 0, last: '' };
    found.set(next.queue, { working: queue.working + 1, last: `~${String(turn).padStart(9, '0')}` });
  }
  return ordered;
}

/** The instance types of the builds that a worker works on. */
export async function runningTypes(db: Queryable): Promise<readonly (string | undefined)[]> {
  const rows = await db
    .selectFrom('leases as l')
    .innerJoin('images as i', 'i.arn', 'l.image_arn')
    .select('i.record')
    .execute();
  return rows.map(({ record }) => typeIn(record));
}

/** The instance type that an image's infrastructure configuration asks for first. */
export async function instanceTypeOf(db: Queryable, arn: string): Promise<string | undefined> {
  const row = await db.selectFrom('images').select('record').where('arn', '=', arn).executeTakeFirst();
  return row === undefined ? undefined : typeIn(row.record);
}

function typeIn(record: string): string | undefined {
  return (JSON.parse(record) as Image).infrastructureConfiguration?.instanceTypes?.[0];
}
