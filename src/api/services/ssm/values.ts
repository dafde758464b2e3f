/** Values of parameters: in responses, and how a SecureString is stored. */
import type * as sdk from '@aws-sdk/client-ssm';
import {
  getParameter,
  parameterVersions,
  type ParameterVersion,
  type StoredParameter,
} from '../../../catalog/parameters.ts';
import type { Place } from '../../../catalog/slices.ts';
import { resourceArn } from '../../../resources/arns.ts';
import { parameterArn } from '../../../resources/store-arns.ts';
import type { ServiceContext } from '../service.ts';
import { parameterNotFound, versionNotFound } from './errors.ts';
import { readReference, type ParameterReference } from './names.ts';

/** The name of every account's default key. The data directory's sealing key is used in its place. */
export const DEFAULT_KEY = 'alias/aws/ssm';

/** The purpose that a value is sealed for, so that it does not open for another parameter. */
function useOf({ account, region }: Place, name: string): string {
  return `parameter ${account} ${region} ${name}`;
}

/** Seals the value of a SecureString. */
export function sealed(context: ServiceContext, name: string, value: string): string {
  return context.services.identities.sealer.seal(value, useOf(context, name));
}

/** The value of a parameter; a SecureString's sealed value unless decryption was requested. */
function valueOf(
  context: ServiceContext,
  { type, name, value }: StoredParameter,
  decrypt: boolean | undefined,
): string {
  if (type !== 'SecureString' || decrypt !== true) return value;
  const opened = context.services.identities.sealer.open(value, useOf(context, name));
  // Its key file was replaced. That is a server fault, and the server's log has the details.
  if (opened === undefined) throw new Error(`the SecureString ${name} cannot be opened with the key of this server`);
  return opened;
}

/** A parameter in a response, with its value. */
export function told(
  context: ServiceContext,
  parameter: StoredParameter,
  decrypt: boolean | undefined,
  selector?: string,
): sdk.Parameter {
  const { name, type, version, updated, dataType } = parameter;
  return {
    Name: name,
    Type: type,
    Value: valueOf(context, parameter, decrypt),
    Version: version,
    Selector: selector === undefined ? undefined : `:${selector}`,
    LastModifiedDate: new Date(updated),
    ARN: parameterArn(name, context),
    DataType: dataType,
  };
}

/** A parameter in a response, without its value. */
export function metadata(context: Place, parameter: StoredParameter): sdk.ParameterMetadata {
  const { name, type, version, updated, updatedBy, description, dataType, tier, allowedPattern } = parameter;
  return {
    Name: name,
    ARN: parameterArn(name, context),
    Type: type,
    KeyId: type === 'SecureString' ? DEFAULT_KEY : undefined,
    LastModifiedDate: new Date(updated),
    LastModifiedUser: updatedBy,
    Description: description,
    AllowedPattern: allowedPattern,
    Version: version,
    Tier: tier as sdk.ParameterTier,
    Policies: [],
    DataType: dataType,
  };
}

/** One version of a parameter's history, in a response. */
export function historyEntry(
  context: ServiceContext,
  version: ParameterVersion,
  decrypt: boolean | undefined,
): sdk.ParameterHistory {
  const { ARN: _, ...rest } = metadata(context, version);
  return { ...rest, Value: valueOf(context, version, decrypt), Labels: [...version.labels] };
}

/**
 * The parameter that a name in a request means.
 * @throws {ServiceError} ParameterNotFound, ParameterVersionNotFound
 */
export async function findParameter(
  context: ServiceContext,
  text: string,
): Promise<{ readonly parameter: StoredParameter; readonly selector: string | undefined }> {
  const reference = readReference(text, context);
  const { name, selector } = reference;
  if (selector === undefined) {
    const parameter = (await getParameter(context.db, context, name)) ?? publicParameter(context, reference);
    if (parameter === undefined) throw parameterNotFound(text);
    return { parameter, selector };
  }
  const versions = await parameterVersions(context.db, context, name);
  if (versions.length === 0) throw parameterNotFound(text);
  const parameter = versions.find(({ version, labels }) => String(version) === selector || labels.includes(selector));
  if (parameter === undefined) throw versionNotFound(name, selector);
  return { parameter, selector };
}

/**
 * A parameter that nobody put: one that `config.yaml` sets, or the public parameter of a managed image. Its value is
 * what a recipe takes as `parentImage`.
 */
function publicParameter({ services, region, account }: ServiceContext, { name }: ParameterReference) {
  const { settings, images } = services.catalog.managed;
  // The caller chooses the name, which may be `constructor`: only own keys of the configuration count.
  const configured = (key: string): string | undefined =>
    Object.hasOwn(settings.parameters, key) ? settings.parameters[key] : undefined;
  const value =
    configured(name) ??
    configured(name.replace(/^\//, '')) ??
    images.find(({ parameters }) => parameters?.includes(name))?.name;
  if (value === undefined) return undefined;
  const parameter: StoredParameter = {
    name,
    type: 'String',
    value: reference(value, { region, account }),
    dataType: value.startsWith('ami-') ? 'aws:ec2:image' : 'text',
    tier: 'Standard',
    version: 1,
    updated: new Date(0).toISOString(),
  };
  return parameter;
}

/** Completes a value of the configuration to an AMI's id or an image's ARN. */
function reference(value: string, place: Place): string {
  if (value.startsWith('ami-') || value.startsWith('arn:')) return value;
  if (value.startsWith('image/')) return `arn:aws:imagebuilder:${place.region}:${place.account}:${value}`;
  return resourceArn({ region: place.region, account: 'aws' }, 'image', value, { major: 'x', minor: 'x', patch: 'x' });
}
