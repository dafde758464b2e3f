/**
 * Documents that a request names by `uri`: read from S3 before the transaction, with the credentials of an instance
 * profile of `config.yaml`. Failures are kept for the handler, so that a repeated client token gets its first response
 * even if the object was deleted.
 */
import type { Config } from '../platform/config/config.ts';
import { uriProfileFor } from '../platform/config/profiles.ts';
import { logger } from '../platform/log.ts';
import { readS3Object, s3AccessOf, S3Refused, S3TooLarge } from '../platform/s3-object.ts';
import { CredentialError } from '../platform/role-credentials.ts';
import { readUtf8, NotUtf8 } from '../platform/utf8.ts';
import { invalidParameterValue } from '../resources/errors.ts';
import { readS3ObjectUri, s3ErrorText, type S3Place } from '../resources/s3-uri.ts';
import type { Structure } from './codec.ts';
import type { RequestContext, UriText, UriTexts } from './context.ts';
import type { OperationName } from './model.ts';
import { currentConfig } from './operations/plans.ts';

/** Members that may name a document in S3, and the member that contains its text otherwise. */
export const URI_MEMBERS: Partial<Readonly<Record<OperationName, { readonly uri: string; readonly text: string }>>> = {
  CreateComponent: { uri: 'uri', text: 'data' },
  ImportComponent: { uri: 'uri', text: 'data' },
  CreateWorkflow: { uri: 'uri', text: 'data' },
  CreateContainerRecipe: { uri: 'dockerfileTemplateUri', text: 'dockerfileTemplateData' },
};

/** Bytes. Source: reference, `resources.md` section 11: component, workflow, Docker template 64 KB. */
const LONGEST = 64 << 10;
/** Time limit for S3 for all texts of one request, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** The URI that a request needs to be read. If the request also has the text, its handler rejects it. */
export function uriOf(operation: OperationName, input: Structure): string | undefined {
  const member = URI_MEMBERS[operation];
  if (member === undefined || input[member.text] !== undefined) return undefined;
  const uri = input[member.uri];
  return typeof uri === 'string' ? uri : undefined;
}

/** A request with the text of its URI in place of the URI, if it was read. */
export function withUriText(operation: OperationName, input: Structure, texts: UriTexts | undefined): Structure {
  const uri = uriOf(operation, input);
  const found = uri === undefined ? undefined : texts?.get(uri);
  if (found === undefined || 'fault' in found) return input;
  const member = URI_MEMBERS[operation]!;
  return { ...input, [member.uri]: undefined, [member.text]: found.text };
}

/**
 * Reads texts. The caller has checked `s3:GetObject` for each.
 * @returns one for each URI
 */
export async function readUriTexts(uris: Iterable<string>, request: RequestContext): Promise<UriTexts> {
  const texts = new Map<string, UriText>();
  const config = await currentConfig(request);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  for (const uri of new Set(uris)) texts.set(uri, await readOne(uri, config, request, signal));
  return texts;
}

async function readOne(
  uri: string,
  config: Config,
  { account, region }: RequestContext,
  signal: AbortSignal,
): Promise<UriText> {
  const place = readS3ObjectUri(uri);
  if (place === undefined)
    return { fault: `The URI '${uri.slice(0, 1200)}' is not an object in S3. It must be s3://BUCKET/KEY.` };
  const profile = uriProfileFor(config, account);
  if (profile === undefined)
    return {
      fault:
        `The server has no credentials to read ${uri} for account ${account}. Its operator names an instance profile ` +
        'that this account may use in config.yaml: uriProfiles: [NAME]. Or give the document itself instead of its ' +
        'address.',
    };
  try {
    const access = await s3AccessOf(profile, region)();
    return { text: readUtf8(await readS3Object(access, place, { maxBytes: LONGEST, signal })) };
  } catch (error) {
    return { fault: `The object ${uri} ${reasonOf(error as Error, place)}` };
  }
}

function reasonOf(error: Error, { bucket }: S3Place): string {
  if (error instanceof NotUtf8) return `${error.message}.`;
  if (error instanceof S3TooLarge) return `has more than ${LONGEST} bytes, the limit of a document.`;
  if (error instanceof S3Refused) {
    const moved = error.status >= 300 && error.status < 400 ? ` The bucket '${bucket}' is in another Region.` : '';
    return `cannot be read: ${s3ErrorText(error.body) ?? `S3 answered ${error.status}`}.${moved}`;
  }
  // The credentials' source and S3's address concern only the operator, so they are logged.
  logger().warn({ err: error }, 'a uri could not be read');
  if (error instanceof CredentialError)
    return "cannot be read: the server cannot load the instance profile's credentials. Its log says more.";
  if (error.name === 'TimeoutError') return `cannot be read: S3 did not answer within ${TIMEOUT_MS / 1000} s.`;
  return `cannot be read: S3 cannot be reached (${(error as NodeJS.ErrnoException).code ?? error.message}).`;
}

/** The text at a request's URI. @throws {ApiError} InvalidParameterValueException */
export function textOfUri({ uriTexts }: Pick<RequestContext, 'uriTexts'>, uri: string, member: string): string {
  const found = uriTexts?.get(uri);
  if (found === undefined) throw new Error(`${member} was not read before its handler`);
  if ('fault' in found) throw invalidParameterValue(member, found.fault);
  return found.text;
}
