/** Queries on distribution configurations. */
import type { DistributionConfiguration } from '@aws-sdk/client-imagebuilder';
import { configurationQueries } from './configurations.ts';

/** Queries on distribution configurations. */
export const distributionConfigurations =
  configurationQueries<DistributionConfiguration>('distribution_configurations');
