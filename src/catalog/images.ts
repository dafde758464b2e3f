/**
 * Queries on images. Every change of an image's status goes through `transitionImage`, which checks that the transition
 * is legal and writes the event to the outbox in the same transaction.
 */
import type { Image } from '@aws-sdk/client-imagebuilder';
import type { Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import { parseArn, resourceArn } from '../resources/arns.ts';
import { isEnded, isInProgress, isLegalMove, type ImageStatus } from '../resources/statuses.ts';
import { formatVersion, type BuildVersion, type Version } from '../resources/versions.ts';
import type { Queryable } from './catalog.ts';
import { removeReferences } from './dependents.ts';
import type { ImageTask } from './image-task.ts';
import { nameImageLog } from './log-groups.ts';
import { recordedFailure } from './failure-context.ts';
import { writeEvent } from './outbox.ts';
import { countOutcome } from './pipeline-failures.ts';
import { preparedQuery } from './prepared.ts';
import { removeResourcePolicy } from './resource-policies.ts';
import { meets, standsAfter, type Conditions, type Place, type Slice } from './slices.ts';
import type { ImageTable } from './tables.ts';
import { addTags, removeAllTags, tagsOf, tagsOfEach, type Tags } from './tags.ts';
import { endWaitingOfImage } from './waiting-steps.ts';
import { endPoint } from './work-points.ts';

/** Detail type of the event that every change of an image's status writes. */
const IMAGE_STATE_CHANGE = 'EC2 Image Builder Image State Change';

/** An image to create, with copies of its current recipe and configurations. */
export interface NewImage {
  readonly place: Place;
  /** Slug and version of the recipe. */
  readonly slug: string;
  readonly version: Version;
  /** Name, platform, recipe, configurations and the rest; the ARN, version, state and date are set here. */
  readonly image: Omit<Image, 'arn' | 'version' | 'state' | 'dateCreated' | 'tags'> & {
    readonly name: string;
    readonly platform: NonNullable<Image['platform']>;
  };
  readonly tags?: Tags | undefined;
  /** Where its work begins, if not with the build stage. */
  readonly task?: ImageTask;
}

/** Columns that lists can be filtered by. */
export type ImageColumn = 'name' | 'os_version' | 'platform' | 'status' | 'type' | 'version';

/** An illegal transition of an image's status. */
export class IllegalMoveError extends Error {
  override readonly name = 'IllegalMoveError';
}

/**
 * Records a new image, PENDING, with the next build number. Workers look for PENDING images, so no notification is
 * needed.
 */
export async function createImage(
  trx: Queryable,
  { place, slug, version, image, tags, task }: NewImage,
): Promise<Image & { arn: string }> {
  const build = await nextBuild(trx, resourceArn(place, 'image', slug, version));
  const arn = resourceArn(place, 'image', slug, version, build);
  const record: Image & { arn: string } = {
    // As on AWS: clients read this member before it has content.
    outputResources: image.type === 'DOCKER' ? { containers: [] } : { amis: [] },
    ...image,
    arn,
    version: `${formatVersion(version)}/${build}`,
    state: { status: 'PENDING' },
    dateCreated: timestamp(),
  };
  await trx
    .insertInto('images')
    .values({
      arn,
      account: place.account,
      region: place.region,
      slug,
      name: image.name,
      major: version.major,
      minor: version.minor,
      patch: version.patch,
      build,
      status: 'PENDING',
      platform: image.platform,
      ...listed(image),
      type: image.type ?? null,
      pipeline_arn: image.sourcePipelineArn ?? null,
      by_itself: image.buildType === 'SCHEDULED' ? 1 : 0,
      task: task === undefined ? null : JSON.stringify(task),
      cancel_requested: 0,
      date_created: record.dateCreated!,
      record: JSON.stringify(record),
    })
    .execute();
  await addTags(trx, arn, tags);
  await nameImageLog(trx, place, {
    arn,
    name: image.name,
    version: record.version!,
    logGroupName: image.loggingConfiguration?.logGroupName,
  });
  await writeStateChange(trx, arn, undefined, 'PENDING', undefined, undefined);
  return record;
}

async function nextBuild(trx: Queryable, version_arn: string): Promise<number> {
  const row = await trx
    .insertInto('image_builds')
    .values({ version_arn, last_build: 1 })
    .onConflict((conflict) =>
      conflict.column('version_arn').doUpdateSet((e) => ({ last_build: e('image_builds.last_build', '+', 1) })),
    )
    .returning('last_build')
    .executeTakeFirstOrThrow();
  return row.last_build;
}

/** The columns with the values that lists show. */
function listed({ osVersion, buildType, imageSource }: Image) {
  return { os_version: osVersion ?? null, build_type: buildType ?? null, image_source: imageSource ?? null };
}

/** An image from its record: JSON has no dates. */
function readImage(record: string): Image {
  const image = JSON.parse(record) as Image;
  return image.deprecationTime === undefined ? image : { ...image, deprecationTime: new Date(image.deprecationTime) };
}

const recordOf = preparedQuery((db, { arn }: { readonly arn: string }) =>
  db.selectFrom('images').select('record').where('arn', '=', arn),
);

/** The image's build version with its tags, or `undefined`. */
export async function getImage(db: Queryable, arn: string): Promise<Image | undefined> {
  const [row] = await recordOf(db, { arn });
  return row === undefined ? undefined : { ...readImage(row.record), tags: await tagsOf(db, arn) };
}

/**
 * Moves an image to another status.
 * @param options.reason recorded in the image's state; required for FAILED
 * @param options.patch members of the record that change with it
 * @returns the previous status
 * @throws {IllegalMoveError} if the image does not exist or the transition is not allowed
 */
export async function transitionImage(
  trx: Queryable,
  arn: string,
  to: ImageStatus,
  options: { readonly reason?: string; readonly patch?: Partial<Image> } = {},
): Promise<ImageStatus> {
  const row = await trx
    .selectFrom('images')
    .select(['status', 'record', 'pipeline_arn', 'build_type'])
    .where('arn', '=', arn)
    .executeTakeFirst();
  if (row === undefined) throw new IllegalMoveError(`the image ${arn} does not exist or was deleted`);
  const from = row.status as ImageStatus;
  if (!isLegalMove(from, to)) throw new IllegalMoveError(`the image ${arn} is ${from} and cannot become ${to}`);
  const record: Image = {
    ...readImage(row.record),
    ...options.patch,
    state: { status: to, reason: options.reason },
    failureContext:
      to === 'FAILED' ? { ...(await recordedFailure(trx, arn, from)), ...options.patch?.failureContext } : undefined,
  };
  await trx
    .updateTable('images')
    .set({ status: to, ...listed(record), record: JSON.stringify(record) })
    .where('arn', '=', arn)
    .execute();
  await writeStateChange(trx, arn, from, to, options.reason, isInProgress(from) && isEnded(to) ? record : undefined);
  if (!isEnded(from)) await countOutcome(trx, row, to);
  // A failed one can be gone on with.
  if (isEnded(to) && to !== 'FAILED') await endPoint(trx, arn);
  return from;
}

/**
 * Moves a finished image to another final state, unless it already has it. A deprecated image records the time.
 * @throws as `transitionImage`
 */
export async function changeImageState(
  trx: Queryable,
  arn: string,
  to: 'AVAILABLE' | 'DEPRECATED' | 'DISABLED' | 'DELETED',
): Promise<void> {
  const row = await trx.selectFrom('images').select('status').where('arn', '=', arn).executeTakeFirst();
  if (row?.status !== to)
    await transitionImage(trx, arn, to, { patch: { deprecationTime: to === 'DEPRECATED' ? new Date() : undefined } });
}

/** @param ended the image's record, if its work ended with this change */
async function writeStateChange(
  trx: Queryable,
  arn: string,
  from: ImageStatus | undefined,
  to: ImageStatus,
  reason: string | undefined,
  ended: Image | undefined,
): Promise<void> {
  const payload = {
    ...(from === undefined ? {} : { 'previous-state': { status: from } }),
    state: { status: to, reason },
  };
  const topic = to === 'CANCELLED' ? undefined : ended?.infrastructureConfiguration?.snsTopicArn;
  await writeEvent(trx, {
    type: IMAGE_STATE_CHANGE,
    resource: arn,
    previousStatus: from,
    status: to,
    payload,
    snapshot: ended === undefined ? undefined : { ...ended, tags: await tagsOf(trx, arn) },
    topic: topic === undefined ? undefined : { arn: topic },
  });
}

/**
 * Changes members of an image's record, except its state (`transitionImage`).
 * @throws if the image does not exist
 */
export async function updateImageRecord(
  trx: Queryable,
  arn: string,
  patch: Partial<Omit<Image, 'arn' | 'state' | 'tags'>>,
): Promise<void> {
  const row = await trx.selectFrom('images').select('record').where('arn', '=', arn).executeTakeFirst();
  if (row === undefined) throw new Error(`the image ${arn} does not exist or was deleted`);
  const record: Image = { ...readImage(row.record), ...patch };
  await trx
    .updateTable('images')
    .set({ ...listed(record), record: JSON.stringify(record) })
    .where('arn', '=', arn)
    .execute();
}

/**
 * Requests the cancellation of an image. One without a worker is CANCELLED at once; otherwise its worker sees the
 * request.
 * @returns `undefined` if the image does not exist; its status if it is finished and cannot be canceled
 */
export async function requestCancel(
  trx: Queryable,
  arn: string,
): Promise<'cancelled' | 'requested' | { readonly ended: ImageStatus } | undefined> {
  const image = await trx.selectFrom('images').select('status').where('arn', '=', arn).executeTakeFirst();
  if (image === undefined) return undefined;
  const status = image.status as ImageStatus;
  if (isEnded(status)) return { ended: status };
  await trx.updateTable('images').set({ cancel_requested: 1 }).where('arn', '=', arn).execute();
  const lease = await trx.selectFrom('leases').select('image_arn').where('image_arn', '=', arn).executeTakeFirst();
  if (status !== 'PENDING' || lease !== undefined) return 'requested';
  await transitionImage(trx, arn, 'CANCELLED', { reason: 'Cancelled before the build began.' });
  return 'cancelled';
}

/** All build versions of an image's name, with their status, unordered. */
export async function imageVersions(
  db: Queryable,
  place: Place,
  slug: string,
): Promise<
  readonly (BuildVersion & { readonly arn: string; readonly status: ImageStatus; readonly build_type: string | null })[]
> {
  const rows = await db
    .selectFrom('images')
    .select(['arn', 'major', 'minor', 'patch', 'build', 'status', 'build_type'])
    .where('account', '=', place.account)
    .where('region', '=', place.region)
    .where('slug', '=', slug)
    .execute();
  return rows.map((row) => ({ ...row, status: row.status as ImageStatus }));
}

/** The members of the latest build in a list of versions. */
export type ImageVersionRow = Readonly<
  Pick<
    Selectable<ImageTable>,
    | 'arn'
    | 'slug'
    | 'major'
    | 'minor'
    | 'patch'
    | 'name'
    | 'type'
    | 'platform'
    | 'os_version'
    | 'date_created'
    | 'build_type'
    | 'image_source'
  >
>;

/** Position in a list of versions: name, then version. */
export function imagePosition({ slug, major, minor, patch }: ImageVersionRow): readonly (string | number)[] {
  return [slug, major, minor, patch];
}

function versionRows(db: Queryable, place: Place, conditions: Conditions<ImageColumn>, slice: Slice) {
  return db
    .selectFrom('images as i')
    .select([
      'i.arn',
      'i.slug',
      'i.major',
      'i.minor',
      'i.patch',
      'i.name',
      'i.type',
      'i.platform',
      'i.os_version',
      'i.date_created',
      'i.build_type',
      'i.image_source',
    ])
    .where('i.account', '=', place.account)
    .where('i.region', '=', place.region)
    .where((e) =>
      e.not(
        e.exists(
          e
            .selectFrom('images as later')
            .select('later.arn')
            .whereRef('later.account', '=', 'i.account')
            .whereRef('later.region', '=', 'i.region')
            .whereRef('later.slug', '=', 'i.slug')
            .whereRef('later.major', '=', 'i.major')
            .whereRef('later.minor', '=', 'i.minor')
            .whereRef('later.patch', '=', 'i.patch')
            .whereRef('later.build', '>', 'i.build'),
        ),
      ),
    )
    .where(meets(conditions, 'i'))
    .where(standsAfter(['i.slug', 'i.major', 'i.minor', 'i.patch'], slice))
    .orderBy('i.slug')
    .orderBy('i.major')
    .orderBy('i.minor')
    .orderBy('i.patch')
    .limit(slice.limit + 1);
}

const firstVersions = preparedQuery((db, { account, region, rows }: Place & { readonly rows: number }) =>
  versionRows(db, { account, region }, {}, { limit: 0 }).limit(rows),
);
const laterVersions = preparedQuery(
  (
    db,
    {
      account,
      region,
      rows,
      slug,
      major,
      minor,
      patch,
    }: Place & { readonly rows: number; readonly slug: string } & Version,
  ) => versionRows(db, { account, region }, {}, { limit: 0, after: [slug, major, minor, patch] }).limit(rows),
);

/** The latest build of each version, in order of `imagePosition`. */
export async function listImageVersions(
  db: Queryable,
  place: Place,
  conditions: Conditions<ImageColumn>,
  slice: Slice,
): Promise<readonly ImageVersionRow[]> {
  if (Object.keys(conditions).length > 0) return versionRows(db, place, conditions, slice).execute();
  const { account, region } = place;
  const rows = slice.limit + 1;
  if (slice.after === undefined) return firstVersions(db, { account, region, rows });
  const [slug, major, minor, patch] = slice.after as [string, number, number, number];
  return laterVersions(db, { account, region, rows, slug, major, minor, patch });
}

/** Position in a list of builds: newest first. */
export function imageBuildPosition(image: Image): readonly (string | number)[] {
  return [image.dateCreated!, image.arn!];
}

/** The builds of one version, of all, or of one pipeline, newest first, with tags. */
export async function listImageBuilds(
  db: Queryable,
  place: Place,
  of: { readonly versionArn?: string | undefined; readonly pipelineArn?: string },
  conditions: Conditions<ImageColumn>,
  slice: Slice,
): Promise<readonly Image[]> {
  let query = db
    .selectFrom('images')
    .select(['arn', 'record'])
    .where('account', '=', place.account)
    .where('region', '=', place.region);
  if (of.versionArn !== undefined) {
    const arn = parseArn(of.versionArn)!;
    const { major, minor, patch } = arn.version as Version;
    query = query
      .where('slug', '=', arn.slug)
      .where('major', '=', major)
      .where('minor', '=', minor)
      .where('patch', '=', patch);
  }
  if (of.pipelineArn !== undefined) query = query.where('pipeline_arn', '=', of.pipelineArn);
  const rows = await query
    .where(meets(conditions))
    .where(standsAfter(['date_created', 'arn'], slice, 'desc'))
    .orderBy('date_created', 'desc')
    .orderBy('arn', 'desc')
    .limit(slice.limit + 1)
    .execute();
  const tags = await tagsOfEach(
    db,
    rows.map(({ arn }) => arn),
  );
  return rows.map(({ arn, record }) => ({ ...readImage(record), tags: tags.get(arn)! }));
}

/** The newest image of a pipeline, or `undefined`. */
export async function lastImageOfPipeline(
  db: Queryable,
  pipelineArn: string,
): Promise<{ readonly dateCreated: string; readonly status: ImageStatus } | undefined> {
  const row = await db
    .selectFrom('images')
    .select(['date_created', 'status'])
    .where('pipeline_arn', '=', pipelineArn)
    .orderBy('date_created', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : { dateCreated: row.date_created, status: row.status as ImageStatus };
}

/**
 * Deletes an image's record with its tags, executions and inventory. Its AMIs and its log stay. Returns whether it
 * existed.
 */
export async function deleteImage(trx: Queryable, arn: string): Promise<boolean> {
  const { numDeletedRows } = await trx.deleteFrom('images').where('arn', '=', arn).executeTakeFirstOrThrow();
  await endWaitingOfImage(trx, arn);
  await trx.deleteFrom('step_executions').where('image_arn', '=', arn).execute();
  await trx.deleteFrom('workflow_executions').where('image_arn', '=', arn).execute();
  await trx.deleteFrom('image_packages').where('image_arn', '=', arn).execute();
  await endPoint(trx, arn);
  await trx.deleteFrom('container_outputs').where('image_arn', '=', arn).execute();
  await trx.deleteFrom('container_copies').where('image_arn', '=', arn).execute();
  await removeReferences(trx, arn);
  await removeResourcePolicy(trx, arn);
  await removeAllTags(trx, arn);
  return numDeletedRows > 0n;
}
