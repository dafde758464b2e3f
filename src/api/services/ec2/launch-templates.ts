/** Finding launch templates and their versions. */
import type * as sdk from '@aws-sdk/client-ec2';
import {
  findLaunchTemplate,
  launchTemplates as allTemplates,
  versionsOf,
  type LaunchTemplate,
  type LaunchTemplateVersion,
} from '../../../catalog/launch-templates.ts';
import { tagsOfEach } from '../../../catalog/tags.ts';
import type { Place } from '../../../catalog/slices.ts';
import { ServiceError } from '../errors.ts';
import { pageOf } from '../paging.ts';
import type { Operations, ServiceContext } from '../service.ts';
import { readTimes } from '../times-json.ts';
import { launchTemplateArn } from './arns.ts';
import { tagList } from './described.ts';
import { checkIds, invalidCombination, invalidParameter } from './errors.ts';
import { filtered } from './filters.ts';

/** The two ways in which a request can name a template. */
interface Named {
  readonly LaunchTemplateId?: string | undefined;
  readonly LaunchTemplateName?: string | undefined;
}

/** The resource that policies check: the template by its id, or all templates if the request uses a name. */
export const templateNeeds = ({ LaunchTemplateId }: Named, place: Place) => [
  { resource: launchTemplateArn(LaunchTemplateId ?? '*', place) },
];

/** The template that a request names. @throws {ServiceError} if it names none, or one that does not exist */
export async function templateFor(context: ServiceContext, named: Named): Promise<LaunchTemplate> {
  const { LaunchTemplateId: id, LaunchTemplateName: name } = named;
  if ((id === undefined) === (name === undefined))
    throw invalidCombination('A request names either LaunchTemplateId or LaunchTemplateName.');
  if (id !== undefined) checkIds('lt', [id]);
  const found = await findLaunchTemplate(context.db, context, id === undefined ? { name: name! } : { id });
  if (found === undefined)
    throw id === undefined
      ? new ServiceError(
          'InvalidLaunchTemplateName.NotFoundException',
          `The specified launch template, with template name ${name!.slice(0, 128)}, does not exist.`,
        )
      : new ServiceError(
          'InvalidLaunchTemplateId.NotFound',
          `The specified launch template, with template ID ${id}, does not exist.`,
        );
  return found;
}

/** A launch template in a response. */
export async function told(
  context: ServiceContext,
  templates: readonly LaunchTemplate[],
): Promise<sdk.LaunchTemplate[]> {
  const tags = await tagsOfEach(
    context.db,
    templates.map(({ id }) => launchTemplateArn(id, context)),
  );
  return templates.map((template) => ({
    LaunchTemplateId: template.id,
    LaunchTemplateName: template.name,
    CreateTime: new Date(template.created),
    CreatedBy: template.created_by,
    DefaultVersionNumber: template.default_version,
    LatestVersionNumber: template.latest_version,
    Tags: tagList(tags.get(launchTemplateArn(template.id, context)) ?? {}),
  }));
}

/** A version of a launch template in a response. */
export function toldVersion(template: LaunchTemplate, version: LaunchTemplateVersion): sdk.LaunchTemplateVersion {
  return {
    LaunchTemplateId: template.id,
    LaunchTemplateName: template.name,
    VersionNumber: version.version,
    VersionDescription: version.description ?? undefined,
    CreateTime: new Date(version.created),
    CreatedBy: version.created_by,
    DefaultVersion: version.version === template.default_version,
    LaunchTemplateData: readTimes(version.data) as sdk.ResponseLaunchTemplateData,
  };
}

/** Resolves a version of a request: a number, `$Latest` or `$Default`. */
function versionNumber(template: LaunchTemplate, text: string): number {
  if (text === '$Latest') return template.latest_version;
  if (text === '$Default') return template.default_version;
  if (!/^\d{1,9}$/.test(text))
    throw invalidParameter(
      `Invalid launch template version '${text.slice(0, 64)}': use a number, $Latest or $Default.`,
    );
  return Number(text);
}

/** An existing version. @throws {ServiceError} InvalidLaunchTemplateId.VersionNotFound */
export function existing(
  template: LaunchTemplate,
  versions: readonly LaunchTemplateVersion[],
  text: string,
): LaunchTemplateVersion {
  const number = versionNumber(template, text);
  const found = versions.find(({ version }) => version === number);
  if (found === undefined)
    throw new ServiceError(
      'InvalidLaunchTemplateId.VersionNotFound',
      `Could not find launch template version ${text.slice(0, 64)} for launch template with id ${template.id}`,
    );
  return found;
}

