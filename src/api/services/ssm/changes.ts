/** Parameters: putting, labelling and deleting them. */
import { createRequire } from 'node:module';
import type * as sdk from '@aws-sdk/client-ssm';
import { mayUse } from '../../../catalog/ami-sharing.ts';
import { findAmi } from '../../../catalog/amis.ts';
import {
  addParameterVersion,
  countParameters,
  getParameter,
  MOST_VERSIONS,
  parameterVersions,
  removeParameter,
  setLabels,
  type ParameterVersion,
  type StoredParameter,
} from '../../../catalog/parameters.ts';
import { addTags, removeAllTags } from '../../../catalog/tags.ts';
import { parameterArn } from '../../../resources/store-arns.ts';
import { ServiceError } from '../errors.ts';
import type { InputOf, Operations, ServiceContext } from '../service.ts';
import { parameterNotFound, validation, versionNotFound } from './errors.ts';
import { nameFault, readReference, resourceOf } from './names.ts';
import { checkNames } from './parameters.ts';
import { readTags } from './tags.ts';
import { DEFAULT_KEY, sealed } from './values.ts';

/** Maximum length of a value in characters, by tier. */
const LONGEST: Readonly<Record<string, number>> = { Standard: 4096, Advanced: 8192 };
const LONGEST_DESCRIPTION = 1024;
const LONGEST_PATTERN = 1024;
const MOST_LABELS = 10;
const LABEL = /^[A-Za-z_.-][A-Za-z0-9_.-]{0,99}$/;
/** The quota of standard parameters. Source: Systems Manager endpoints and quotas. */
const MOST_PARAMETERS = 10_000;

type PutParameter = InputOf<typeof sdk, 'PutParameter'>;

const require = createRequire(import.meta.url);

/**
 * Checks that a value matches a pattern; it may match a part.
 * @throws {ServiceError} InvalidAllowedPatternException, ParameterPatternMismatchException
 */
function checkPattern(pattern: string, value: string): void {
  if (pattern.length > LONGEST_PATTERN)
    throw validation(`AllowedPattern must have at most ${LONGEST_PATTERN} characters.`);
  // Loaded on first use: few parameters have a pattern.
  const { RE2JS } = require('re2js') as typeof import('re2js');
  let compiled: ReturnType<typeof RE2JS.compile>;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    const why = (error as Error).message;
    throw new ServiceError('InvalidAllowedPatternException', `The request includes an invalid pattern: ${why}`);
  }
  if (!compiled.matcher(value).find())
    throw new ServiceError(
      'ParameterPatternMismatchException',
      `The parameter value does not match the AllowedPattern ${pattern}.`,
    );
}

/** The tier of a value. @throws {ServiceError} ValidationException */
function tierOf({ Tier, Value }: PutParameter, before: StoredParameter | undefined): string {
  const asked = Tier ?? before?.tier ?? 'Standard';
  if (before?.tier === 'Advanced' && asked === 'Standard')
    throw validation('This parameter uses the advanced-parameter tier. You cannot downgrade it to the standard tier.');
  const tier =
    asked === 'Intelligent-Tiering'
      ? Value.length > LONGEST['Standard']! || before?.tier === 'Advanced'
        ? 'Advanced'
        : 'Standard'
      : asked;
  const most = LONGEST[tier];
  if (most === undefined)
    throw validation(`Tier must be one of Standard, Advanced, Intelligent-Tiering, not '${asked.slice(0, 64)}'.`);
  if (Value.length === 0 || Value.length > most)
    throw validation(
      `${tier} tier parameters support a maximum parameter value of ${most} characters` +
        (tier === 'Standard'
          ? '. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.'
          : '.'),
    );
  return tier;
}

