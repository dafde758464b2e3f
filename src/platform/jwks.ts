/** The keys of OpenID Connect issuers: from a file, a URL, or the issuer's discovery document. */
import { readFile } from 'node:fs/promises';
import type { JsonWebKey } from 'node:crypto';
import type { OidcIssuer } from './config/config.ts';
import { getJson } from './http.ts';

/** A set of keys (RFC 7517). */
export interface JsonWebKeySet {
  readonly keys: readonly (JsonWebKey & Readonly<Record<string, unknown>>)[];
}

const REMEMBERED_MS = 10 * 60_000;
/** Minimum interval between requests for keys that tokens with an unknown key cause, in milliseconds. */
const FRESH_MS = 10_000;
const TIMEOUT_MS = 10_000;

/**
 * An issuer that does not respond is retried after this time, then after twice the time, and so on up to the longest.
 */
const BACKOFF_MS = { first: 5000, longest: 5 * 60_000 };

interface Known {
  readonly asked: number;
  readonly keys: Promise<JsonWebKeySet>;
}

interface Failure {
  readonly count: number;
  /** Milliseconds since 1970 before which the issuer is not contacted again. */
  readonly until: number;
  readonly error: Error;
}

/**
 * Makes a source of keys that caches them for some minutes. `fresh` fetches them again, unless that was just done. An
 * issuer that did not respond is not contacted for a while. Until then the result is its failure, or for `fresh` the
 * earlier keys.
 * @param options.now milliseconds since 1970
 */
export function openKeySource({
  now = Date.now,
  load = loadKeys,
}: {
  readonly now?: () => number;
  readonly load?: typeof loadKeys;
} = {}): (issuer: OidcIssuer, fresh: boolean) => Promise<JsonWebKeySet> {
  const known = new Map<string, Known>();
  const failures = new Map<string, Failure>();

  function ask(issuer: OidcIssuer, before: Known | undefined): Promise<JsonWebKeySet> {
    const { issuer: name } = issuer;
    const asked = now();
    const keys = load(issuer).then(
      (found) => {
        failures.delete(name);
        return found;
      },
      (error: Error) => {
        const count = (failures.get(name)?.count ?? 0) + 1;
        // A local file can be read again at any time.
        const wait = issuer.jwks?.startsWith('/')
          ? 0
          : Math.min(BACKOFF_MS.first * 2 ** (count - 1), BACKOFF_MS.longest);
        failures.set(name, { count, until: now() + wait, error });
        if (before === undefined) known.delete(name);
        else known.set(name, before);
        throw error;
      },
    );
    known.set(name, { asked, keys });
    return keys;
  }

  return async (issuer, fresh) => {
    const before = known.get(issuer.issuer);
    const age = before === undefined ? Infinity : now() - before.asked;
    if (before !== undefined && age < (fresh ? FRESH_MS : REMEMBERED_MS)) return before.keys;
    // Keys stay valid while their issuer does not respond.
    const good = age < REMEMBERED_MS ? before : undefined;
    const failure = failures.get(issuer.issuer);
    if (failure !== undefined && now() < failure.until) {
      if (good !== undefined) return good.keys;
      throw failure.error;
    }
    try {
      return await ask(issuer, good);
    } catch (error) {
      if (good === undefined) throw error;
      return good.keys;
    }
  };
}

/** Fetches an issuer's keys. */
async function loadKeys({ issuer, jwks }: OidcIssuer): Promise<JsonWebKeySet> {
  if (jwks?.startsWith('/')) return keySet(JSON.parse(await readFile(jwks, 'utf8')), jwks);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  if (jwks !== undefined) return keySet(await getJson(jwks, { signal }), jwks);
  const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: address } = (await getJson(discovery, { signal })) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  };
  if (named !== issuer) throw new Error(`${discovery} names another issuer`);
  if (typeof address !== 'string') throw new Error(`${discovery} names no jwks_uri`);
  return keySet(await getJson(address, { signal }), address);
}

function keySet(value: unknown, where: string): JsonWebKeySet {
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== 'object' || key === null))
    throw new Error(`${where} is not a valid set of keys (JWKS)`);
  return { keys: keys as JsonWebKeySet['keys'] };
}
