/** Deregisters an AMI and frees its disk. */
import { updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Freed, LayerStore } from '../images/layer-store.ts';
import { storeOf } from './stores.ts';

/**
 * Deregisters an AMI and frees its disk unless something else needs it: layers in the home Region, the copy elsewhere.
 * Layers that others are based on stay until those are gone. It can be repeated, also after a crash, because the record
 * changes first.
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
  const { store, directory } = storeOf(catalog.dataDirectory, ami.region);
  // An unfinished copy is not a layer, so nothing can be based on it.
  if (ami.layer_id === null) {
    await store.removeImage({ directory, amiId: ami.id });
    return { layers: 0, bytes: 0 };
  }
  await store.removeDescription({ directory, amiId: ami.id });
  return options.keepDisk ? { layers: 0, bytes: 0 } : layers.discardChain(ami.layer_id, options);
}
