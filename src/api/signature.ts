/**
 * Verifies Signature Version 4: whether a request was signed with a known secret, for this service, a short time ago.
 * Signatures are in the Authorization header or (presigned) in the query. The Region of a request is that of the
 * signature's scope.
 */
import { createHmac, createSecretKey, hash, timingSafeEqual, type KeyObject } from 'node:crypto';
import { incompleteSignature, invalidSignature, missingAuthenticationToken } from '../resources/errors.ts';
import { isRegion } from '../resources/regions.ts';

/** A request as received. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query, as received. */
  readonly url: string;
  /** Names and values alternately, as received (Node's `rawHeaders`). */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

/** The signer of a request, and the Region. */
export interface Signer<Known> {
  readonly known: Known;
  readonly region: string;
}

/** What a verifier needs. */
export interface VerifierOptions<Known extends { readonly secretAccessKey: string }> {
  /**
   * Finds the owner of a key.
   * @param token the session token sent with it
   * @throws {ApiError} UnrecognizedClientException, ExpiredTokenException
   */
  readonly find: (accessKeyId: string, token: string | undefined) => Promise<Known>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Verifies a request's signature.
 * @param service that the request must be signed for: `imagebuilder`, `sts`
 * @throws {ApiError} MissingAuthenticationTokenException, IncompleteSignatureException, UnrecognizedClientException,
 * ExpiredTokenException, InvalidSignatureException
 */
export type Verifier<Known> = (request: SignedRequest, service: string) => Promise<Signer<Known>>;

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** Maximum clock skew of a client, in milliseconds. */
export const SKEW_MS = 5 * 60_000;
/** Longest validity of a presigned URL, in seconds. */
export const LONGEST_PRESIGNED_SECONDS = 7 * 24 * 3600;
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const CACHED_KEYS = 256;
const EMPTY_HASH = hash('sha256', '');

/** The content of a signature, from the header or the query. */
interface Claim {
  readonly accessKeyId: string;
  /** `20260131` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** Header names in lower case, in the order of the signature. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20260131T235959Z` */
  readonly time: string;
  /** Validity of a presigned request, in seconds. */
  readonly expires?: number;
  /** Session token, if any. */
  readonly token: string | undefined;
  /** The hash of the payload that the signature states, if any. */
  readonly payload: string | undefined;
}

type QueryPairs = readonly (readonly [name: string, value: string])[];

/**
 * Makes a verifier. It caches the signing keys of valid signers: deriving a key takes longer than verifying a
 * signature.
 */
export function createVerifier<Known extends { readonly secretAccessKey: string }>({
  find,
  now,
}: VerifierOptions<Known>): Verifier<Known> {
  const keys = new Map<string, { readonly secret: string; readonly key: KeyObject }>();
  return async (request, service) => {
    const at = request.url.indexOf('?');
    const path = at < 0 ? request.url : request.url.slice(0, at);
    const query = parseQuery(at < 0 ? '' : request.url.slice(at + 1));
    const headers = collectHeaders(request.rawHeaders);
    const claim = readClaim(headers, query);

    const known = await find(claim.accessKeyId, claim.token);
    if (claim.service !== service)
      throw invalidSignature(`Credential should be scoped to correct service: '${service}'.`);
    if (!isRegion(claim.region)) throw invalidSignature('Credential should be scoped to a valid Region.');
    if (!claim.time.startsWith(claim.date)) {
      throw invalidSignature(
        `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.date}' ` +
          `!= '${claim.time.slice(0, 8)}'.`,
      );
    }
    checkTime(claim, now());
    checkSignedHeaders(claim, headers);
    const payload = payloadHash(claim, request.body);

    const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
    const cacheKey = `${claim.accessKeyId}/${scope}`;
    const cached = keys.get(cacheKey);
    const key = cached?.secret === known.secretAccessKey ? cached.key : signingKey(known.secretAccessKey, claim);
    const canonicalRequest = [
      request.method,
      canonicalPath(path),
      canonicalQuery(query, claim.expires !== undefined),
      ...claim.signedHeaders.map((name) => `${name}:${headers.get(name)}`),
      '',
      claim.signedHeaders.join(';'),
      payload,
    ].join('\n');
    // Header bytes are shown by Node as latin1; everything else is ASCII at this point.
    const hashed = hash('sha256', Buffer.from(canonicalRequest, 'latin1'));
    const expected = createHmac('sha256', key).update(`${ALGORITHM}\n${claim.time}\n${scope}\n${hashed}`).digest();
    if (!timingSafeEqual(expected, Buffer.from(claim.signature, 'hex'))) {
      throw invalidSignature(
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret ' +
          'Access Key and signing method. Consult the service documentation for details.',
      );
    }
    if (cached?.key !== key) {
      if (keys.size >= CACHED_KEYS) keys.delete(keys.keys().next().value!);
      keys.set(cacheKey, { secret: known.secretAccessKey, key });
    }
    return { known, region: claim.region };
  };
}

/**
 * The service that a request claims to be signed for; `undefined` if it claims none. Not verified: it only selects the
 * service that verifies it.
 */
export function claimedService(url: string, authorization: string | undefined): string | undefined {
  const at = url.indexOf('?');
  const presigned = at < 0 ? undefined : new URLSearchParams(url.slice(at)).get('X-Amz-Credential');
  const credential = /\bCredential=([^,\s]+)/.exec(authorization ?? '')?.[1] ?? presigned;
  const [, , , service, terminator] = credential?.split('/', 6) ?? [];
  return terminator === 'aws4_request' && service !== '' ? service : undefined;
}

function signingKey(secret: string, { date, region, service }: Claim): KeyObject {
  const parts = [date, region, service, 'aws4_request'];
  return createSecretKey(
    parts.reduce<Buffer>((key, part) => createHmac('sha256', key).update(part).digest(), Buffer.from(`AWS4${secret}`)),
  );
}

/** Headers that must not occur twice, because two readers could use different ones. */
const SINGLE = new Set([
  'authorization',
  'host',
  'date',
  'content-length',
  'content-type',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
]);

/** @throws {ApiError} IncompleteSignatureException if such a header occurs twice */
function collectHeaders(raw: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    const value = raw[index + 1]!.trim().replace(/[ \t]+/g, ' ');
    const before = headers.get(name);
    if (before !== undefined && SINGLE.has(name)) {
      throw incompleteSignature(`The request has the header '${name}' more than once.`);
    }
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

function parseQuery(query: string): QueryPairs {
  if (query === '') return [];
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      return at < 0 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw incompleteSignature('The query is not valid percent-encoded UTF-8.');
  }
}

function readClaim(headers: ReadonlyMap<string, string>, query: QueryPairs): Claim {
  const authorization = headers.get('authorization');
  const presigned = query.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature');
  if (authorization !== undefined && presigned) {
    throw incompleteSignature('The request is signed in the Authorization header and in the query. Use one of them.');
  }
  if (authorization !== undefined) return readHeaderClaim(authorization, headers);
  if (presigned) return readQueryClaim(query, headers);
  throw missingAuthenticationToken();
}

function readHeaderClaim(authorization: string, headers: ReadonlyMap<string, string>): Claim {
  const space = authorization.indexOf(' ');
  const algorithm = space < 0 ? authorization : authorization.slice(0, space);
  if (algorithm !== ALGORITHM) throw incompleteSignature(`Unsupported AWS 'algorithm': '${algorithm.slice(0, 32)}'.`);
  const parts = new Map(
    authorization
      .slice(space + 1)
      .split(',')
      .map((part): [string, string] => {
        const at = part.indexOf('=');
        return [part.slice(0, Math.max(at, 0)).trim(), part.slice(at + 1).trim()];
      }),
  );
  const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !parts.get(name));
  const time = headers.get('x-amz-date') ?? dateHeaderTime(headers.get('date'));
  if (missing.length > 0 || time === undefined) {
    const complaints = missing.map((name) => `Authorization header requires '${name}' parameter.`);
    if (time === undefined)
      complaints.push("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
    throw incompleteSignature(complaints.join(' '));
  }
  return {
    ...readScope(parts.get('Credential')!),
    signedHeaders: readSignedHeaders(parts.get('SignedHeaders')!),
    signature: readSignature(parts.get('Signature')!),
    time: readTime(time),
    token: headers.get('x-amz-security-token'),
    payload: headers.get('x-amz-content-sha256'),
  };
}

function readQueryClaim(query: QueryPairs, headers: ReadonlyMap<string, string>): Claim {
  const values = new Map<string, string>();
  for (const [name, value] of query) {
    if (!name.startsWith('X-Amz-')) continue;
    if (values.has(name)) throw incompleteSignature(`The query names ${name} more than once.`);
    values.set(name, value);
  }
  const required = [
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Expires',
    'X-Amz-Signature',
    'X-Amz-SignedHeaders',
  ];
  const missing = required.filter((name) => !values.get(name));
  if (missing.length > 0)
    throw incompleteSignature(
      `AWS query-string parameters must include ${missing.map((name) => `'${name}'`).join(', ')}.`,
    );
  if (values.get('X-Amz-Algorithm') !== ALGORITHM)
    throw incompleteSignature(`Unsupported AWS 'algorithm': '${values.get('X-Amz-Algorithm')!.slice(0, 32)}'.`);
  const expires = values.get('X-Amz-Expires')!;
  if (!/^[0-9]{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > LONGEST_PRESIGNED_SECONDS) {
    throw incompleteSignature(`X-Amz-Expires must be between 1 and ${LONGEST_PRESIGNED_SECONDS} seconds.`);
  }
  return {
    ...readScope(values.get('X-Amz-Credential')!),
    signedHeaders: readSignedHeaders(values.get('X-Amz-SignedHeaders')!),
    signature: readSignature(values.get('X-Amz-Signature')!),
    time: readTime(values.get('X-Amz-Date')!),
    expires: Number(expires),
    token: values.get('X-Amz-Security-Token') ?? headers.get('x-amz-security-token'),
    payload:
      query.find(([name]) => name.toLowerCase() === 'x-amz-content-sha256')?.[1] ?? headers.get('x-amz-content-sha256'),
  };
}

function readScope(credential: string): Pick<Claim, 'accessKeyId' | 'date' | 'region' | 'service'> {
  const parts = credential.split('/');
  const [accessKeyId, date, region, service, terminator] = parts;
  if (
    parts.length !== 5 ||
    terminator !== 'aws4_request' ||
    !accessKeyId ||
    !region ||
    !service ||
    !/^[0-9]{8}$/.test(date ?? '')
  ) {
    throw incompleteSignature(
      'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.',
    );
  }
  return { accessKeyId, date: date!, region, service };
}

function readSignedHeaders(value: string): readonly string[] {
  return value.split(';');
}

function readSignature(value: string): string {
  if (!/^[0-9a-f]{64}$/.test(value)) throw invalidSignature('The request signature is not 64 hexadecimal digits.');
  return value;
}

function readTime(value: string): string {
  if (!/^[0-9]{8}T[0-9]{6}Z$/.test(value) || Number.isNaN(millisOf(value))) {
    throw incompleteSignature("Date must be in ISO-8601 'basic format', such as 20260131T235959Z.");
  }
  return value;
}

function dateHeaderTime(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (/^[0-9]{8}T[0-9]{6}Z$/.test(value)) return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : basicTime(date.getTime());
}

function basicTime(millis: number): string {
  return new Date(millis).toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
}

function millisOf(time: string): number {
  return Date.parse(
    `${time.slice(0, 4)}-${time.slice(4, 6)}-${time.slice(6, 11)}:${time.slice(11, 13)}:${time.slice(13)}`,
  );
}

function checkTime({ time, expires }: Claim, now: number): void {
  const signed = millisOf(time);
  if (signed > now + SKEW_MS) {
    throw invalidSignature(
      `Signature not yet current: ${time} is still later than ${basicTime(now + SKEW_MS)} (${basicTime(now)} + 5 min.)`,
    );
  }
  if (expires !== undefined) {
    if (now > signed + expires * 1000)
      throw invalidSignature(
        `Signature expired: ${basicTime(signed + expires * 1000)} is now earlier than ${basicTime(now)}.`,
      );
    return;
  }
  if (signed < now - SKEW_MS)
    throw invalidSignature(
      `Signature expired: ${time} is now earlier than ${basicTime(now - SKEW_MS)} (${basicTime(now)} - 5 min.)`,
    );
}

function checkSignedHeaders({ signedHeaders, expires }: Claim, headers: ReadonlyMap<string, string>): void {
  const signed = new Set(signedHeaders);
  if (!signed.has('host')) throw invalidSignature("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  // The date must be signed. In a presigned request it is in the query, which is signed as a whole.
  const date = headers.has('x-amz-date') ? 'x-amz-date' : 'date';
  if (expires === undefined && !signed.has(date))
    throw invalidSignature(`'${date}' must be a 'SignedHeader' in the AWS Authorization.`);
  // A session token outside the signature could be added to another user's request.
  if (headers.has('x-amz-security-token') && !signed.has('x-amz-security-token'))
    throw invalidSignature("'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization.");
  for (const name of signedHeaders) {
    if (!headers.has(name)) throw invalidSignature(`The signed header '${name.slice(0, 64)}' is not in the request.`);
  }
}

function payloadHash({ payload }: Claim, body: Uint8Array): string {
  if (payload === UNSIGNED_PAYLOAD) return UNSIGNED_PAYLOAD;
  const actual = body.length === 0 ? EMPTY_HASH : hash('sha256', body);
  if (payload !== undefined && payload !== actual)
    throw invalidSignature("The value of 'x-amz-content-sha256' is not the SHA-256 of the body.");
  return actual;
}

/** The path without empty and dot segments, percent-encoded once more, as for every service except S3. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  return `/${segments.map(encode).join('/')}${segments.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

/** Sorted by name, then by value. Sorting joined pairs would put `a=1` after `a-b=1`. */
function canonicalQuery(query: QueryPairs, presigned: boolean): string {
  return query
    .filter(([name]) => !presigned || name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([nameA, valueA], [nameB, valueB]) => order(nameA, nameB) || order(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
