/** Systems Manager: parameters. */
import type { Service } from '../service.ts';
import { parameterChanges } from './changes.ts';
import { parameterLists } from './lists.ts';
import { parameters } from './parameters.ts';
import { parameterTags } from './tags.ts';

export const ssm: Service = {
  schemas: '@aws-sdk/client-ssm/dist-cjs/schemas/schemas_0.js',
  operations: { ...parameters, ...parameterLists, ...parameterChanges, ...parameterTags },
};
