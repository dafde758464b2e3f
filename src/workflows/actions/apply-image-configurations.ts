/**
 * `ApplyImageConfigurations`: launch templates and parameters, from the step's input or the distribution configuration.
 * Licences, fast launch and exports have no effect yet, which `DistributeImage` reports.
 */
import { configureRegion, type RegionConfigurations } from '../../distribution/configure.ts';
import { StepError } from '../errors.ts';
import type { DistributedImage } from './distribute-image.ts';
import type { StepAction, StepNeeds } from './action.ts';

export const applyImageConfigurations: StepAction = {
  name: 'ApplyImageConfigurations',
  async run({ inputs, plan, services: { catalog }, report }: StepNeeds<'account' | 'distribution', never, 'catalog'>) {
    const images = (inputs['distributedImages'] ?? []) as readonly DistributedImage[];
    const given = inputs['configurations'] as readonly RegionConfigurations[] | undefined;
    for (const configurations of given ?? plan.distribution.regions.map((region) => region.configurations)) {
      const done = await catalog
        .transaction((trx) => configureRegion(trx, plan.account, images, configurations))
        .catch((cause: unknown) => {
          throw new StepError(`${configurations.region}: ${(cause as Error).message}`, { cause });
        });
      for (const text of done) report({ type: 'log', text });
    }
    return { configuredImages: images.map((image) => ({ ...image, step: 'Completed' })) };
  },
};
