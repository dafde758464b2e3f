/** Creating, changing and deleting launch templates. */
import type * as sdk from '@aws-sdk/client-ec2';
import {
  addLaunchTemplateVersion,
  findLaunchTemplate,
  insertLaunchTemplate,
  launchTemplates as allTemplates,
  removeLaunchTemplate,
  removeLaunchTemplateVersion,
  setDefaultVersion,
  versionsOf,
} from '../../../catalog/launch-templates.ts';
import { addTags, removeAllTags } from '../../../catalog/tags.ts';
import { ServiceError } from '../errors.ts';
import type { InputOf, Operations } from '../service.ts';
import { readTimes, writeTimes } from '../times-json.ts';
import { launchTemplateArn } from './arns.ts';
import { invalidParameter } from './errors.ts';
import { existing, templateFor, templateNeeds, told, toldVersion } from './launch-templates.ts';
import { readTags } from './tags.ts';

/** Source: EC2 User Guide, "Launch template limits". */
const MOST_TEMPLATES = 5000;
const MOST_VERSIONS = 10_000;
/** Maximum length of the data as JSON: 16 KB of user data in base64, and the rest. */
const LONGEST_DATA = 65_536;
const NAME = /^[a-zA-Z0-9().\-/_]{3,128}$/;

type CreateLaunchTemplate = InputOf<typeof sdk, 'CreateLaunchTemplate'>;

/** The data in the form that is stored. @throws {ServiceError} InvalidParameterValue */
function stored(data: object): string {
  const text = writeTimes(data);
  if (text.length > LONGEST_DATA)
    throw invalidParameter(`LaunchTemplateData has more than ${LONGEST_DATA} characters.`);
  return text;
}

/** Tags for the template itself, not for the instances launched from it. */
function tagsFor({ TagSpecifications = [] }: Pick<CreateLaunchTemplate, 'TagSpecifications'>) {
  const wrong = TagSpecifications.find(({ ResourceType }) => ResourceType !== 'launch-template');
  if (wrong !== undefined)
    throw invalidParameter(`'${wrong.ResourceType}' is not a valid taggable resource type for this operation.`);
  return readTags(TagSpecifications.flatMap(({ Tags = [] }) => Tags));
}

export const launchTemplateChanges = {
  CreateLaunchTemplate: {
    mutating: true,
    takes: [
      'LaunchTemplateName',
      'LaunchTemplateData',
      'VersionDescription',
      'TagSpecifications',
      'ClientToken',
      'DryRun',
    ],
    needs: (input, place) => {
      const need = { resource: launchTemplateArn('*', place), tags: tagsFor(input) };
      return Object.keys(need.tags).length === 0 ? [need] : [need, { ...need, action: 'ec2:CreateTags' }];
    },
    async run(input, context) {
      const { LaunchTemplateName: name, LaunchTemplateData, VersionDescription } = input;
      if (!NAME.test(name))
        throw invalidParameter('LaunchTemplateName has 3 to 128 letters, digits and the characters ( ) . - / _');
      if ((await findLaunchTemplate(context.db, context, { name })) !== undefined)
        throw new ServiceError(
          'InvalidLaunchTemplateName.AlreadyExistsException',
          'Launch template name already in use.',
        );
      if ((await allTemplates(context.db, context)).length >= MOST_TEMPLATES)
        throw new ServiceError(
          'LaunchTemplateLimitExceeded',
          `You have reached the limit of ${MOST_TEMPLATES} templates.`,
        );
      const template = await insertLaunchTemplate(context.db, context, name, {
        createdBy: context.identity.principal.arn,
        description: VersionDescription,
        data: stored(LaunchTemplateData),
      });
      await addTags(context.db, launchTemplateArn(template.id, context), tagsFor(input));
      return { LaunchTemplate: (await told(context, [template]))[0]! };
    },
  },

  CreateLaunchTemplateVersion: {
    mutating: true,
    takes: [
      'LaunchTemplateId',
      'LaunchTemplateName',
      'LaunchTemplateData',
      'SourceVersion',
      'VersionDescription',
      'ClientToken',
      'DryRun',
    ],
    needs: templateNeeds,
    async run(input, context) {
      const template = await templateFor(context, input);
      const versions = await versionsOf(context.db, template.id);
      if (versions.length >= MOST_VERSIONS)
        throw new ServiceError('VersionLimitExceeded', `A launch template has at most ${MOST_VERSIONS} versions.`);
      const source = input.SourceVersion === undefined ? undefined : existing(template, versions, input.SourceVersion);
      const version = await addLaunchTemplateVersion(context.db, template, {
        createdBy: context.identity.principal.arn,
        description: input.VersionDescription,
        data: stored({ ...(source === undefined ? {} : readTimes(source.data)), ...input.LaunchTemplateData }),
      });
      return { LaunchTemplateVersion: toldVersion(template, version) };
    },
  },

  ModifyLaunchTemplate: {
    mutating: true,
    takes: ['LaunchTemplateId', 'LaunchTemplateName', 'DefaultVersion', 'ClientToken', 'DryRun'],
    needs: templateNeeds,
    async run(input, context) {
      const template = await templateFor(context, input);
      const { version } = existing(
        template,
        await versionsOf(context.db, template.id),
        input.DefaultVersion ?? '$Default',
      );
      await setDefaultVersion(context.db, template.id, version);
      return { LaunchTemplate: (await told(context, [{ ...template, default_version: version }]))[0]! };
    },
  },

  DeleteLaunchTemplate: {
    mutating: true,
    takes: ['LaunchTemplateId', 'LaunchTemplateName', 'DryRun'],
    needs: templateNeeds,
    async run(input, context) {
      const template = await templateFor(context, input);
      const [answer] = await told(context, [template]);
      await removeAllTags(context.db, launchTemplateArn(template.id, context));
      await removeLaunchTemplate(context.db, template.id);
      return { LaunchTemplate: answer! };
    },
  },

  DeleteLaunchTemplateVersions: {
    mutating: true,
    takes: ['LaunchTemplateId', 'LaunchTemplateName', 'Versions', 'DryRun'],
    needs: templateNeeds,
    async run(input, context) {
      const template = await templateFor(context, input);
      const versions = await versionsOf(context.db, template.id);
      const named = { LaunchTemplateId: template.id, LaunchTemplateName: template.name };
      const deleted: sdk.DeleteLaunchTemplateVersionsResponseSuccessItem[] = [];
      const failed: sdk.DeleteLaunchTemplateVersionsResponseErrorItem[] = [];
      for (const text of input.Versions) {
        const number = Number(text);
        if (versions.every(({ version }) => version !== number)) {
          const ResponseError = { Code: 'launchTemplateVersionDoesNotExist' as const, Message: `No version ${text}.` };
          failed.push({ ...named, VersionNumber: Number.isSafeInteger(number) ? number : 0, ResponseError });
        } else if (number === template.default_version) {
          const Message = 'The default version cannot be deleted. Make another one the default first.';
          failed.push({ ...named, VersionNumber: number, ResponseError: { Code: 'unexpectedError', Message } });
        } else {
          await removeLaunchTemplateVersion(context.db, template.id, number);
          deleted.push({ ...named, VersionNumber: number });
        }
      }
      return {
        SuccessfullyDeletedLaunchTemplateVersions: deleted,
        UnsuccessfullyDeletedLaunchTemplateVersions: failed,
      };
    },
  },
} satisfies Operations<typeof sdk>;
