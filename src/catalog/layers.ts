/** Queries on layers and base images. */
import type { Kysely, Selectable } from 'kysely';
import { timestamp } from '../platform/clock.ts';
import type { BaseImageTable, LayerTable } from './engine-tables.ts';
import type { Tables } from './tables.ts';

/** A layer on record. */
export type Layer = Selectable<LayerTable>;
/** A base image on record. */
export type BaseImageRecord = Selectable<BaseImageTable>;

/** Records a layer before its file is made; `key` stays empty until `completeLayer`. */
export async function beginLayer(db: Kysely<Tables>, layer: { readonly id: string; readonly parentId: string | null; readonly path: string }): Promise<void> {
  await db.insertInto('layers')
    .values({ id: layer.id, key: '', key_record: '{}', parent_id: layer.parentId, path: layer.path, state: 'writing', created: timestamp() })
    .execute();
}

/** Says that nothing writes a layer any more, and what made it. */
export async function completeLayer(db: Kysely<Tables>, id: string, key: string, keyRecord: object): Promise<void> {
  await db.updateTable('layers').set({ state: 'complete', key, key_record: JSON.stringify(keyRecord) }).where('id', '=', id).execute();
}

/** The layer, or `undefined`. */
export async function getLayer(db: Kysely<Tables>, id: string): Promise<Layer | undefined> {
  return db.selectFrom('layers').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Layers whose writing was cut off. */
export async function unfinishedLayers(db: Kysely<Tables>): Promise<readonly Layer[]> {
  return db.selectFrom('layers').selectAll().where('state', '=', 'writing').orderBy('created', 'desc').execute();
}

/** Complete layers that no AMI, no base image and no other layer refers to. */
export async function unreferencedLayers(db: Kysely<Tables>): Promise<readonly Layer[]> {
  return db.selectFrom('layers')
    .selectAll()
    .where('state', '=', 'complete')
    .where((e) => e.not(e.exists(e.selectFrom('amis').select('amis.id').whereRef('amis.layer_id', '=', 'layers.id').where('amis.state', '<>', 'deregistered'))))
    .where((e) => e.not(e.exists(e.selectFrom('base_images').select('base_images.name').whereRef('base_images.layer_id', '=', 'layers.id'))))
    .where((e) => e.not(e.exists(e.selectFrom('layers as child').select('child.id').whereRef('child.parent_id', '=', 'layers.id'))))
    .execute();
}

/** Forgets a layer. Its file is the caller's to remove first. */
export async function deleteLayer(db: Kysely<Tables>, id: string): Promise<void> {
  await db.updateTable('amis').set({ layer_id: null }).where('layer_id', '=', id).where('state', '=', 'deregistered').execute();
  await db.deleteFrom('layers').where('id', '=', id).execute();
}

/** The newest base image of this name that was made here, or `undefined`. */
export async function newestBaseImage(db: Kysely<Tables>, name: string): Promise<BaseImageRecord | undefined> {
  return db.selectFrom('base_images').selectAll().where('name', '=', name).orderBy('created', 'desc').executeTakeFirst();
}

/** Every base image that was made here. */
export async function listBaseImages(db: Kysely<Tables>): Promise<readonly BaseImageRecord[]> {
  return db.selectFrom('base_images').selectAll().orderBy('name').orderBy('created').execute();
}

/** Records a base image whose layer is complete. */
export async function recordBaseImage(db: Kysely<Tables>, image: { readonly name: string; readonly version: string; readonly layerId: string; readonly osVersion: string }): Promise<void> {
  await db.insertInto('base_images')
    .values({ name: image.name, version: image.version, layer_id: image.layerId, os_version: image.osVersion, created: timestamp() })
    .execute();
}
