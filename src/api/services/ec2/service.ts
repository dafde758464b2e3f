/** EC2: the AMIs, snapshots and launch templates that consumers of images read. */
import type { Service } from '../service.ts';
import { imageChanges } from './image-changes.ts';
import { imageCopies } from './image-copies.ts';
import { images } from './images.ts';
import { launchTemplateChanges } from './launch-template-changes.ts';
import { launchTemplates } from './launch-templates.ts';
import { regions } from './regions.ts';
import { snapshots } from './snapshots.ts';
import { tags } from './tags.ts';

export const ec2: Service = {
  schemas: '@aws-sdk/client-ec2/dist-cjs/schemas/schemas_0.js',
  operations: {
    ...regions,
    ...images,
    ...imageChanges,
    ...imageCopies,
    ...snapshots,
    ...tags,
    ...launchTemplates,
    ...launchTemplateChanges,
  },
};
