/** Queries on image pipelines. */
import type { ImagePipeline } from '@aws-sdk/client-imagebuilder';
import { parseArn } from '../resources/arns.ts';
import type { Queryable } from './catalog.ts';
import { removeReferences, setReferences } from './dependents.ts';
import { lastImageOfPipeline } from './images.ts';
import { removeRuns } from './pipeline-runs.ts';
import { dueTimes, setPipelineSchedule } from './pipeline-schedules.ts';
import { meets, standsAfter, type Conditions, type Place, type Slice } from './slices.ts';
import { addTags, removeAllTags, tagsOf, tagsOfEach } from './tags.ts';

/** A pipeline with the required members. */
export type StoredPipeline = ImagePipeline & { arn: string; name: string; infrastructureConfigurationArn: string };

/** Columns that lists can be filtered by. */
export type PipelineColumn =
  | 'name'
  | 'description'
  | 'status'
  | 'recipe_arn'
  | 'infrastructure_configuration_arn'
  | 'distribution_configuration_arn';

/** Records a pipeline and its dependencies. `pipeline.arn` names it. */
export async function insertPipeline(db: Queryable, place: Place, pipeline: StoredPipeline): Promise<void> {
  await db
    .insertInto('image_pipelines')
    .values({
      ...columns(pipeline),
      arn: pipeline.arn,
      account: place.account,
      region: place.region,
      slug: parseArn(pipeline.arn)!.slug,
      name: pipeline.name,
      date_created: pipeline.dateCreated!,
    })
    .execute();
  await addTags(db, pipeline.arn, pipeline.tags);
  await referTo(db, pipeline);
}

/** Replaces a pipeline's record. Name, creation date and tags stay; the count of failures is reset. */
export async function replacePipeline(db: Queryable, pipeline: StoredPipeline): Promise<void> {
  await db
    .updateTable('image_pipelines')
    .set({ ...columns(pipeline), consecutive_failures: 0 })
    .where('arn', '=', pipeline.arn)
    .execute();
  await referTo(db, pipeline);
}

function columns({ tags: _tags, consecutiveFailures: _counted, ...record }: StoredPipeline) {
  return {
    recipe_arn: (record.imageRecipeArn ?? record.containerRecipeArn)!,
    infrastructure_configuration_arn: record.infrastructureConfigurationArn,
    distribution_configuration_arn: record.distributionConfigurationArn ?? null,
    status: record.status!,
    description: record.description ?? null,
    record: JSON.stringify(record),
  };
}

function referTo(db: Queryable, pipeline: StoredPipeline): Promise<void> {
  return setReferences(db, pipeline.arn, [
    pipeline.imageRecipeArn,
    pipeline.containerRecipeArn,
    pipeline.infrastructureConfigurationArn,
    pipeline.distributionConfigurationArn,
    ...(pipeline.workflows ?? []).map(({ workflowArn }) => workflowArn),
  ]);
}

/** The pipeline with its tags, the status of its last run and the time of the next, or `undefined`. */
export async function getPipeline(db: Queryable, arn: string): Promise<StoredPipeline | undefined> {
  const row = await db
    .selectFrom('image_pipelines')
    .select(['record', 'consecutive_failures'])
    .where('arn', '=', arn)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const due = await dueTimes(db, [arn]);
  return { ...(await withRuns(db, arn, row, due)), tags: await tagsOf(db, arn) };
}

async function withRuns(
  db: Queryable,
  arn: string,
  row: { readonly record: string; readonly consecutive_failures: number },
  due: ReadonlyMap<string, string>,
): Promise<StoredPipeline> {
  const dateNextRun = due.get(arn);
  return {
    ...(JSON.parse(row.record) as StoredPipeline),
    ...(await lastRun(db, arn)),
    ...(dateNextRun === undefined ? {} : { dateNextRun }),
    consecutiveFailures: row.consecutive_failures,
  };
}

async function lastRun(db: Queryable, arn: string): Promise<Pick<ImagePipeline, 'dateLastRun' | 'lastRunStatus'>> {
  const image = await lastImageOfPipeline(db, arn);
  return image === undefined ? {} : { dateLastRun: image.dateCreated, lastRunStatus: image.status };
}

/** Position in lists: the name. */
export function pipelinePosition(pipeline: ImagePipeline): readonly (string | number)[] {
  return [parseArn(pipeline.arn!)!.slug];
}

/** Pipelines ordered by name, with tags and the status of their last runs. */
export async function listPipelines(
  db: Queryable,
  place: Place,
  conditions: Conditions<PipelineColumn>,
  slice: Slice,
): Promise<readonly ImagePipeline[]> {
  const rows = await db
    .selectFrom('image_pipelines')
    .select(['arn', 'record', 'consecutive_failures'])
    .where('account', '=', place.account)
    .where('region', '=', place.region)
    .where(meets(conditions))
    .where(standsAfter(['slug'], slice))
    .orderBy('slug')
    .limit(slice.limit + 1)
    .execute();
  const arns = rows.map(({ arn }) => arn);
  const tags = await tagsOfEach(db, arns);
  const due = await dueTimes(db, arns);
  const pipelines: ImagePipeline[] = [];
  for (const row of rows) pipelines.push({ ...(await withRuns(db, row.arn, row, due)), tags: tags.get(row.arn)! });
  return pipelines;
}

/** Deletes a pipeline; its images stay. Returns whether it existed. */
export async function deletePipeline(db: Queryable, arn: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('image_pipelines').where('arn', '=', arn).executeTakeFirstOrThrow();
  await removeReferences(db, arn);
  await setPipelineSchedule(db, arn, undefined);
  await removeRuns(db, arn);
  await removeAllTags(db, arn);
  return numDeletedRows > 0n;
}
