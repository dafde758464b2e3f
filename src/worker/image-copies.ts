/**
 * Copies of AMIs to other Regions that were requested with `CopyImage`. They are pending on record until they are
 * written.
 */
import { isRequestedCopy, pendingAmis, updateAmi, type Ami } from '../catalog/amis.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { layerStore } from '../distribution/from-stores.ts';
import { fillCopy } from '../distribution/region-copies.ts';
import { logger } from '../platform/log.ts';

/** Characters of a reason that are kept. */
const LONGEST_REASON = 1024;

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
      await updateAmi(catalog.db, ami.id, {
        state: 'failed',
        state_reason: (error as Error).message.slice(0, LONGEST_REASON),
      });
    });
  }
}

async function copy(catalog: Catalog, ami: Ami, signal: AbortSignal): Promise<void> {
  const { dataDirectory } = catalog;
  const layers = layerStore(catalog, dataDirectory);
  // The source may be deregistered meanwhile: its disk is needed until the copy is complete.
  const taken = await layers.takeAmi(ami.source_ami!, ami.source_region!, ami.id);
  if (taken === undefined) throw new Error(`${ami.source_ami} is not available in ${ami.source_region}`);
  try {
    const how = { owner: ami.id, report: () => {}, signal };
    // Versions of one image share their blocks in EC2, so the store gets the image that the source came from.
    const from = { ...ami, image_arn: taken.ami.image_arn };
    await fillCopy({ catalog, layers, dataDirectory }, from, taken.layer, how);
  } finally {
    await layers.release(ami.id);
  }
}
