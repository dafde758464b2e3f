/** Withdrawing an AMI: from available to deregistered, and freeing its disk. */
import { updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Freed, LayerStore } from '../images/layer-store.ts';
import { storeOf } from './stores.ts';

/**
 * Deregisters an AMI and frees its disk unless something else needs it: the layers at home, the copy elsewhere. Layers
 * that others are based on stay until those are gone. Safe to repeat, also after a crash: the record changes first.
 * @param options.keepReusable components' layers stay for later builds
 * @param options.keepDisk the disk stays, without an AMI, until garbage is collected
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
