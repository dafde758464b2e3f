/**
 * Starts pipelines whose parent image or components have a newer version: those with the tag `ingot:on-parent: build`.
 * It keeps no state of its own. A pipeline starts if its names resolve differently than in its latest run, and no
 * pipeline that makes its parent image is about to make another one.
 */
import { createHash } from 'node:crypto';
import type { Catalog, Queryable } from '../catalog/catalog.ts';
import { getPipeline, type StoredPipeline } from '../catalog/image-pipelines.ts';
import { latestComparison, recordRun, runOf } from '../catalog/pipeline-runs.ts';
import type { Place } from '../catalog/slices.ts';
import { logger } from '../platform/log.ts';
import { parseArn } from '../resources/arns.ts';
import { ApiError } from '../resources/errors.ts';
import { BUILD_STAGES } from '../resources/statuses.ts';
import { matchesVersion, type Version, type VersionPattern } from '../resources/versions.ts';
import { compareDependencies, dependenciesOf, parentOf, type Dependencies } from './dependencies.ts';
import { windowNow } from './maintenance.ts';
import type { SchedulerParts } from './scheduler.ts';
import { declineStart, startPipeline, type Cause } from './start.ts';

/** The tag of pipelines that follow their parents. */
export const FOLLOW_TAG = { key: 'ingot:on-parent', value: 'build' } as const;

/** A following pipeline, with the image that it makes and its parent. */
interface Follower {
  readonly pipeline: StoredPipeline;
  readonly place: Place;
  readonly makes: { readonly slug: string; readonly version: Version } | undefined;
  readonly on: { readonly slug: string; readonly version: VersionPattern } | undefined;
  readonly now: Dependencies;
  /** What changed since its latest run. */
  readonly changes: readonly string[];
  /** `seq` of that run; `undefined` without an earlier run. */
  readonly since: number | undefined;
}

/** The state when nothing was left to do. While it is unchanged, there is nothing to do. */
export interface Seen {
  state: string;
}

/** Checks all following pipelines. Returns how many were started. @param seen the state of earlier checks */
export async function followParents(parts: SchedulerParts, seen: Seen): Promise<number> {
  const state = await stateOf(parts.catalog.db);
  if (state === seen.state) return 0;
  const followers = await followersOf(parts.catalog);
  let started = 0;
  let waiting = false;
  for (const follower of followers) {
    if (parts.stopping()) return started;
    if (follower.pipeline.status === 'DISABLED') continue;
    if (follower.since === undefined) await remember(parts, follower);
    else if (follower.changes.length > 0) {
      const circle = wayBack(follower, followers);
      if (circle !== undefined) await refuse(parts, follower, `The image ${circle.join(' is built on ')}.`);
      else if (await isAwaited(parts.catalog.db, follower, followers, new Set())) waiting = true;
      else if (await startOne(parts, follower)) started++;
      else waiting = true;
    }
  }
  // Pipelines that wait for a window, a quota or a parent are checked again.
  seen.state = waiting ? '' : state;
  if (started > 0) parts.started();
  return started;
}

/** Everything that can change what a name resolves to, or end a wait. */
async function stateOf(db: Queryable): Promise<string> {
  const { seq } = await db
    .selectFrom('outbox')
    .select((e) => e.fn.max('seq').as('seq'))
    .executeTakeFirstOrThrow();
  const { made } = await db
    .selectFrom('components')
    .select((e) => e.fn.countAll().as('made'))
    .executeTakeFirstOrThrow();
  const { updated } = await db
    .selectFrom('parameters')
    .select((e) => e.fn.max('updated').as('updated'))
    .executeTakeFirstOrThrow();
  const tags = await db
    .selectFrom('tags')
    .innerJoin('image_pipelines', 'image_pipelines.arn', 'tags.arn')
    .select(['tags.arn', 'image_pipelines.record'])
    .where('key', '=', FOLLOW_TAG.key)
    .where('value', '=', FOLLOW_TAG.value)
    .orderBy('tags.arn')
    .execute();
  return createHash('sha256')
    .update(JSON.stringify([seq, made, updated, tags]))
    .digest('hex');
}

