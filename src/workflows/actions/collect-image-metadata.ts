/** `CollectImageMetadata`: the operating system's version and the packages of the instance, kept as the image's inventory. */
import { saveImagePackages } from '../../catalog/executions.ts';
import { newUuid } from '../../platform/ids.ts';
import { collectPackages } from '../../runner/packages.ts';
import { workInstance } from '../machines/instances.ts';
import type { StepAction } from './action.ts';

export const collectImageMetadata: StepAction = {
  name: 'CollectImageMetadata',
  async run({ work, inputs, report, signal }) {
    const { instance } = workInstance(work, inputs['instanceId']);
    const inventory = await collectPackages(instance, signal);
    await saveImagePackages(work.catalog.db, work.arn, inventory.packages);
    work.osVersion = inventory.osVersion ?? work.osVersion;
    report({
      type: 'log',
      text: `${inventory.osVersion ?? 'operating system unknown'}, ${inventory.packages.length} packages`,
    });
    return { osVersion: work.osVersion ?? '', associationId: newUuid() };
  },
};
