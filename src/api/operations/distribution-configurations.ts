/** Operations on distribution configurations. Source: reference, `resources.md` sections 6 and 9. */
import type { Distribution, DistributionConfiguration } from '@aws-sdk/client-imagebuilder';
import { distributionConfigurations } from '../../catalog/distribution-configurations.ts';
import { timestamp } from '../../platform/clock.ts';
import { resourceArn } from '../../resources/arns.ts';
import { invalidParameterValue } from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { regionFault } from '../../resources/regions.ts';
import { namesBuildDate, variableFault } from '../../resources/template-variables.ts';
import type { Handlers } from '../context.ts';
import { compact, placeOf } from './common.ts';
import { configurationParts } from './configurations.ts';

/** In minutes. Responses require the member, but requests can no longer set it. */
const TIMEOUT_MINUTES = 720;

const OUTPUTS = [
  'amiDistributionConfiguration',
  'containerDistributionConfiguration',
  'licenseConfigurationArns',
  'launchTemplateConfigurations',
  's3ExportConfiguration',
  'fastLaunchConfigurations',
  'ssmParameterConfigurations',
] as const satisfies readonly (keyof Distribution)[];

const parts = configurationParts({
  queries: distributionConfigurations,
  type: 'distribution-configuration',
  name: 'DistributionConfiguration',
  member: 'distributionConfigurationArn',
});

/** Handlers. */
export const distributionConfigurationOperations = {
  async CreateDistributionConfiguration(input, context) {
    const place = placeOf(context);
    const arn = resourceArn(place, 'distribution-configuration', slug(input.name));
    checkDistributions(input.distributions);
    await parts.refuseExisting(context, arn);
    await distributionConfigurations.insert(
      context.db,
      place,
      compact<DistributionConfiguration>({
        arn,
        name: input.name,
        description: input.description,
        distributions: input.distributions,
        timeoutMinutes: TIMEOUT_MINUTES,
        dateCreated: timestamp(),
        tags: input.tags ?? {},
      }),
    );
    return { distributionConfigurationArn: arn };
  },

  async GetDistributionConfiguration(input, context) {
    return { distributionConfiguration: await parts.visible(context, input.distributionConfigurationArn) };
  },

  async ListDistributionConfigurations(input, context) {
    const { items, nextToken } = await parts.page(input, context, { name: 'name' });
    return {
      distributionConfigurationSummaryList: items.map((each) =>
        compact({
          arn: each.arn,
          name: each.name,
          description: each.description,
          dateCreated: each.dateCreated,
          dateUpdated: each.dateUpdated,
          tags: each.tags,
          regions: (each.distributions ?? []).map(({ region }) => region!),
        }),
      ),
      nextToken,
    };
  },

  async UpdateDistributionConfiguration(input, context) {
    const arn = input.distributionConfigurationArn;
    const before = await parts.own(context, arn);
    checkDistributions(input.distributions);
    await distributionConfigurations.replace(
      context.db,
      compact<DistributionConfiguration>({
        arn,
        name: before.name,
        description: input.description,
        distributions: input.distributions,
        timeoutMinutes: before.timeoutMinutes,
        dateCreated: before.dateCreated,
        dateUpdated: timestamp(),
      }),
    );
    return { distributionConfigurationArn: arn };
  },

  async DeleteDistributionConfiguration(input, context) {
    await parts.remove(context, input.distributionConfigurationArn);
    return { distributionConfigurationArn: input.distributionConfigurationArn };
  },
} satisfies Partial<Handlers>;

function checkDistributions(distributions: readonly Distribution[]): void {
  const regions = new Set<string>();
  for (const [index, distribution] of distributions.entries()) {
    const at = `distributions[${index}]`;
    const region = distribution.region!;
    const misnamed = regionFault(region);
    if (misnamed !== undefined) throw invalidParameterValue(`${at}.region`, `${misnamed}.`);
    if (regions.has(region))
      throw invalidParameterValue(`${at}.region`, `The Region '${region}' has an entry already.`);
    regions.add(region);
    // As on AWS.
    if (OUTPUTS.every((output) => distribution[output] === undefined)) {
      throw invalidParameterValue(
        at,
        'One or more outputs should be provided for each region in a distribution configuration.',
      );
    }
    const { name, description, amiTags, targetAccountIds } = distribution.amiDistributionConfiguration ?? {};
    for (const [member, text] of Object.entries({
      name,
      description,
      ...Object.fromEntries(Object.entries(amiTags ?? {}).map(([key, value]) => [`amiTags.${key}`, value])),
    })) {
      const fault = text === undefined ? undefined : variableFault(text);
      if (fault !== undefined) throw invalidParameterValue(`${at}.amiDistributionConfiguration.${member}`, `${fault}.`);
    }
    for (const [position, { amiAccountId }] of (distribution.ssmParameterConfigurations ?? []).entries()) {
      if (amiAccountId !== undefined && targetAccountIds?.includes(amiAccountId) === false) {
        throw invalidParameterValue(
          `${at}.ssmParameterConfigurations[${position}].amiAccountId`,
          `The account ${amiAccountId} is not among the targetAccountIds.`,
        );
      }
    }
    if (name !== undefined && !namesBuildDate(name)) {
      throw invalidParameterValue(
        `${at}.amiDistributionConfiguration.name`,
        "An AMI's name must contain {{ imagebuilder:buildDate }}, so that each build's is its own.",
      );
    }
  }
}
