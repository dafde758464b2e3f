/** Queries on container images that builds made, and on their copies in repositories. */
import type { Selectable } from 'kysely';
import type { Queryable } from './catalog.ts';
import { getLayer } from './layers.ts';
import type { ContainerCopyTable, ContainerOutputTable } from './engine-tables.ts';

/** A container image that a build made. */
export type ContainerOutput = Selectable<ContainerOutputTable>;

/** Records the output of an image's build, replacing that of an earlier try. */
export async function saveContainerOutput(db: Queryable, output: ContainerOutput): Promise<void> {
  await db.deleteFrom('container_outputs').where('image_arn', '=', output.image_arn).execute();
  await db.insertInto('container_outputs').values(output).execute();
}

/** The output of an image's build. */
export async function containerOutput(db: Queryable, imageArn: string): Promise<ContainerOutput | undefined> {
  return db.selectFrom('container_outputs').selectAll().where('image_arn', '=', imageArn).executeTakeFirst();
}

/**
 * The output of an image's build, if its build stage can be skipped. The blobs of a recorded output exist.
 * @param stage where the work begins: tests also need the layer with the storage of the build
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
 * Deletes outputs that no retry will use: of images that failed or were canceled, made at `before` (ISO-8601) or
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

/** The newest output of an earlier build with the same key. */
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

/** The repositories that an image was pushed to, sorted by Region and name. */
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

/** The images that have a copy under the same name and with the same digest, except deleted ones. */
export async function imagesWithCopy(
  db: Queryable,
  { region, uri, digest }: Selectable<ContainerCopyTable>,
): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('container_copies')
    .innerJoin('images', 'images.arn', 'container_copies.image_arn')
    .select('container_copies.image_arn')
    .where('container_copies.region', '=', region)
    .where('container_copies.uri', '=', uri)
    .where('container_copies.digest', '=', digest)
    .where('images.status', '<>', 'DELETED')
    .execute();
  return rows.map(({ image_arn }) => image_arn);
}

/** Forgets a copy that was deleted. */
export async function removeContainerCopy(
  db: Queryable,
  { image_arn, region, uri }: Selectable<ContainerCopyTable>,
): Promise<void> {
  await db
    .deleteFrom('container_copies')
    .where('image_arn', '=', image_arn)
    .where('region', '=', region)
    .where('uri', '=', uri)
    .execute();
}
