/** Who sent a request to the registry: by the password of `GetAuthorizationToken`. */
import { openRegistryToken, REGISTRY_USER, type RegistryToken } from '../../distribution/registry/token.ts';
import { ApiError } from '../../resources/errors.ts';
import { accountOfArn } from '../../resources/arns.ts';
import type { Identities, Identity } from '../access/identities.ts';
import { notAuthorized, tokenExpired } from './errors.ts';

/** A caller, and what the password itself says. */
export interface RegistryCaller {
  readonly identity: Identity;
  readonly token: RegistryToken;
}

const SERVICE_ROLE = 'aws-service-role/imagebuilder.amazonaws.com/AWSServiceRoleForImageBuilder';

/**
 * The caller of a request.
 * @param header `Authorization`
 * @throws {ServiceError} UNAUTHORIZED, and DENIED for a password that has expired
 */
export async function registryCaller(
  identities: Identities,
  header: string | undefined,
  now: number,
): Promise<RegistryCaller> {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? '') ?? [];
  const pair = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const token = pair.startsWith(`${REGISTRY_USER}:`)
    ? openRegistryToken(identities.sealer, pair.slice(REGISTRY_USER.length + 1))
    : undefined;
  if (token === undefined) throw notAuthorized();
  if (token.expires <= now) throw tokenExpired();
  if (token.kind === 'image') return { token, identity: imageIdentity(token.image) };
  try {
    return { token, identity: await identities.find(token.accessKeyId, token.sessionToken, now) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw error.code === 'ExpiredTokenException' ? tokenExpired() : notAuthorized();
  }
}

/** Image Builder itself, for the account of an image. */
function imageIdentity(image: string): Identity {
  const account = accountOfArn(image)!;
  return {
    principal: {
      type: 'assumed-role',
      account,
      arn: `arn:aws:sts::${account}:assumed-role/AWSServiceRoleForImageBuilder/distribution`,
      roleArn: `arn:aws:iam::${account}:role/${SERVICE_ROLE}`,
      id: 'distribution',
      tags: {},
    },
    accessKeyId: '',
    secretAccessKey: '',
    policies: [],
  };
}
