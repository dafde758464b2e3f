/** Queries on infrastructure configurations. */
import type { InfrastructureConfiguration } from '@aws-sdk/client-imagebuilder';
import { configurationQueries } from './configurations.ts';

/** Queries on infrastructure configurations. */
export const infrastructureConfigurations = configurationQueries<InfrastructureConfiguration>(
  'infrastructure_configurations',
);
