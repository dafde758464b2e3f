/**
 * `CollectImageMetadata`: the operating system's version and the packages of the instance, kept as the image's
 * inventory.
 */
import { copyImagePackages, saveImagePackages } from '../../catalog/executions.ts';
import { newUuid } from '../../platform/ids.ts';
import { collectPackages } from '../../guest/packages.ts';
import { workInstance } from '../machines/instances.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const collectImageMetadata: StepAction = {
  name: 'CollectImageMetadata',
  async run({
    plan,
    progress,
    services,
    inputs,
    report,
    signal,
  }: StepNeeds<'arn', 'instances' | 'osVersion', 'catalog'>) {
    const { instance } = workInstance(progress, inputs['instanceId']);
    const inventory = await collectPackages(instance, signal);
    await saveImagePackages(services.catalog.db, plan.arn, inventory.packages);
    progress.osVersion = inventory.osVersion ?? progress.osVersion;
    report({
      type: 'log',
      text: `${inventory.osVersion ?? 'operating system unknown'}, ${inventory.packages.length} packages`,
    });
    return { osVersion: progress.osVersion ?? '', associationId: newUuid() };
  },
  async finished({ plan, progress, services, report }, { imageArn, osVersion }) {
    await copyImagePackages(services.catalog.db, imageArn, plan.arn);
    progress.osVersion = osVersion ?? progress.osVersion;
    report({ type: 'log', text: `the inventory is that of ${imageArn}` });
    return { osVersion: progress.osVersion ?? '', associationId: newUuid() };
  },
};