async function checkDataType(context: ServiceContext, type: string, { Value }: PutParameter): Promise<void> {
  if (type === 'text') return;
  if (type !== 'aws:ec2:image')
    throw validation(`DataType must be text or aws:ec2:image, not '${type.slice(0, 128)}'.`);
  const ami = await findAmi(context.db, Value, context.region);
  const { organizations } = context.services.catalog.managed.settings;
  // An AMI of another account looks absent unless the caller may use it.
  if (ami === undefined || !mayUse(ami, context.account, organizations))
    throw validation(
      `The data type aws:ec2:image needs the ID of an AMI in ${context.region}, not '${Value.slice(0, 64)}'.`,
    );
}

async function putParameter(input: PutParameter, context: ServiceContext): Promise<sdk.PutParameterResult> {
  const { Name, Overwrite, Description, AllowedPattern, Tags } = input;
  const name = readReference(Name, context).name;
  const fault = nameFault(name, context);
  if (fault !== undefined) throw validation(fault);
  const before = await getParameter(context.db, context, name);
  if (before !== undefined && Overwrite !== true)
    throw new ServiceError(
      'ParameterAlreadyExists',
      'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
    );
  if (Overwrite === true && Tags !== undefined && Tags.length > 0)
    throw validation(
      "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove " +
        'overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or ' +
        'RemoveTagsFromResource.',
    );
  const type = input.Type ?? before?.type;
  if (type === undefined) throw validation('A parameter type is required when you create a parameter.');
  if (!['String', 'StringList', 'SecureString'].includes(type))
    throw validation(`Type must be one of String, StringList, SecureString, not '${type.slice(0, 64)}'.`);
  if (before !== undefined && (before.type === 'SecureString') !== (type === 'SecureString'))
    throw new ServiceError(
      'HierarchyTypeMismatch',
      `The existing parameter type is ${before.type}, and cannot become ${type}. Delete the parameter first.`,
    );
  if (input.KeyId !== undefined && type !== 'SecureString')
    throw validation(`KeyId is only for parameters of type SecureString, not ${type}.`);
  if (input.KeyId !== undefined && input.KeyId !== DEFAULT_KEY)
    throw new ServiceError(
      'InvalidKeyId',
      `The key ${input.KeyId.slice(0, 256)} is not available here. Leave KeyId out: the value is sealed with the key ` +
        'of the data directory.',
    );
  if (Description !== undefined && Description.length > LONGEST_DESCRIPTION)
    throw validation(`Description must have at most ${LONGEST_DESCRIPTION} characters.`);
  const tier = tierOf(input, before);
  const allowedPattern = AllowedPattern ?? before?.allowedPattern;
  if (allowedPattern !== undefined) checkPattern(allowedPattern, input.Value);
  const dataType = input.DataType ?? before?.dataType ?? 'text';
  if (dataType !== 'text' && type !== 'String') throw validation('DataType aws:ec2:image is for type String only.');
  await checkDataType(context, dataType, input);
  if (before === undefined && (await countParameters(context.db, context)) >= MOST_PARAMETERS)
    throw new ServiceError(
      'ParameterLimitExceeded',
      `You have reached the maximum number of parameters: ${MOST_PARAMETERS}.`,
    );
  const versions = await parameterVersions(context.db, context, name);
  if (versions.length >= MOST_VERSIONS && versions[0]!.labels.length > 0)
    throw new ServiceError(
      'ParameterMaxVersionLimitExceeded',
      `You attempted to create a new version of ${name} by calling the PutParameter API with the overwrite flag. ` +
        `Version ${versions[0]!.version}, the oldest version, can't be deleted because it has a label associated ` +
        'with it. Move the label to another version of the parameter, and try again.',
    );
  const put = await addParameterVersion(context.db, context, {
    name,
    type: type as StoredParameter['type'],
    value: type === 'SecureString' ? sealed(context, name, input.Value) : input.Value,
    description: Description ?? before?.description,
    dataType,
    tier,
    allowedPattern,
    updatedBy: context.identity.principal.arn,
  });
  await addTags(context.db, parameterArn(name, context), readTags(Tags));
  return { Version: put.version, Tier: tier as sdk.ParameterTier };
}