async function followersOf(catalog: Catalog): Promise<readonly Follower[]> {
  const rows = await catalog.db
    .selectFrom('tags')
    .innerJoin('image_pipelines', 'image_pipelines.arn', 'tags.arn')
    .select('tags.arn')
    .where('key', '=', FOLLOW_TAG.key)
    .where('value', '=', FOLLOW_TAG.value)
    .orderBy('tags.arn')
    .execute();
  const found: Follower[] = [];
  for (const { arn } of rows) {
    const pipeline = await getPipeline(catalog.db, arn);
    if (pipeline !== undefined) found.push(await followerOf(catalog, catalog.db, pipeline));
  }
  return found;
}

async function followerOf(catalog: Catalog, db: Queryable, pipeline: StoredPipeline): Promise<Follower> {
  const { owner: account, region } = parseArn(pipeline.arn)!;
  const place = { account, region };
  const now = await dependenciesOf(catalog, db, place, pipeline);
  const latest = await latestComparison(db, pipeline.arn);
  const recipe = parseArn(now['recipe'] ?? '');
  const parent = parseArn((await parentOf(catalog, db, place, pipeline)) ?? '');
  return {
    pipeline,
    place,
    makes: recipe === undefined ? undefined : { slug: recipe.slug, version: recipe.version as Version },
    on: parent?.version === undefined ? undefined : { slug: parent.slug, version: parent.version },
    now,
    changes:
      latest === undefined ? [] : compareDependencies(JSON.parse(latest.dependencies!) as Dependencies, now).changes,
    since: latest?.seq,
  };
}

/** Pipelines that make a pipeline's parent image. */
function makersOf({ on, place }: Follower, all: readonly Follower[]): readonly Follower[] {
  return all.filter(
    ({ makes, place: other }) =>
      on !== undefined &&
      makes !== undefined &&
      other.account === place.account &&
      other.region === place.region &&
      makes.slug === on.slug &&
      matchesVersion(on.version, makes.version),
  );
}

/** Whether a newer parent image is expected: it is being built, will be built, or waits for its own parent. */
async function isAwaited(
  db: Queryable,
  follower: Follower,
  all: readonly Follower[],
  asked: Set<string>,
): Promise<boolean> {
  asked.add(follower.pipeline.arn);
  if (follower.on !== undefined && (await inWork(db, follower.place, follower.on))) return true;
  for (const maker of makersOf(follower, all)) {
    if (asked.has(maker.pipeline.arn) || maker.pipeline.status === 'DISABLED') continue;
    if (maker.changes.length > 0 || (await isAwaited(db, maker, all, asked))) return true;
  }
  return false;
}

async function inWork(
  db: Queryable,
  { account, region }: Place,
  { slug, version }: { readonly slug: string; readonly version: VersionPattern },
): Promise<boolean> {
  const rows = await db
    .selectFrom('images')
    .select(['major', 'minor', 'patch'])
    .where('account', '=', account)
    .where('region', '=', region)
    .where('slug', '=', slug)
    .where('status', 'in', [...BUILD_STAGES])
    .execute();
  return rows.some((each) => matchesVersion(version, each));
}

/**
 * Records what is compared from now on. A pipeline that was never built starts with the next change, not immediately.
 */
async function remember(parts: SchedulerParts, { pipeline, now }: Follower): Promise<void> {
  await parts.catalog.transaction((trx) =>
    recordRun(trx, {
      pipeline_arn: pipeline.arn,
      occurrence: 'parent from now on',
      cause: 'parent',
      by: `${FOLLOW_TAG.key}: ${FOLLOW_TAG.value}`,
      at: new Date(parts.now()).toISOString(),
      because: 'The pipeline follows its parent image and components.',
      outcome: 'skipped',
      reason: 'It was not built yet. It starts when one of them gets a newer version.',
      dependencies: JSON.stringify(now),
    }),
  );
}

