/** Operations on infrastructure configurations. Source: reference, `resources.md` section 6. */
import type { InfrastructureConfiguration } from '@aws-sdk/client-imagebuilder';
import { infrastructureConfigurations } from '../../catalog/infrastructure-configurations.ts';
import { timestamp } from '../../platform/clock.ts';
import { resourceArn } from '../../resources/arns.ts';
import { invalidParameterCombination, invalidParameterValue } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import type { Handlers } from '../context.ts';
import type { OperationInput } from '../model.ts';
import { compact, placeOf } from './common.ts';
import { configurationParts } from './configurations.ts';
import { refuseOthersPlaces } from './granted.ts';

/** Tag keys that the service sets on what it creates. */
const RESERVED_TAGS = ['CreatedBy', 'Ec2ImageBuilderArn', 'Name', 'Tags'];

const parts = configurationParts({
  queries: infrastructureConfigurations,
  type: 'infrastructure-configuration',
  name: 'InfrastructureConfiguration',
  member: 'infrastructureConfigurationArn',
});

/** Handlers. */
export const infrastructureConfigurationOperations = {
  async CreateInfrastructureConfiguration(input, context) {
    const place = placeOf(context);
    const arn = resourceArn(place, 'infrastructure-configuration', slug(input.name));
    const settings = validSettings(input);
    await refuseOthersPlaces(context, settings);
    await parts.refuseExisting(context, arn);
    await infrastructureConfigurations.insert(context.db, place, {
      arn,
      name: input.name,
      ...settings,
      dateCreated: timestamp(),
      tags: input.tags ?? {},
    });
    return { infrastructureConfigurationArn: arn };
  },

  async GetInfrastructureConfiguration(input, context) {
    return { infrastructureConfiguration: await parts.visible(context, input.infrastructureConfigurationArn) };
  },

  async ListInfrastructureConfigurations(input, context) {
    const { items, nextToken } = await parts.page(input, context, { name: 'name' });
    return {
      infrastructureConfigurationSummaryList: items.map((each) =>
        compact({
          arn: each.arn,
          name: each.name,
          description: each.description,
          dateCreated: each.dateCreated,
          dateUpdated: each.dateUpdated,
          resourceTags: each.resourceTags,
          tags: each.tags,
          instanceTypes: each.instanceTypes,
          instanceProfileName: each.instanceProfileName,
          placement: each.placement,
        }),
      ),
      nextToken,
    };
  },

  async UpdateInfrastructureConfiguration(input, context) {
    const arn = input.infrastructureConfigurationArn;
    const before = await parts.own(context, arn);
    const settings = validSettings(input);
    await refuseOthersPlaces(context, settings);
    await infrastructureConfigurations.replace(context.db, {
      arn,
      name: before.name,
      ...settings,
      dateCreated: before.dateCreated,
      dateUpdated: timestamp(),
    });
    return { infrastructureConfigurationArn: arn };
  },

  async DeleteInfrastructureConfiguration(input, context) {
    await parts.remove(context, input.infrastructureConfigurationArn);
    return { infrastructureConfigurationArn: input.infrastructureConfigurationArn };
  },
} satisfies Partial<Handlers>;

type Settings = Omit<
  OperationInput<'UpdateInfrastructureConfiguration'>,
  'infrastructureConfigurationArn' | 'clientToken'
>;

/** Validates the settings of a create or update. An update removes members that it leaves out. */
function validSettings(
  input: Settings,
): Omit<InfrastructureConfiguration, 'arn' | 'name' | 'dateCreated' | 'dateUpdated' | 'tags'> {
  if (input.subnetId !== undefined && !input.securityGroupIds?.length)
    throw invalidParameterCombination('A subnetId needs securityGroupIds.');
  for (const key of Object.keys(input.resourceTags ?? {})) {
    if (RESERVED_TAGS.includes(key) || key.startsWith('aws:'))
      throw invalidParameterValue('resourceTags', `The key '${key}' is reserved for the service.`);
  }
  const { tenancy, hostId, hostResourceGroupArn } = input.placement ?? {};
  if (hostId !== undefined && hostResourceGroupArn !== undefined)
    throw invalidParameterCombination('A placement takes either a hostId or a hostResourceGroupArn.');
  if ((hostId ?? hostResourceGroupArn) !== undefined && tenancy !== 'host')
    throw invalidParameterCombination('A hostId or hostResourceGroupArn needs the tenancy host.');
  return compact({
    description: input.description,
    instanceTypes: input.instanceTypes,
    instanceProfileName: input.instanceProfileName,
    securityGroupIds: input.securityGroupIds,
    subnetId: input.subnetId,
    logging: input.logging,
    keyPair: input.keyPair,
    terminateInstanceOnFailure: input.terminateInstanceOnFailure ?? true,
    snsTopicArn: input.snsTopicArn,
    resourceTags: input.resourceTags,
    instanceMetadataOptions: input.instanceMetadataOptions,
    placement: input.placement,
    parentInstance: input.parentInstance,
    terminateInstanceOnCompletion: input.terminateInstanceOnCompletion,
  });
}
