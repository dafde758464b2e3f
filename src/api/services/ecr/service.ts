/** Amazon ECR: repositories of container images, in front of the registry that Ingot runs. */
import type { Service } from '../service.ts';
import { images } from './images.ts';
import { policies } from './policies.ts';
import { repositories } from './repositories.ts';
import { tokens } from './tokens.ts';

export const ecr: Service = {
  schemas: '@aws-sdk/client-ecr/dist-cjs/schemas/schemas_0.js',
  operations: { ...repositories, ...images, ...policies, ...tokens },
};
