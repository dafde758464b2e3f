/** Tokens of OpenID Connect issuers (JWTs): whether one is what it says. RS256 and ES256. */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { OidcIssuer } from '../../platform/config.ts';
import type { JsonWebKeySet } from '../../platform/jwks.ts';
import { expiredIdentityToken, invalidIdentityToken, providerUnreachable } from './errors.ts';

/** What a token says. */
export interface WebIdentity {
  readonly issuer: OidcIssuer;
  readonly subject: string;
  /** Of the token's audiences the one that was expected. */
  readonly audience: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The keys of an issuer; `fresh` asks past what is remembered. @throws {Error} when they cannot be had */
export type KeysOf = (issuer: OidcIssuer, fresh: boolean) => Promise<JsonWebKeySet>;

const SKEW_SECONDS = 60;
const ALGORITHMS = { RS256: { kty: 'RSA', hash: 'sha256' }, ES256: { kty: 'EC', hash: 'sha256' } } as const;

/**
 * Checks a token: issuer, signature, audience, times.
 * @param now milliseconds since 1970
 * @throws {StsError} InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError
 */
export async function checkWebIdentity(token: string, issuers: readonly OidcIssuer[], keysOf: KeysOf, now: number): Promise<WebIdentity> {
  const parts = token.split('.');
  const header = readPart(parts[0]);
  const claims = readPart(parts[1]);
  if (parts.length !== 3 || header === undefined || claims === undefined) throw invalidIdentityToken('The token is not a signed JSON Web Token.');
  const issuer = issuers.find((each) => each.issuer === claims['iss']);
  if (issuer === undefined) throw invalidIdentityToken(`No OpenID Connect provider of this server has the issuer '${String(claims['iss']).slice(0, 200)}': access.oidcIssuers of config.yaml names them.`);
  const algorithm = header['alg'];
  if (algorithm !== 'RS256' && algorithm !== 'ES256') throw invalidIdentityToken('The token must be signed with RS256 or ES256.');
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  const signature = Buffer.from(parts[2]!, 'base64url');
  const candidates = async (fresh: boolean): Promise<readonly KeyObject[]> => {
    try {
      return usableKeys(await keysOf(issuer, fresh), algorithm, header['kid']);
    } catch (error) {
      throw providerUnreachable(`The keys of ${issuer.issuer} cannot be had: ${(error as Error).message}`);
    }
  };
  const isSigned = (keys: readonly KeyObject[]): boolean => keys.some((key) => verify(ALGORITHMS[algorithm].hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature));
  // Issuers change their keys: one that is not known yet is asked for.
  const known = await candidates(false);
  if (!isSigned(known) && (known.length > 0 || !isSigned(await candidates(true)))) throw invalidIdentityToken("The token's signature does not fit a key of its issuer.");

  const seconds = now / 1000;
  const { exp, nbf, aud, sub } = claims;
  if (typeof exp !== 'number') throw invalidIdentityToken('The token lacks an expiration time (exp).');
  if (exp + SKEW_SECONDS <= seconds) throw expiredIdentityToken();
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf - SKEW_SECONDS > seconds)) throw invalidIdentityToken('The token is not valid yet (nbf).');
  const audience = [aud].flat().find((each): each is string => typeof each === 'string' && issuer.audiences.includes(each));
  if (audience === undefined) throw invalidIdentityToken(`Incorrect token audience: ${JSON.stringify(aud)?.slice(0, 200)} has none of ${issuer.audiences.join(', ')}.`);
  if (typeof sub !== 'string' || sub === '') throw invalidIdentityToken('The token lacks a subject (sub).');
  return { issuer, subject: sub, audience, claims };
}

/** How policies name a provider: its issuer without the scheme. */
export function providerName(issuer: OidcIssuer): string {
  return issuer.issuer.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** Context keys of the token's claims: `token.actions.githubusercontent.com:sub`, … in lower case. */
export function claimKeys({ issuer, claims }: WebIdentity): Readonly<Record<string, readonly string[]>> {
  const name = providerName(issuer);
  const entries = Object.entries(claims).flatMap(([claim, value]) => {
    const values = [value].flat().filter((each) => ['string', 'number', 'boolean'].includes(typeof each)).map(String);
    return values.length === 0 ? [] : [[`${name}:${claim}`.toLowerCase(), values] as const];
  });
  return Object.fromEntries(entries);
}

function usableKeys(set: JsonWebKeySet, algorithm: keyof typeof ALGORITHMS, kid: unknown): readonly KeyObject[] {
  const { kty } = ALGORITHMS[algorithm];
  return set.keys
    .filter((key) => key.kty === kty && (kid === undefined || key['kid'] === kid) && (key['use'] === undefined || key['use'] === 'sig') && (kty !== 'EC' || key['crv'] === 'P-256'))
    .flatMap((key) => {
      try {
        return [createPublicKey({ key, format: 'jwk' })];
      } catch {
        return [];
      }
    });
}

function readPart(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text ?? '', 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