/** Returns false if it has to wait. */
async function startOne(parts: SchedulerParts, follower: Follower): Promise<boolean> {
  const { pipeline, now } = follower;
  const cause = causeOf(follower, parts.now());
  const window = windowNow(parts.maintenance, pipeline.tags ?? {}, parts.now());
  if (window !== undefined) {
    const ends = new Date(window.ends).toISOString();
    if ((await runOf(parts.catalog.db, pipeline.arn, cause.occurrence)) === undefined) {
      const why = `The maintenance window '${window.name}' lasts until ${ends}; nothing starts by itself in it.`;
      await parts.catalog.transaction((trx) => declineStart({ trx, pipeline, cause }, 'put off', why, ends));
    }
    return false;
  }
  try {
    await parts.catalog.transaction((trx) =>
      startPipeline({ catalog: parts.catalog, trx, pipeline, cause }, parts.builder(trx, pipeline), now),
    );
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'ServiceQuotaExceededException') return false;
    if (!(error instanceof ApiError))
      logger().error({ pipeline: pipeline.arn, error }, 'a pipeline could not be started');
    await refuse(parts, follower, (error as Error).message);
    return true;
  }
}

/** Records why a pipeline is not started, and what was compared. It is not tried again before the next change. */
async function refuse(parts: SchedulerParts, follower: Follower, reason: string): Promise<void> {
  await parts.catalog.transaction((trx) =>
    recordRun(trx, {
      pipeline_arn: follower.pipeline.arn,
      ...causeOf(follower, parts.now()),
      due: null,
      outcome: 'refused',
      reason: reason.slice(0, 4000),
      dependencies: JSON.stringify(follower.now),
    }),
  );
}

function causeOf({ now, changes, since }: Follower, time: number): Cause {
  return {
    cause: 'parent',
    by: Object.keys(now).find((name) => changes[0]?.startsWith(`${name} `)) ?? 'its recipe',
    because: changes.join(' '),
    occurrence: `parent after ${since}`,
    at: new Date(time).toISOString(),
  };
}

/**
 * The cycle that a pipeline would close, as the names of its images, or `undefined`. In a cycle each build would start
 * the next forever.
 * @param pipeline as it will be
 */
export async function circleOf(
  catalog: Catalog,
  db: Queryable,
  pipeline: StoredPipeline,
): Promise<readonly string[] | undefined> {
  const self = await followerOf(catalog, db, pipeline);
  const rows = await db
    .selectFrom('tags')
    .innerJoin('image_pipelines', 'image_pipelines.arn', 'tags.arn')
    .select('tags.arn')
    .where('key', '=', FOLLOW_TAG.key)
    .where('value', '=', FOLLOW_TAG.value)
    .where('tags.arn', '!=', pipeline.arn)
    .execute();
  const all = [self];
  for (const { arn } of rows) {
    const other = await getPipeline(db, arn);
    if (other !== undefined) all.push(await followerOf(catalog, db, other));
  }
  return wayBack(self, all);
}

/** The path from a pipeline's image back to itself, as names of images. */
function wayBack(self: Follower, all: readonly Follower[]): readonly string[] | undefined {
  const walk = (at: Follower, way: readonly Follower[]): readonly Follower[] | undefined => {
    for (const maker of makersOf(at, all)) {
      if (maker === self) return [...way, maker];
      const found = way.includes(maker) ? undefined : walk(maker, [...way, maker]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(self, [self])?.map(({ makes }) => makes?.slug ?? '');
}

/** Whether a pipeline follows its parents. */
export function follows(tags: Readonly<Record<string, string>> | undefined): boolean {
  return tags?.[FOLLOW_TAG.key] === FOLLOW_TAG.value;
}
