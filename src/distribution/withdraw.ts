/** Deregisters an AMI and frees its disk. */
import { join, relative } from 'node:path';
import { updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Freed, LayerStore } from '../images/layer-store.ts';
import { logger } from '../platform/log.ts';
import { flatCopies } from './directory/flat.ts';
import { storeOf } from './stores.ts';

/**
 * Deregisters an AMI and frees its disk unless something else needs it: its layers here, and what the store of its
 * Region has. Layers that others are based on stay until those are gone. It can be repeated, also after a crash,
 * because the record changes first.
 * @param options.keepReusable keep the layers of components for later builds
 * @param options.keepDisk keep the disk, without an AMI, until garbage collection
 */
export async function withdrawAmi(
  catalog: Catalog,
  layers: LayerStore,
  ami: Ami,
  options: { readonly keepReusable: boolean; readonly keepDisk?: boolean },
): Promise<Freed> {
  if (ami.state !== 'deregistered') await updateAmi(catalog.db, ami.id, { state: 'deregistered' });
  await removeFromStore(catalog.dataDirectory, ami);
  if (ami.layer_id === null) return { layers: 0, bytes: 0 };
  return options.keepDisk ? { layers: 0, bytes: 0 } : layers.discardChain(ami.layer_id, options);
}

/**
 * Removes the description of an interrupted copy, and of its layers what no other image has. A store on another host
 * may not answer, so the caller does not wait for it.
 */
export async function removeUnfinished(dataDirectory: string, ami: Pick<Ami, 'id' | 'region'>): Promise<void> {
  const { store, settings } = await storeOf(dataDirectory, ami.region);
  const removed = store.removeImage(ami.id).catch((error: unknown) => {
    logger().error({ ami: ami.id, place: store.place, error }, 'an unfinished copy in a store could not be removed');
  });
  if (settings.store === 'directory') await removed;
}

/**
 * Removes what the store of its Region has of an AMI. A store that cannot be reached keeps it: the log says so, and the
 * AMI is gone here all the same.
 */
async function removeFromStore(dataDirectory: string, ami: Ami): Promise<void> {
  const { store, directory } = await storeOf(dataDirectory, ami.region);
  const flat = relative(dataDirectory, join(directory, `${ami.id}.qcow2`));
  // A flat copy is a layer, and others may be based on it; an unfinished one is not.
  if (ami.layer_id !== null && ami.file === flat) await flatCopies.removeDescription({ directory, amiId: ami.id });
  else await flatCopies.removeImage({ directory, amiId: ami.id });
  await store.removeImage(ami.id).catch((error: unknown) => {
    logger().error({ ami: ami.id, place: store.place, error }, 'the copy in a store could not be removed');
  });
}
