/**
 * `ModifyImageAttributes`: launch permissions. `DistributeImage` named those that have no effect yet; nothing is left
 * to do here.
 */
import type { DistributedImage } from './distribute-image.ts';
import type { StepAction } from './action.ts';

export const modifyImageAttributes: StepAction = {
  name: 'ModifyImageAttributes',
  async run({ inputs }) {
    const images = (inputs['distributedImages'] ?? []) as readonly DistributedImage[];
    return { modifiedImages: images.map((image) => ({ ...image, step: 'Completed' })) };
  },
};
