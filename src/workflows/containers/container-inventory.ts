/**
 * The packages of a container image: listed in a container of it, or copied from an earlier build with the same output.
 */
import { containerOutputWithKey } from '../../catalog/container-outputs.ts';
import { copyImagePackages, saveImagePackages } from '../../catalog/executions.ts';
import { collectPackages, type Inventory } from '../../guest/packages.ts';
import { CURRENT_IMAGE, isContainerInstance, type ContainerInstance } from '../../instances/buildah/driver.ts';
import type { CommandRequest } from '../../instances/instance.ts';
import { readScript } from '../../platform/scripts.ts';
import type { Report } from '../../resources/progress.ts';
import type { ImageProgress, ImageServices, WorkInstance } from '../machines/image-progress.ts';
import type { ImagePlan } from '../planning/image-plan.ts';
import { outputKey } from './container-output.ts';

const OF_FILES = readScript(import.meta.url, 'packages-of-files.sh');

/** What listing the packages needs. */
export interface InventoryWork {
  readonly plan: Pick<ImagePlan, 'arn' | 'image' | 'container'>;
  readonly progress: Pick<ImageProgress, 'osVersion'>;
  readonly services: Pick<ImageServices, 'catalog'>;
}

/**
 * Records the packages, unless the image disables that. An image whose packages cannot be listed has no list, which is
 * not a failure.
 */
export async function recordInventory(
  { plan, progress, services }: InventoryWork,
  entry: WorkInstance,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  if (plan.image.enhancedImageMetadataEnabled === false) return;
  const { db } = services.catalog;
  const { instance } = entry;
  if (!isContainerInstance(instance)) {
    const made = await containerOutputWithKey(db, outputKey(plan, entry.parentKey));
    if (made !== undefined && made.image_arn !== plan.arn) await copyImagePackages(db, made.image_arn, plan.arn);
    return;
  }
  try {
    const inventory = await listPackages(instance, signal);
    await saveImagePackages(db, plan.arn, inventory.packages);
    progress.osVersion = inventory.osVersion ?? progress.osVersion;
    report({
      type: 'log',
      text: `${inventory.osVersion ?? 'operating system unknown'}, ${inventory.packages.length} packages`,
    });
  } catch (error) {
    signal.throwIfAborted();
    report({
      type: 'log',
      level: 'warn',
      text: `the image has no list of packages: ${(error as Error).message.slice(0, 500)}`,
    });
  } finally {
    await instance.settle(false);
  }
}

/** Lists the packages by the image's own package manager, or from its files if it has no shell. */
async function listPackages(instance: ContainerInstance, signal: AbortSignal): Promise<Inventory> {
  try {
    const inventory = await collectPackages(instance, signal);
    if (inventory.packages.length > 0) return inventory;
  } catch {
    signal.throwIfAborted();
  }
  await instance.settle(false);
  const beside = { id: instance.id, run: (request: CommandRequest) => instance.beside(request) };
  return collectPackages(beside, signal, ['/bin/sh', '-c', OF_FILES, 'sh', CURRENT_IMAGE]);
}
