/**
 * `ApplyImageConfigurations`: launch templates, licences, exports, fast launch, parameters. None of them has an engine
 * yet; `DistributeImage` named those that the configuration asks for.
 */
import type { DistributedImage } from './distribute-image.ts';
import type { StepAction } from './action.ts';

export const applyImageConfigurations: StepAction = {
  name: 'ApplyImageConfigurations',
  async run({ inputs }) {
    const images = (inputs['distributedImages'] ?? []) as readonly DistributedImage[];
    return { configuredImages: images.map((image) => ({ ...image, step: 'Completed' })) };
  },
};