export const launchTemplates = {
  DescribeLaunchTemplates: {
    mutating: false,
    takes: ['LaunchTemplateIds', 'LaunchTemplateNames', 'Filters', 'MaxResults', 'NextToken', 'DryRun'],
    needs: () => [{ resource: '*' }],
    async run(input, context) {
      const { LaunchTemplateIds = [], LaunchTemplateNames = [] } = input;
      for (const id of LaunchTemplateIds) await templateFor(context, { LaunchTemplateId: id });
      for (const name of LaunchTemplateNames) await templateFor(context, { LaunchTemplateName: name });
      const named = LaunchTemplateIds.length + LaunchTemplateNames.length > 0;
      const asked = (await allTemplates(context.db, context)).filter(
        ({ id, name }) => !named || LaunchTemplateIds.includes(id) || LaunchTemplateNames.includes(name),
      );
      const found = filtered(
        await told(context, asked),
        input.Filters,
        {
          'create-time': ({ CreateTime }) => [CreateTime?.toISOString()],
          'launch-template-name': ({ LaunchTemplateName }) => [LaunchTemplateName],
        },
        ({ Tags = [] }) => Object.fromEntries(Tags.map(({ Key, Value }) => [Key!, Value!])),
      );
      const page = pageOf(input, context, { most: 200, shape: ['string'] });
      const { items, nextToken } = page.cutAll(found, ({ LaunchTemplateId }) => [LaunchTemplateId!]);
      return { LaunchTemplates: items, NextToken: nextToken };
    },
  },

  DescribeLaunchTemplateVersions: {
    mutating: false,
    takes: [
      'LaunchTemplateId',
      'LaunchTemplateName',
      'Versions',
      'MinVersion',
      'MaxVersion',
      'MaxResults',
      'NextToken',
      'Filters',
      'DryRun',
    ],
    needs: () => [{ resource: '*' }],
    async run(input, context) {
      const { Versions = [], MinVersion, MaxVersion } = input;
      const found: sdk.LaunchTemplateVersion[] = [];
      if (input.LaunchTemplateId === undefined && input.LaunchTemplateName === undefined) {
        if (Versions.length === 0 || Versions.some((each) => each !== '$Latest' && each !== '$Default'))
          throw invalidParameter('Without a launch template, Versions must be $Latest, $Default, or both.');
        for (const template of await allTemplates(context.db, context)) {
          const versions = await versionsOf(context.db, template.id);
          const numbers = new Set(Versions.map((each) => versionNumber(template, each)));
          found.push(...versions.filter((v) => numbers.has(v.version)).map((v) => toldVersion(template, v)));
        }
      } else {
        const template = await templateFor(context, input);
        const versions = await versionsOf(context.db, template.id);
        const least = MinVersion === undefined ? 0 : versionNumber(template, MinVersion);
        const most = MaxVersion === undefined ? Infinity : versionNumber(template, MaxVersion);
        const asked = Versions.map((each) => existing(template, versions, each).version);
        found.push(
          ...versions
            .filter(
              ({ version }) => version >= least && version <= most && (asked.length === 0 || asked.includes(version)),
            )
            .map((version) => toldVersion(template, version)),
        );
      }
      const passed = filtered(found, input.Filters, {
        'create-time': ({ CreateTime }) => [CreateTime?.toISOString()],
        'image-id': ({ LaunchTemplateData }) => [LaunchTemplateData?.ImageId],
        'instance-type': ({ LaunchTemplateData }) => [LaunchTemplateData?.InstanceType],
        'is-default-version': ({ DefaultVersion }) => [String(DefaultVersion)],
        'kernel-id': ({ LaunchTemplateData }) => [LaunchTemplateData?.KernelId],
        'ebs-optimized': ({ LaunchTemplateData }) => [String(LaunchTemplateData?.EbsOptimized)],
      });
      const page = pageOf(input, context, { most: 200, shape: ['string', 'number'] });
      const { items, nextToken } = page.cutAll(passed, ({ LaunchTemplateId, VersionNumber }) => [
        LaunchTemplateId!,
        VersionNumber!,
      ]);
      return { LaunchTemplateVersions: items, NextToken: nextToken };
    },
  },
} satisfies Operations<typeof sdk>;
