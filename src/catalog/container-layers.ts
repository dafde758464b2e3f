/** Queries on layers of container images that were compressed before. */
import type { Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { Queryable } from './catalog.ts';
import type { ContainerLayerTable } from './engine-tables.ts';

/** A layer, and the blob that it was compressed to. */
export type CompressedLayer = Selectable<ContainerLayerTable>;

/** The epoch of layers whose times are as they were written. */
export const OWN_TIMES = -1;

/**
 * Layers of an account's images that were compressed before, the most recently used first.
 * @param epoch seconds since 1970 to which their times were cut, or `OWN_TIMES`
 */
export async function compressedLayers(
  db: Queryable,
  account: string,
  epoch: number,
  limit: number,
): Promise<readonly CompressedLayer[]> {
  return db
    .selectFrom('container_layers')
    .selectAll()
    .where('account', '=', account)
    .where('epoch', '=', epoch)
    .orderBy('last_used', 'desc')
    .limit(limit)
    .execute();
}

/** Records that layers were used, with their blobs. */
export async function saveCompressedLayers(
  db: Queryable,
  layers: readonly Omit<CompressedLayer, 'last_used'>[],
): Promise<void> {
  const last_used = timestamp();
  for (const layer of layers)
    await db
      .insertInto('container_layers')
      .values({ ...layer, last_used })
      .onConflict((conflict) =>
        conflict
          .columns(['account', 'diff_id', 'epoch'])
          .doUpdateSet({ out_diff_id: layer.out_diff_id, digest: layer.digest, size: layer.size, last_used }),
      )
      .execute();
}

/** Forgets the layers of a blob that was deleted. */
export async function forgetCompressedLayer(db: Queryable, digest: string): Promise<void> {
  await db.deleteFrom('container_layers').where('digest', '=', digest).execute();
}
