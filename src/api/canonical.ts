/**
 * Canonical names of resources. Each name gets the spelling that records use before anything else reads it, so that
 * policies, tags and lookups see the same ARN. A name without a canonical spelling is not found.
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { canonicalArn, inAccountOfServer, isForeignSpelling, type AccountMap } from '../resources/arns.ts';
import { invalidParameterValue, resourceNotFound } from '../resources/errors.ts';
import { parseStoreArn } from '../resources/store-arns.ts';
import { formatVersion, parseVersionParts } from '../resources/versions.ts';
import type { Structure } from './codec.ts';
import type { RequestContext } from './context.ts';
import { members, type Operation } from './model.ts';

/** Members that name an image in several ways, one of them an ARN. Every member whose name ends in `Arn` is an ARN. */
const IMAGES = ['parentImage', 'sourceImage', 'image'];

interface Place {
  readonly account: string;
  readonly region: string;
  /** Replaces accounts in templates of others: `accounts` of `config.yaml`. */
  readonly accounts?: AccountMap;
}

/** The facts about a request. */
export function doorOf({ account, region, services }: RequestContext): Place {
  return { account, region, accounts: services.config.names.accounts };
}

/**
 * The input of an operation with canonical names: ARNs, versions without leading zeros.
 * @throws {ApiError} ResourceNotFoundException for an ARN that no resource here can have,
 * InvalidParameterValueException for a role in another partition
 */
export function canonicalInput(operation: Operation, input: Structure, place: Place): Structure {
  return ofStructure(operation.input, input, '', place);
}

function ofStructure(schema: NormalizedSchema, value: Structure, path: string, place: Place): Structure {
  const entries = [...members(schema)].flatMap(([name, member]): [string, unknown][] => {
    const given = value[name];
    return given === undefined
      ? []
      : [[name, ofMember(name, member, given, path === '' ? name : `${path}.${name}`, place)]];
  });
  // A newer client's `dryRun` is in no schema.
  return { ...value, ...Object.fromEntries(entries) };
}

function ofMember(name: string, schema: NormalizedSchema, value: unknown, path: string, place: Place): unknown {
  if (typeof value === 'string') return ofText(name, value, path, place);
  if (schema.isStructSchema()) return ofStructure(schema, value as Structure, path, place);
  if (!schema.isListSchema()) return value;
  const item = schema.getValueSchema();
  return (value as readonly unknown[]).map((each, index) => {
    if (item.isStructSchema()) return ofStructure(item, each as Structure, `${path}[${index}]`, place);
    // In a filter, a text that is not the ARN of a resource matches nothing.
    if (name !== 'values' || typeof each !== 'string') return each;
    const own = here(each, place);
    return canonicalArn(own) ?? own;
  });
}

/** Replaces the account of an ARN by this server's, if the operator has mapped it. */
function here(text: string, { account, accounts = {} }: Place): string {
  return inAccountOfServer(text, accounts, account);
}

function ofText(name: string, value: string, path: string, place: Place): string {
  if (name.endsWith('Arn') || IMAGES.includes(name)) return canonicalName(value, place);
  if (name === 'executionRole') return ofRole(here(value, place), path, place);
  if (name === 'semanticVersion') {
    const version = parseVersionParts(value);
    return version === undefined ? value : formatVersion(version);
  }
  return value;
}

function ofRole(value: string, path: string, place: Place): string {
  if (value.startsWith('arn:') && !value.startsWith('arn:aws:iam:'))
    throw invalidParameterValue(
      path,
      `'${value}' is in another partition. Roles here have ARNs such as arn:aws:iam::${place.account}:role/builder.`,
    );
  return value;
}

/**
 * An ARN, or another name of an image (`ami-…`, `ssm:…`), in canonical spelling. Other texts are returned unchanged,
 * for their reader to reject.
 * @throws {ApiError} ResourceNotFoundException for an ARN that no resource here can have
 */
export function canonicalName(text: string, place: Place): string {
  if (text.startsWith('ssm:')) return canonicalParameter(text, place);
  if (isForeignSpelling(text)) throw resourceNotFound(text);
  const own = here(text, place);
  return canonicalArn(own) ?? own;
}

/** `ssm:` and the name of a parameter of this account and Region, or of a public one. */
function canonicalParameter(text: string, place: Place): string {
  const { account, region } = place;
  const given = here(text.slice('ssm:'.length), place);
  if (!given.toLowerCase().startsWith('arn:')) {
    if (given.startsWith('//')) throw resourceNotFound(text);
    return text;
  }
  const arn = parseStoreArn(given);
  const known =
    arn?.service === 'ssm' &&
    arn.partition === 'aws' &&
    arn.region === region &&
    (arn.account === undefined || arn.account === account) &&
    !arn.name.startsWith('/');
  if (!known) throw resourceNotFound(text);
  return `ssm:/${arn.name}`;
}
