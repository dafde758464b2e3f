/** Operations on distribution configurations. Source: reference, `resources.md` sections 6 and 9. */
import type { Distribution, DistributionConfiguration } from '@aws-sdk/client-imagebuilder';
import { configurationPosition } from '../../catalog/configurations.ts';
import { dependentsOf } from '../../catalog/dependents.ts';
import { distributionConfigurations } from '../../catalog/distribution-configurations.ts';
import { timestamp } from '../../platform/clock.ts';
import { resourceArn } from '../../resources/arns.ts';
import {
  invalidParameterValue,
  resourceAlreadyExists,
  resourceDependency,
  resourceNotFound,
} from '../../resources/errors.ts';
import { slug } from '../../resources/names.ts';
import { regionFault } from '../../resources/regions.ts';
import { namesBuildDate, variableFault } from '../../resources/template-variables.ts';
import type { Handlers } from '../context.ts';
import { openPage } from '../paging.ts';
import { compact, ownArn, placeOf, readFilters, visibleArn } from './common.ts';

/** Minutes; the member is required in answers, and nothing sets it any more. */
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

/** Handlers. */
export const distributionConfigurationOperations = {
  async CreateDistributionConfiguration(input, context) {
    const place = placeOf(context);
    const arn = resourceArn(place, 'distribution-configuration', slug(input.name));
    checkDistributions(input.distributions);
    if ((await distributionConfigurations.get(context.db, arn)) !== undefined)
      throw resourceAlreadyExists('DistributionConfiguration', arn);
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
    visibleArn(
      context,
      input.distributionConfigurationArn,
      'distribution-configuration',
      'distributionConfigurationArn',
    );
    const distributionConfiguration = await distributionConfigurations.get(
      context.db,
      input.distributionConfigurationArn,
    );
    if (distributionConfiguration === undefined) throw resourceNotFound(input.distributionConfigurationArn);
    return { distributionConfiguration };
  },

  async ListDistributionConfigurations(input, context) {
    const page = openPage(input, context, ['string']);
    const found = await distributionConfigurations.list(
      context.db,
      placeOf(context),
      readFilters(input.filters, { name: 'name' }),
      page,
    );
    const { items, nextToken } = page.cut(found, configurationPosition);
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
    ownArn(context, arn, 'distribution-configuration', 'distributionConfigurationArn');
    const before = await distributionConfigurations.get(context.db, arn);
    if (before === undefined) throw resourceNotFound(arn);
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
    const arn = input.distributionConfigurationArn;
    ownArn(context, arn, 'distribution-configuration', 'distributionConfigurationArn');
    if ((await distributionConfigurations.get(context.db, arn)) === undefined) throw resourceNotFound(arn);
    const dependents = await dependentsOf(context.db, arn);
    if (dependents.length > 0) throw resourceDependency(arn, dependents);
    await distributionConfigurations.remove(context.db, arn);
    return { distributionConfigurationArn: arn };
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
    // As AWS.
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
