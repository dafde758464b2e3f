/**
 * Copies of AMIs to other Regions that were requested with `CopyImage`. They are pending on record until they are
 * written.
 */
import { isRequestedCopy, pendingAmis, updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { writeCopy } from '../distribution/region-copies.ts';
import { LayerStore } from '../images/layer-store.ts';
import { logger } from '../platform/log.ts';

/**
 * Writes pending copies, one after another. A copy that fails becomes `failed`; one that a stopping worker interrupts
 * is restarted by the next worker.
 */
export async function copyPending(catalog: Catalog, signal: AbortSignal): Promise<void> {
  for (const ami of (await pendingAmis(catalog.db)).filter(isRequestedCopy)) {
    if (signal.aborted) return;
    await copy(catalog, ami, signal).catch(async (error: unknown) => {
      if (signal.aborted) return;
      logger().error({ ami: ami.id, error }, 'an AMI could not be copied');
      await updateAmi(catalog.db, ami.id, { state: 'failed' });
    });
  }
}

async function copy(catalog: Catalog, ami: Ami, signal: AbortSignal): Promise<void> {
  const { dataDirectory } = catalog;
  const layers = new LayerStore(catalog, dataDirectory);
  // The source may be deregistered meanwhile. Its disk is needed until the copy is complete.
  const taken = await layers.takeAmi(ami.source_ami!, ami.source_region!, ami.id);
  if (taken === undefined) throw new Error(`${ami.source_ami} is not available in ${ami.source_region}`);
  try {
    const { layer } = taken;
    const stored = await writeCopy(
      { catalog, layers, dataDirectory },
      ami.image_arn,
      { id: taken.ami.id, layer },
      {
        region: ami.region,
        name: ami.name,
        description: ami.description ?? undefined,
        tags: JSON.parse(ami.tags) as Record<string, string>,
      },
      ami.id,
      { report: () => {}, signal },
    );
    await layers.adopt(
      stored.file,
      { copyOf: layer.key, sha256: stored.sha256 },
      {
        origin: layer.origin,
        foreignId: layer.foreignId,
        refer: (trx, layerId) => updateAmi(trx, ami.id, { state: 'available', layer_id: layerId }),
      },
    );
  } finally {
    await layers.release(ami.id);
  }
}
