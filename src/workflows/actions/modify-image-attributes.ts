/** `ModifyImageAttributes`: sets launch permissions, from the step's input or the distribution configuration. */
import type { LaunchPermissionConfiguration } from '@aws-sdk/client-imagebuilder';
import type { LaunchPermission } from '../../catalog/ami-sharing.ts';
import { shareAmis } from '../../distribution/configure.ts';
import { storeOf } from '../../distribution/stores.ts';
import type { DistributedImage } from './distribute-image.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const modifyImageAttributes: StepAction = {
  name: 'ModifyImageAttributes',
  async run({ inputs, plan, services: { catalog }, report, signal }: StepNeeds<'distribution', never, 'catalog'>) {
    const images = (inputs['distributedImages'] ?? []) as readonly DistributedImage[];
    const given = inputs['attributes'] as
      | readonly { readonly region: string; readonly launchPermission?: LaunchPermission }[]
      | undefined;
    for (const { region, launchPermission } of given ?? plan.distribution.regions) {
      if (launchPermission === undefined) continue;
      await catalog.transaction((trx) =>
        shareAmis(trx, images, { region, permission: launchPermission as LaunchPermission }),
      );
      const { store } = await storeOf(catalog.dataDirectory, region);
      for (const each of images)
        if (each.region === region && each.amiId !== undefined)
          await store.share?.(each.amiId, launchPermission as LaunchPermissionConfiguration, signal);
      const whom = Object.values(launchPermission).flat().join(', ');
      report({ type: 'log', text: `${region}: launch permission for ${whom === '' ? 'nobody else' : whom}` });
    }
    return { modifiedImages: images.map((image) => ({ ...image, step: 'Completed' })) };
  },
};