/** The version that labels are attached to or removed from. */
function versionOf(versions: readonly ParameterVersion[], name: string, asked: number | undefined): ParameterVersion {
  const newest = versions.at(-1);
  if (newest === undefined) throw parameterNotFound(name);
  const found = asked === undefined ? newest : versions.find(({ version }) => version === asked);
  if (found === undefined) throw versionNotFound(name, asked!);
  return found;
}

export const parameterChanges = {
  PutParameter: {
    mutating: true,
    takes: ['Name', 'Value', 'Type', 'Description', 'Overwrite', 'AllowedPattern', 'Tags', 'Tier', 'DataType', 'KeyId'],
    needs: ({ Name, Tags }, place) => {
      const need = { resource: resourceOf(Name, place), tags: readTags(Tags) };
      return need.tags === undefined ? [need] : [need, { ...need, action: 'ssm:AddTagsToResource' }];
    },
    run: putParameter,
  },

  LabelParameterVersion: {
    mutating: true,
    takes: ['Name', 'ParameterVersion', 'Labels'],
    needs: ({ Name }, place) => [{ resource: resourceOf(Name, place) }],
    async run({ Name, ParameterVersion: asked, Labels }, context) {
      const { name } = readReference(Name, context);
      const versions = await parameterVersions(context.db, context, name);
      const target = versionOf(versions, name, asked);
      const isLabel = (label: string): boolean => LABEL.test(label) && !/^(aws|ssm)/i.test(label);
      const labels = Labels.filter(isLabel);
      const wanted = [...new Set([...target.labels, ...labels])];
      if (wanted.length > MOST_LABELS)
        throw new ServiceError(
          'ParameterVersionLabelLimitExceeded',
          `A parameter version can have maximum ${MOST_LABELS} labels.`,
        );
      // A label is attached to one version only, so it moves.
      for (const { version, labels: had } of versions) {
        const kept = version === target.version ? wanted : had.filter((label) => !labels.includes(label));
        if (kept.length !== had.length) await setLabels(context.db, context, { name, version, labels: kept });
      }
      return { InvalidLabels: Labels.filter((label) => !isLabel(label)), ParameterVersion: target.version };
    },
  },

  UnlabelParameterVersion: {
    mutating: true,
    takes: ['Name', 'ParameterVersion', 'Labels'],
    needs: ({ Name }, place) => [{ resource: resourceOf(Name, place) }],
    async run({ Name, ParameterVersion: asked, Labels }, context) {
      const { name } = readReference(Name, context);
      const target = versionOf(await parameterVersions(context.db, context, name), name, asked);
      const { version, labels: had } = target;
      await setLabels(context.db, context, { name, version, labels: had.filter((label) => !Labels.includes(label)) });
      return {
        RemovedLabels: Labels.filter((label) => had.includes(label)),
        InvalidLabels: Labels.filter((label) => !had.includes(label)),
      };
    },
  },

  DeleteParameter: {
    mutating: true,
    takes: ['Name'],
    needs: ({ Name }, place) => [{ resource: resourceOf(Name, place) }],
    async run({ Name }, context) {
      if (!(await remove(context, Name))) throw parameterNotFound(Name);
      return {};
    },
  },

  DeleteParameters: {
    mutating: true,
    takes: ['Names'],
    needs: ({ Names }, place) => Names.map((name) => ({ resource: resourceOf(name, place) })),
    async run({ Names }, context) {
      checkNames(Names);
      const deleted: string[] = [];
      for (const name of Names) if (await remove(context, name)) deleted.push(name);
      return { DeletedParameters: deleted, InvalidParameters: Names.filter((name) => !deleted.includes(name)) };
    },
  },
} satisfies Operations<typeof sdk>;

/** Returns whether the parameter existed. */
async function remove(context: ServiceContext, text: string): Promise<boolean> {
  const { name } = readReference(text, context);
  await removeAllTags(context.db, parameterArn(name, context));
  return removeParameter(context.db, context, name);
}
