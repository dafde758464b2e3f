/** Queries on log groups, streams, and the logs of pipelines. The events of images are in files (`image-log.ts`). */
import type { Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import { parseArn } from '../resources/arns.ts';
import { groupOfImage, groupOfPipeline, logGroupArn, streamOfDay } from '../resources/log-names.ts';
import { BUILD_STAGES, isInProgress, type ImageStatus } from '../resources/statuses.ts';
import type { Queryable } from './catalog.ts';
import type { LogTables } from './log-tables.ts';
import type { Place } from './slices.ts';
import { removeAllTags } from './tags.ts';

/** A log group. */
export type LogGroup = Selectable<LogTables['log_groups']>;

/** One stream: the images whose logs it contains, or a day of a pipeline. */
export interface LogStream {
  readonly name: string;
  readonly created: string;
  /** ARNs of build versions; empty for a pipeline's. */
  readonly images: readonly string[];
  /** Whether the table `pipeline_log` has its events. */
  readonly pipeline: boolean;
}

/** Creates a group if it does not exist. @returns whether it was created */
export async function ensureLogGroup(trx: Queryable, { account, region }: Place, name: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await trx
    .insertInto('log_groups')
    .values({ account, region, name, created: timestamp() })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows > 0n;
}

/** Records the group and stream of a new image's log. @param image its record */
export async function nameImageLog(
  trx: Queryable,
  place: Place,
  image: {
    readonly arn: string;
    readonly name: string;
    readonly version: string;
    readonly logGroupName: string | undefined;
  },
): Promise<void> {
  const group_name = groupOfImage(image.name, image.logGroupName);
  await ensureLogGroup(trx, place, group_name);
  const { account, region } = place;
  await trx
    .insertInto('log_streams')
    .values({ image_arn: image.arn, account, region, group_name, name: image.version, created: timestamp() })
    .execute();
}

/** The record of one decision in the log of a pipeline. */
export interface PipelineLogRecord {
  readonly time: string;
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
  readonly pipeline: string;
  readonly outcome: string;
  readonly cause: string;
  readonly image?: string;
}

/** Appends to the log of a pipeline; does nothing if the pipeline was deleted. */
export async function writePipelineLog(trx: Queryable, record: PipelineLogRecord): Promise<void> {
  const row = await trx
    .selectFrom('image_pipelines')
    .select(['name', 'record'])
    .where('arn', '=', record.pipeline)
    .executeTakeFirst();
  if (row === undefined) return;
  const { owner: account, region } = parseArn(record.pipeline)!;
  const { loggingConfiguration } = JSON.parse(row.record) as {
    readonly loggingConfiguration?: { readonly pipelineLogGroupName?: string };
  };
  const group_name = groupOfPipeline(row.name, loggingConfiguration?.pipelineLogGroupName);
  await ensureLogGroup(trx, { account, region }, group_name);
  const { time } = record;
  await trx
    .insertInto('pipeline_log')
    .values({ account, region, group_name, stream: streamOfDay(time), time, record: JSON.stringify(record) })
    .execute();
}

/** The groups of an account and Region, sorted by name. */
export async function logGroups(db: Queryable, { account, region }: Place): Promise<readonly LogGroup[]> {
  return db
    .selectFrom('log_groups')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .orderBy('name')
    .execute();
}

/** One group, or `undefined`. */
export async function logGroup(db: Queryable, { account, region }: Place, name: string): Promise<LogGroup | undefined> {
  return db
    .selectFrom('log_groups')
    .selectAll()
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** The streams of a group, sorted by name. @param named only the stream with this name */
export async function logStreams(
  db: Queryable,
  { account, region }: Place,
  group: string,
  named?: string,
): Promise<readonly LogStream[]> {
  let images = db
    .selectFrom('log_streams')
    .select(['name', 'created', 'image_arn'])
    .where('account', '=', account)
    .where('region', '=', region)
    .where('group_name', '=', group);
  let days = db
    .selectFrom('pipeline_log')
    .select(({ fn }) => ['stream as name', fn.min('time').as('created')])
    .where('account', '=', account)
    .where('region', '=', region)
    .where('group_name', '=', group)
    .groupBy('stream');
  if (named !== undefined) {
    images = images.where('name', '=', named);
    days = days.where('stream', '=', named);
  }
  const streams = new Map<string, { name: string; created: string; images: string[]; pipeline: boolean }>();
  for (const { name, created, image_arn: arn } of await images.orderBy('created').execute()) {
    const known = streams.get(name);
    if (known === undefined) streams.set(name, { name, created, images: [arn], pipeline: false });
    else known.images.push(arn);
  }
  for (const { name, created } of await days.execute()) {
    const known = streams.get(name);
    if (known === undefined) streams.set(name, { name, created, images: [], pipeline: true });
    else known.pipeline = true;
  }
  return [...streams.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A row of the log of a pipeline. */
export interface PipelineLogRow {
  readonly seq: number;
  readonly time: string;
  /** A `PipelineLogRecord`. */
  readonly record: string;
}

/** Rows of a pipeline's log, in order. */
export async function pipelineLogRows(
  db: Queryable,
  { account, region }: Place,
  group: string,
  stream: string,
  where: { readonly from: number; readonly before: number; readonly limit: number; readonly newestFirst?: boolean },
): Promise<readonly PipelineLogRow[]> {
  return db
    .selectFrom('pipeline_log')
    .select(['seq', 'time', 'record'])
    .where('account', '=', account)
    .where('region', '=', region)
    .where('group_name', '=', group)
    .where('stream', '=', stream)
    .where('seq', '>=', where.from)
    .where('seq', '<', where.before)
    .orderBy('seq', where.newestFirst === true ? 'desc' : 'asc')
    .limit(where.limit)
    .execute();
}

/** Sets how many days the events of a group are kept; `null` means forever. */
export async function setLogRetention(
  trx: Queryable,
  { account, region }: Place,
  name: string,
  retention_days: number | null,
): Promise<void> {
  await trx
    .updateTable('log_groups')
    .set({ retention_days })
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .execute();
}

/** The groups of all accounts with a retention. */
export async function groupsWithRetention(
  db: Queryable,
): Promise<readonly (Place & { readonly name: string; readonly retention_days: number })[]> {
  return db
    .selectFrom('log_groups')
    .select(['account', 'region', 'name', 'retention_days'])
    .where('retention_days', 'is not', null)
    .$narrowType<{ retention_days: number }>()
    .execute();
}

/** Deletes old events of a pipeline's log. @param before ISO-8601 */
export async function removePipelineLogBefore(
  trx: Queryable,
  { account, region }: Place,
  group: string,
  before: string,
): Promise<void> {
  await trx
    .deleteFrom('pipeline_log')
    .where('account', '=', account)
    .where('region', '=', region)
    .where('group_name', '=', group)
    .where('time', '<', before)
    .execute();
}

/** Deletes the name under which an image's log is found. */
export async function forgetImageLog(trx: Queryable, imageArn: string): Promise<void> {
  await trx.deleteFrom('log_shipments').where('image_arn', '=', imageArn).execute();
  await trx.deleteFrom('log_streams').where('image_arn', '=', imageArn).execute();
}

/** Removes the records of how far logs were shipped, before their streams go. @param name of a stream; else all */
async function forgetShipments(
  trx: Queryable,
  { account, region }: Place,
  group: string,
  name: string | undefined,
): Promise<void> {
  let streams = trx
    .selectFrom('log_streams')
    .select('image_arn')
    .where('account', '=', account)
    .where('region', '=', region)
    .where('group_name', '=', group);
  if (name !== undefined) streams = streams.where('name', '=', name);
  await trx.deleteFrom('log_shipments').where('image_arn', 'in', streams).execute();
}

/** Deletes a stream. The caller deletes the files of its images. */
export async function deleteLogStream(
  trx: Queryable,
  { account, region }: Place,
  group: string,
  name: string,
): Promise<void> {
  await forgetShipments(trx, { account, region }, group, name);
  for (const [table, column] of [
    ['log_streams', 'name'],
    ['pipeline_log', 'stream'],
  ] as const)
    await trx
      .deleteFrom(table)
      .where('account', '=', account)
      .where('region', '=', region)
      .where('group_name', '=', group)
      .where(column as never, '=', name as never)
      .execute();
}

/** Deletes a group with its streams and tags. */
export async function deleteLogGroup(trx: Queryable, { account, region }: Place, name: string): Promise<void> {
  await forgetShipments(trx, { account, region }, name, undefined);
  for (const table of ['log_streams', 'pipeline_log'] as const)
    await trx
      .deleteFrom(table)
      .where('account', '=', account)
      .where('region', '=', region)
      .where('group_name', '=', name)
      .execute();
  await trx
    .deleteFrom('log_groups')
    .where('account', '=', account)
    .where('region', '=', region)
    .where('name', '=', name)
    .execute();
  await removeAllTags(trx, logGroupArn({ account, region }, name));
}

/** Which of the images are still being built, so that their logs are being written. */
export async function stillWritten(db: Queryable, images: readonly string[]): Promise<readonly string[]> {
  if (images.length === 0) return [];
  const rows = await db.selectFrom('images').select(['arn', 'status']).where('arn', 'in', images).execute();
  return rows.filter(({ status }) => isInProgress(status as ImageStatus)).map(({ arn }) => arn);
}

/** A stream that an image writes to, or wrote to not long ago. */
export interface WrittenStream {
  /** ARN of the build version. */
  readonly image: string;
  readonly group: string;
  readonly stream: string;
  /** Whether the image is still being made. */
  readonly writing: boolean;
}

/** The streams of images that are being made, and of those made since a time. @param since ISO-8601 */
export async function writtenStreams(
  db: Queryable,
  { account, region }: Place,
  since: string,
): Promise<readonly WrittenStream[]> {
  const rows = await db
    .selectFrom('images')
    .innerJoin('log_streams', 'log_streams.image_arn', 'images.arn')
    .select(['images.arn', 'images.status', 'log_streams.group_name', 'log_streams.name'])
    .where((e) => e.or([e('images.status', 'in', BUILD_STAGES), e('images.date_created', '>=', since)]))
    .where('images.account', '=', account)
    .where('images.region', '=', region)
    .execute();
  return rows.map(({ arn, status, group_name, name }) => ({
    image: arn,
    group: group_name,
    stream: name,
    writing: isInProgress(status as ImageStatus),
  }));
}

/** The number of the newest row of all pipelines' logs; 0 without one. */
export async function lastPipelineLogRow(db: Queryable): Promise<number> {
  const row = await db
    .selectFrom('pipeline_log')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .executeTakeFirst();
  return row?.seq ?? 0;
}
