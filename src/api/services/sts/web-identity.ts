/** Validates tokens of OpenID Connect issuers (JWTs, RS256 and ES256), with the library `jose`. */
import { createLocalJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type JSONWebKeySet } from 'jose';
import type { OidcIssuer } from '../../../platform/config/config.ts';
import type { JsonWebKeySet } from '../../../platform/jwks.ts';
import type { ContextValues } from '../../../policies/conditions.ts';
import { expiredIdentityToken, invalidIdentityToken, providerUnreachable } from './errors.ts';

/** The content of a valid token. */
export interface WebIdentity {
  readonly issuer: OidcIssuer;
  readonly subject: string;
  /** The one of the token's audiences that was expected. */
  readonly audience: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Returns the keys of an issuer; `fresh` bypasses the cache. @throws {Error} if they cannot be fetched */
export type KeysOf = (issuer: OidcIssuer, fresh: boolean) => Promise<JsonWebKeySet>;

const SKEW_SECONDS = 60;
const ALGORITHMS = ['RS256', 'ES256'];
/** Source: AWS STS API Reference, `AssumeRoleWithWebIdentity`. */
const LONGEST_TOKEN = 20_000;

/**
 * Validates a token: issuer, signature, audience, times. A token with critical headers (`crit`) is rejected, because
 * Ingot knows none.
 * @param now milliseconds since 1970
 * @throws {ServiceError} InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError
 */
export async function checkWebIdentity(
  token: string,
  issuers: readonly OidcIssuer[],
  keysOf: KeysOf,
  now: number,
): Promise<WebIdentity> {
  if (token.length > LONGEST_TOKEN) {
    throw invalidIdentityToken(`The token has ${token.length} characters, at most ${LONGEST_TOKEN} are allowed.`);
  }
  let unchecked: JWTPayload;
  try {
    unchecked = decodeJwt(token);
  } catch {
    throw invalidIdentityToken('The token is not a signed JSON Web Token.');
  }
  const issuer = issuers.find((each) => each.issuer === unchecked.iss);
  if (issuer === undefined) {
    throw invalidIdentityToken(
      `No OpenID Connect provider of this server has the issuer ` +
        `'${String(unchecked.iss).slice(0, 200)}': access.oidcIssuers of config.yaml names them.`,
    );
  }
  const keys = async (fresh: boolean): Promise<JSONWebKeySet> => {
    try {
      return (await keysOf(issuer, fresh)) as JSONWebKeySet;
    } catch (error) {
      throw providerUnreachable(`The keys of ${issuer.issuer} could not be loaded: ${(error as Error).message}`);
    }
  };
  let payload: JWTPayload;
  try {
    payload = await verified(token, await keys(false), issuer, now).catch(async (error: unknown) => {
      // Issuers rotate their keys: for an unknown key they are fetched again.
      if (error instanceof errors.JWKSNoMatchingKey) return verified(token, await keys(true), issuer, now);
      throw error;
    });
  } catch (error) {
    throw refusalOf(error, issuer);
  }
  const { aud, sub } = payload;
  if (typeof sub !== 'string' || sub === '') throw invalidIdentityToken('The token has no subject (sub).');
  const audience = [aud]
    .flat()
    .find((each): each is string => typeof each === 'string' && issuer.audiences.includes(each));
  return { issuer, subject: sub, audience: audience!, claims: payload };
}

/** The claims of a valid token. If several keys of the set match, each is tried. */
async function verified(token: string, set: JSONWebKeySet, issuer: OidcIssuer, now: number): Promise<JWTPayload> {
  const options = {
    issuer: issuer.issuer,
    audience: [...issuer.audiences],
    algorithms: ALGORITHMS,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: SKEW_SECONDS,
    currentDate: new Date(now),
  };
  try {
    return (await jwtVerify(token, createLocalJWKSet(set), options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (cause) {
        if (!(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** The error of STS for an invalid token. */
function refusalOf(error: unknown, issuer: OidcIssuer): unknown {
  if (error instanceof errors.JWTExpired) return expiredIdentityToken();
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, payload } = error;
    if (claim === 'aud') {
      return invalidIdentityToken(
        `Incorrect token audience: ${JSON.stringify(payload.aud)?.slice(0, 200)} has none of ` +
          `${issuer.audiences.join(', ')}.`,
      );
    }
    if (claim === 'exp') return invalidIdentityToken('The token has no expiration time (exp).');
    if (claim === 'sub') return invalidIdentityToken('The token has no subject (sub).');
    if (claim === 'nbf') return invalidIdentityToken('The token is not valid yet (nbf).');
    return invalidIdentityToken(`The token's claim '${claim}' is not valid.`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return invalidIdentityToken('The token must be signed with RS256 or ES256.');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JWKSNoMatchingKey) {
    return invalidIdentityToken("The token's signature does not match any key of its issuer.");
  }
  // Includes tokens with a `crit` header.
  if (error instanceof errors.JOSEError) {
    return invalidIdentityToken(`The token is not one that this server understands: ${error.message}.`);
  }
  // The platform rejects the key: too short, or of another type than it claims.
  if (error instanceof TypeError) {
    return invalidIdentityToken(`The token cannot be checked by its issuer's key: ${error.message}.`);
  }
  return error;
}

/** The name of a provider in policies: its issuer without the scheme. */
export function providerName(issuer: OidcIssuer): string {
  return issuer.issuer.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/**
 * Context keys of the token's claims: `token.actions.githubusercontent.com:sub`, … Names of claims are case-sensitive,
 * keys in policies are not. A key means the claim with exactly that spelling, otherwise the one in lower case. A claim
 * with capitals never replaces one in lower case.
 */
export function claimsOf({ issuer, claims }: WebIdentity): ContextValues {
  const prefix = `${providerName(issuer)}:`.toLowerCase();
  const valuesOf = (claim: string): readonly string[] | undefined => {
    if (!Object.hasOwn(claims, claim)) return undefined;
    const values = [claims[claim]]
      .flat()
      .filter((each) => ['string', 'number', 'boolean'].includes(typeof each))
      .map(String);
    return values.length === 0 ? undefined : values;
  };
  return (key, spelled = key) =>
    key.startsWith(prefix) ? (valuesOf(spelled.slice(prefix.length)) ?? valuesOf(key.slice(prefix.length))) : undefined;
}
