/** EC2: the catalogue of images that consumers read. */
import type { Service } from '../service.ts';
import { regions } from './regions.ts';

export const ec2: Service = {
  schemas: '@aws-sdk/client-ec2/dist-cjs/schemas/schemas_0.js',
  operations: regions,
};
