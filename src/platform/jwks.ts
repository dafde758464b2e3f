/** The keys of OpenID Connect issuers: of a file, an address, or where the issuer's discovery document says. */
import { readFile } from 'node:fs/promises';
import type { JsonWebKey } from 'node:crypto';
import type { OidcIssuer } from './config.ts';
import { getJson } from './http.ts';

/** A set of keys (RFC 7517). */
export interface JsonWebKeySet {
  readonly keys: readonly (JsonWebKey & Readonly<Record<string, unknown>>)[];
}

const REMEMBERED_MS = 10 * 60_000;
/** A token with an unknown key has the keys asked for anew; nobody makes us ask more often than this. */
const FRESH_MS = 10_000;
const TIMEOUT_MS = 10_000;

/** Remembers keys for some minutes. `fresh` asks again, unless that was done just now. */
export function openKeySource(): (issuer: OidcIssuer, fresh: boolean) => Promise<JsonWebKeySet> {
  const known = new Map<string, { readonly asked: number; readonly keys: Promise<JsonWebKeySet> }>();
  return (issuer, fresh) => {
    const before = known.get(issuer.issuer);
    const age = before === undefined ? Infinity : Date.now() - before.asked;
    if (before !== undefined && age < (fresh ? FRESH_MS : REMEMBERED_MS)) return before.keys;
    const keys = load(issuer);
    known.set(issuer.issuer, { asked: Date.now(), keys });
    keys.catch(() => known.delete(issuer.issuer));
    return keys;
  };
}

async function load({ issuer, jwks }: OidcIssuer): Promise<JsonWebKeySet> {
  if (jwks?.startsWith('/')) return keySet(JSON.parse(await readFile(jwks, 'utf8')), jwks);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  if (jwks !== undefined) return keySet(await getJson(jwks, { signal }), jwks);
  const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: address } = (await getJson(discovery, { signal })) as { issuer?: unknown; jwks_uri?: unknown };
  if (named !== issuer) throw new Error(`${discovery} is of another issuer`);
  if (typeof address !== 'string') throw new Error(`${discovery} names no jwks_uri`);
  return keySet(await getJson(address, { signal }), address);
}

function keySet(value: unknown, where: string): JsonWebKeySet {
  const { keys } = (value ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== 'object' || key === null)) throw new Error(`${where} is no set of keys (JWKS)`);
  return { keys: keys as JsonWebKeySet['keys'] };
}
