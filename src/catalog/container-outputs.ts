/** Queries on what builds of container images made, and where it went. */
import type { Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import { getLayer } from './layers.ts';
import type { ContainerCopyTable, ContainerOutputTable } from './engine-tables.ts';

/** A container image as a build made it. */
export type ContainerOutput = Selectable<ContainerOutputTable>;

/** Records what the build of an image made, in place of what an earlier try made. */
export async function saveContainerOutput(db: Queryable, output: ContainerOutput): Promise<void> {
  await db.deleteFrom('container_outputs').where('image_arn', '=', output.image_arn).execute();
  await db.insertInto('container_outputs').values(output).execute();
}

/** What the build of an image made. */
export async function containerOutput(db: Queryable, imageArn: string): Promise<ContainerOutput | undefined> {
  return db.selectFrom('container_outputs').selectAll().where('image_arn', '=', imageArn).executeTakeFirst();
}

/**
 * What the build of an image made, if its build stage can be left out. The blobs of an output on record are there.
 * @param stage where the work begins: tests need the layer with the storage of the build as well
 */
export async function keptContainer(
  db: Queryable,
  imageArn: string,
  stage: 'TEST' | 'DISTRIBUTION',
): Promise<ContainerOutput | undefined> {
  const output = await containerOutput(db, imageArn);
  if (output === undefined || stage === 'DISTRIBUTION') return output;
  return (await getLayer(db, output.layer_id))?.state === 'complete' ? output : undefined;
}

/**
 * Forgets outputs that no retry will use: of images that failed or were cancelled, made at `before` (ISO-8601) or
 * earlier.
 */
export async function forsakeContainers(db: Queryable, before: string): Promise<void> {
  await db
    .deleteFrom('container_outputs')
    .where('created', '<=', before)
    .where('image_arn', 'in', (e) =>
      e.selectFrom('images').select('arn').where('status', 'in', ['FAILED', 'CANCELLED', 'DELETED']),
    )
    .execute();
}

/** What an earlier build made of the same, the newest first. */
export async function containerOutputWithKey(db: Queryable, key: string): Promise<ContainerOutput | undefined> {
  return db
    .selectFrom('container_outputs')
    .selectAll()
    .where('output_key', '=', key)
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** Digests of all blobs of container images on record. */
export async function blobsOfContainers(db: Queryable): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('container_outputs').select('blobs').execute();
  return new Set(rows.flatMap(({ blobs }) => JSON.parse(blobs) as string[]));
}

/** Records that an image is in a repository under a name. */
export async function saveContainerCopy(db: Queryable, copy: Selectable<ContainerCopyTable>): Promise<void> {
  await db
    .insertInto('container_copies')
    .values(copy)
    .onConflict((conflict) =>
      conflict.columns(['image_arn', 'region', 'uri']).doUpdateSet({ digest: copy.digest, created: copy.created }),
    )
    .execute();
}

/** Where an image went, in the order of Regions and names. */
export async function containerCopies(
  db: Queryable,
  imageArn: string,
): Promise<readonly Selectable<ContainerCopyTable>[]> {
  return db
    .selectFrom('container_copies')
    .selectAll()
    .where('image_arn', '=', imageArn)
    .orderBy('region')
    .orderBy('created')
    .orderBy('uri')
    .execute();
}
