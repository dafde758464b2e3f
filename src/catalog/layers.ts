/** Queries on layers and base images. */
import type { Kysely, Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { BaseImageTable, DiskOrigin, LayerTable, LayerUseTable } from './engine-tables.ts';
import type { Tables } from './tables.ts';

/** A layer on record. */
export type Layer = Selectable<LayerTable>;
/** A base image on record. */
export type BaseImageRecord = Selectable<BaseImageTable>;

/** Records a layer before its file is created; `key` is empty until `completeLayer`. */
export async function beginLayer(
  db: Kysely<Tables>,
  layer: {
    readonly id: string;
    readonly parentId: string | null;
    readonly path: string;
    readonly origin: DiskOrigin;
    readonly foreignId?: string;
    /** Default: the parent's. */
    readonly dataKeyId?: string;
  },
): Promise<void> {
  const now = timestamp();
  // A layer is as trusted as the disk below it, and has its ids.
  const parent = layer.parentId === null ? undefined : await getLayer(db, layer.parentId);
  const origin = layer.parentId === null ? layer.origin : (parent?.origin ?? 'untrusted');
  await db
    .insertInto('layers')
    .values({
      id: layer.id,
      key: '',
      key_record: '{}',
      parent_id: layer.parentId,
      path: layer.path,
      state: 'writing',
      label: '',
      created: now,
      last_used: now,
      origin,
      foreign_id: parent?.foreign_id ?? layer.foreignId ?? null,
      data_key_id: layer.dataKeyId ?? parent?.data_key_id ?? null,
    })
    .execute();
}

/** Marks a layer as complete, with its key and label. */
export async function completeLayer(
  db: Kysely<Tables>,
  id: string,
  key: string,
  keyRecord: object,
  label: string,
): Promise<void> {
  await db
    .updateTable('layers')
    .set({ state: 'complete', key, key_record: JSON.stringify(keyRecord), label, last_used: timestamp() })
    .where('id', '=', id)
    .execute();
}

/** Records that a layer has ids which a system container does not have. @param what a clause that shows it */
export async function markForeignId(db: Kysely<Tables>, id: string, what: string): Promise<void> {
  await db
    .updateTable('layers')
    .set({ foreign_id: what })
    .where('id', '=', id)
    .where('foreign_id', 'is', null)
    .execute();
}

/** The layer, or `undefined`. */
export async function getLayer(db: Kysely<Tables>, id: string): Promise<Layer | undefined> {
  return db.selectFrom('layers').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Records the checksum and the size of a layer's file. */
export async function setLayerDigest(
  db: Kysely<Tables>,
  id: string,
  digest: { readonly sha256: string; readonly bytes: number },
): Promise<void> {
  await db.updateTable('layers').set(digest).where('id', '=', id).execute();
}

/** The newest complete layer with this key, made at `since` (ISO-8601) or later. */
export async function layerWithKey(db: Kysely<Tables>, key: string, since: string): Promise<Layer | undefined> {
  return db
    .selectFrom('layers')
    .selectAll()
    .where('key', '=', key)
    .where('state', '=', 'complete')
    .where('created', '>=', since)
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** The newest complete layer of the same component of the same image, with any key. */
export async function layerWithLabel(db: Kysely<Tables>, label: string): Promise<Layer | undefined> {
  return db
    .selectFrom('layers')
    .selectAll()
    .where('label', '=', label)
    .where('state', '=', 'complete')
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** Number of layers in a chain, from this one down to the one without a parent. */
export async function chainLength(db: Kysely<Tables>, id: string): Promise<number> {
  let length = 0;
  for (let next: string | null = id; next !== null; length++) next = (await getLayer(db, next))?.parent_id ?? null;
  return length;
}

/** Records that a layer is used, until its owner releases it. */
export async function useLayer(db: Kysely<Tables>, id: string, owner: string): Promise<void> {
  await db
    .insertInto('layer_uses')
    .values({ layer_id: id, owner })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await db.updateTable('layers').set({ last_used: timestamp() }).where('id', '=', id).execute();
}

/** Removes all uses of an owner. */
export async function endLayerUses(db: Kysely<Tables>, owner: string): Promise<void> {
  await db.deleteFrom('layer_uses').where('owner', '=', owner).execute();
}

/** Every use on record. */
export async function layerUses(db: Kysely<Tables>): Promise<readonly Selectable<LayerUseTable>[]> {
  return db.selectFrom('layer_uses').selectAll().execute();
}

/** The owners with a recorded use. */
export async function layerUsers(db: Kysely<Tables>): Promise<readonly string[]> {
  return (await db.selectFrom('layer_uses').select('owner').distinct().execute()).map(({ owner }) => owner);
}

/** Layers whose writing was interrupted. */
export async function unfinishedLayers(db: Kysely<Tables>): Promise<readonly Layer[]> {
  return db.selectFrom('layers').selectAll().where('state', '=', 'writing').orderBy('created', 'desc').execute();
}

/** Every layer on record. */
export async function allLayers(db: Kysely<Tables>): Promise<readonly Layer[]> {
  return db.selectFrom('layers').selectAll().orderBy('created').execute();
}

/**
 * Complete layers that no AMI, failed container image, base image, other layer or use refers to. Components' layers,
 * which later builds may find by their key, only if they were last used at `before` (ISO-8601) or earlier.
 */
export async function unreferencedLayers(db: Kysely<Tables>, before: string): Promise<readonly Layer[]> {
  return nobodys(db)
    .where((e) => e.or([e('layers.label', '=', ''), e('layers.last_used', '<=', before)]))
    .execute();
}

/** The layer, if it is complete and nothing refers to it. */
export async function unreferencedLayer(db: Kysely<Tables>, id: string): Promise<Layer | undefined> {
  return nobodys(db).where('layers.id', '=', id).executeTakeFirst();
}

function nobodys(db: Kysely<Tables>) {
  return db
    .selectFrom('layers')
    .selectAll()
    .where('layers.state', '=', 'complete')
    .where((e) =>
      e.not(
        e.exists(
          // A failed container image may be retried, like AMIs in state `failed`.
          e
            .selectFrom('container_outputs as made')
            .innerJoin('images', 'images.arn', 'made.image_arn')
            .select('made.digest')
            .whereRef('made.layer_id', '=', 'layers.id')
            .where('images.status', 'in', ['FAILED', 'CANCELLED', 'PENDING']),
        ),
      ),
    )
    .where((e) =>
      e.not(
        e.exists(
          e
            .selectFrom('amis')
            .select('amis.id')
            .whereRef('amis.layer_id', '=', 'layers.id')
            .where('amis.state', '<>', 'deregistered'),
        ),
      ),
    )
    .where((e) =>
      e.not(
        e.exists(
          e.selectFrom('base_images').select('base_images.name').whereRef('base_images.layer_id', '=', 'layers.id'),
        ),
      ),
    )
    .where((e) =>
      e.not(
        e.exists(
          e.selectFrom('layer_uses').select('layer_uses.owner').whereRef('layer_uses.layer_id', '=', 'layers.id'),
        ),
      ),
    )
    .where((e) =>
      e.not(e.exists(e.selectFrom('layers as child').select('child.id').whereRef('child.parent_id', '=', 'layers.id'))),
    );
}

/** Removes a layer's record; the caller then removes its file. */
export async function deleteLayer(db: Kysely<Tables>, id: string): Promise<void> {
  await db
    .updateTable('amis')
    .set({ layer_id: null })
    .where('layer_id', '=', id)
    .where('state', '=', 'deregistered')
    .execute();
  await db.deleteFrom('layer_uses').where('layer_id', '=', id).execute();
  await db.deleteFrom('layers').where('id', '=', id).execute();
}

/** Detaches a layer from its parent, once its file holds everything itself. */
export async function replaceLayerFile(db: Kysely<Tables>, id: string, path: string): Promise<void> {
  await db.updateTable('layers').set({ path, parent_id: null }).where('id', '=', id).execute();
}

/** The newest base image of this name that was made here, or `undefined`. */
export async function newestBaseImage(db: Kysely<Tables>, name: string): Promise<BaseImageRecord | undefined> {
  return db
    .selectFrom('base_images')
    .selectAll()
    .where('name', '=', name)
    .orderBy('created', 'desc')
    .executeTakeFirst();
}

/** Every base image that was made here. */
export async function listBaseImages(db: Kysely<Tables>): Promise<readonly BaseImageRecord[]> {
  return db.selectFrom('base_images').selectAll().orderBy('name').orderBy('created').execute();
}

/** Records a base image whose layer is complete. */
export async function recordBaseImage(
  db: Kysely<Tables>,
  image: { readonly name: string; readonly version: string; readonly layerId: string; readonly osVersion: string },
): Promise<void> {
  await db
    .insertInto('base_images')
    .values({
      name: image.name,
      version: image.version,
      layer_id: image.layerId,
      os_version: image.osVersion,
      created: timestamp(),
    })
    .execute();
}
