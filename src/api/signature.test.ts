import { strict as assert } from 'node:assert';
import { createHash, createHmac, randomInt } from 'node:crypto';
import { test } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity, HttpRequest, QueryParameterBag } from '@smithy/types';
import { ApiError, expiredToken, unrecognizedClient } from '../resources/errors.ts';
import { createVerifier, type SignedRequest } from './signature.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

const verifier = createVerifier({
  async find(id, token) {
    if (token === 'over') throw expiredToken();
    if (id !== KEY.accessKeyId) throw unrecognizedClient();
    return { ...KEY, token };
  },
  now: () => NOW,
});
const verify = (wire: SignedRequest) => verifier(wire, 'imagebuilder');

function signer(
  options: { readonly region?: string; readonly service?: string; readonly credentials?: AwsCredentialIdentity } = {},
): SignatureV4 {
  return new SignatureV4({
    service: 'imagebuilder',
    region: 'us-east-1',
    credentials: KEY,
    sha256: Sha256,
    ...options,
  });
}

function request(overrides: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: 'PUT',
    protocol: 'http:',
    hostname: 'localhost',
    path: '/CreateComponent',
    query: {},
    headers: { host: 'localhost:8700' },
    body: '{"name":"x"}',
    ...overrides,
  };
}

/** A sent request as it arrives. */
function onWire(sent: HttpRequest): SignedRequest {
  const query = Object.entries(sent.query ?? {}).flatMap(([name, value]) =>
    [value ?? []].flat().map((item) => `${escape(name)}=${escape(item)}`),
  );
  return {
    method: sent.method,
    url: query.length > 0 ? `${sent.path}?${query.join('&')}` : sent.path,
    rawHeaders: Object.entries(sent.headers).flatMap(([name, value]) => [name, value.trim()]),
    body: Buffer.from((sent.body as string | undefined) ?? ''),
  };
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
}

async function refusal(
  wire: SignedRequest,
  check: (wire: SignedRequest) => Promise<unknown> = verify,
): Promise<string> {
  try {
    await check(wire);
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    return `${error.status} ${error.code}: ${error.message}`;
  }
  assert.fail('was accepted');
}

const at = (offsetSeconds = 0): { signingDate: Date } => ({ signingDate: new Date(NOW + offsetSeconds * 1000) });
const sign = async (overrides: Partial<HttpRequest> = {}, offsetSeconds = 0): Promise<SignedRequest> =>
  onWire(await signer().sign(request(overrides), at(offsetSeconds)));
const replaceHeader = (wire: SignedRequest, name: string, change: (value: string) => string): SignedRequest => ({
  ...wire,
  rawHeaders: wire.rawHeaders.map((value, index) =>
    index % 2 === 1 && wire.rawHeaders[index - 1]!.toLowerCase() === name ? change(value) : value,
  ),
});

test('a signed request identifies the key and the Region', async () => {
  const wire = onWire(await signer({ region: 'ap-southeast-2' }).sign(request(), at()));
  assert.deepEqual(await verify(wire), { known: { ...KEY, token: undefined }, region: 'ap-southeast-2' });
});

test('a session token is part of the identity, in a header or in the query', async () => {
  const session = signer({ credentials: { ...KEY, sessionToken: 'abc' } });
  const wire = onWire(await session.sign(request(), at()));
  assert.equal((await verify(wire)).known.token, 'abc');
  assert.equal((await verify(onWire(await session.presign(request(), { ...at(), expiresIn: 60 })))).known.token, 'abc');
  assert.match(
    await refusal(replaceHeader(wire, 'x-amz-security-token', () => 'abd')),
    /^403 InvalidSignatureException: /,
  );
  const unsigned = await sign();
  assert.match(
    await refusal({ ...unsigned, rawHeaders: [...unsigned.rawHeaders, 'X-Amz-Security-Token', 'abc'] }),
    /^403 InvalidSignatureException: 'X-Amz-Security-Token' must be/,
  );
  assert.match(
    await refusal(onWire(await signer({ credentials: { ...KEY, sessionToken: 'over' } }).sign(request(), at()))),
    /^403 ExpiredTokenException: /,
  );
});

test('a Region may have a custom name', async () => {
  for (const region of ['local-dev-1', 'lab', 'us-gov-west-1', 'dc2-rack10'])
    assert.equal((await verify(onWire(await signer({ region }).sign(request(), at())))).region, region);
});

test('a signature is valid for one service', async () => {
  const wire = onWire(await signer({ service: 'sts' }).sign(request(), at()));
  await verifier(wire, 'sts');
  assert.match(await refusal(wire), /^403 InvalidSignatureException: .*correct service: 'imagebuilder'/);
});

test('each part that a signature covers', async () => {
  const wire = await sign({ query: { a: '1' }, headers: { host: 'localhost', 'content-type': 'application/json' } });
  await verify(wire);
  const forged: readonly SignedRequest[] = [
    { ...wire, method: 'POST' },
    { ...wire, url: wire.url.replace('Create', 'Delete') },
    { ...wire, url: `${wire.url}&b=2` },
    { ...wire, body: Buffer.from('{"name":"y"}') },
    replaceHeader(wire, 'host', () => 'elsewhere'),
    replaceHeader(wire, 'content-type', () => 'text/plain'),
    replaceHeader(wire, 'authorization', (value) => value.replace('us-east-1', 'us-east-2')),
    replaceHeader(wire, 'authorization', (value) =>
      value.replace(/Signature=./, (start) => (start.endsWith('0') ? 'Signature=1' : 'Signature=0')),
    ),
    replaceHeader(wire, 'x-amz-date', () => '20261120T120001Z'),
  ];
  for (const forgery of forged) assert.match(await refusal(forgery), /^403 InvalidSignatureException: /);
});

test('rejections have the codes that clients know', async () => {
  const wire = await sign();
  const authorization = (change: (value: string) => string): SignedRequest =>
    replaceHeader(wire, 'authorization', change);
  const without = (name: string): SignedRequest => ({
    ...wire,
    rawHeaders: wire.rawHeaders.filter((_, index) => wire.rawHeaders[index - (index % 2)]!.toLowerCase() !== name),
  });
  const cases: readonly [SignedRequest, RegExp][] = [
    [without('authorization'), /^403 MissingAuthenticationTokenException: /],
    [authorization(() => 'Bearer x'), /^400 IncompleteSignatureException: Unsupported AWS 'algorithm': 'Bearer'/],
    [
      authorization(() => 'AWS4-HMAC-SHA256 Credential=a'),
      /^400 IncompleteSignatureException: .*'Signature' parameter.*'SignedHeaders' parameter/,
    ],
    [
      authorization((value) => value.replace('/aws4_request', '')),
      /^400 IncompleteSignatureException: Credential must have exactly 5/,
    ],
    [authorization((value) => value.replace('AKIDEXAMPLE', 'AKIDOTHER')), /^403 UnrecognizedClientException: /],
    [
      authorization((value) => value.replace('imagebuilder', 'ec2')),
      /^403 InvalidSignatureException: .*correct service: 'imagebuilder'/,
    ],
    [authorization((value) => value.replace('us-east-1', '..')), /^403 InvalidSignatureException: .*valid Region/],
    [
      authorization((value) => value.replace(/[0-9]{8}\/us/, '20261119/us')),
      /^403 InvalidSignatureException: Date in Credential scope/,
    ],
    [authorization((value) => value.replace('host;', '')), /^403 InvalidSignatureException: 'Host' must be/],
    [
      authorization((value) => value.replace('x-amz-date', 'x-amz-other')),
      /^403 InvalidSignatureException: 'x-amz-date' must be/,
    ],
    [authorization((value) => value.replace(/Signature=.*/, 'Signature=zz')), /^403 InvalidSignatureException: /],
    [without('x-amz-date'), /^400 IncompleteSignatureException: .*'X-Amz-Date'/],
    [replaceHeader(wire, 'x-amz-date', () => 'yesterday'), /^400 IncompleteSignatureException: Date must be/],
    [{ ...wire, url: `${wire.url}?a=%ff` }, /^400 IncompleteSignatureException: The query/],
  ];
  for (const [forgery, expected] of cases) assert.match(await refusal(forgery), expected);
});

test('a header that the signature relies on must occur once; so must the signature', async () => {
  const wire = await sign();
  const valueOf = (name: string): string =>
    wire.rawHeaders[wire.rawHeaders.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name) + 1] ??
    'x';
  for (const name of [
    'authorization',
    'Authorization',
    'host',
    'x-amz-date',
    'X-Amz-Date',
    'x-amz-content-sha256',
    'date',
    'content-type',
  ]) {
    for (const value of [valueOf(name.toLowerCase()), 'other', '']) {
      // Twice: before and after the original.
      const twice = wire.rawHeaders.some((each) => each.toLowerCase() === name.toLowerCase())
        ? [name, value]
        : [name, value, name, value];
      for (const rawHeaders of [
        [...wire.rawHeaders, ...twice],
        [...twice, ...wire.rawHeaders],
      ]) {
        assert.match(
          await refusal({ ...wire, rawHeaders }),
          new RegExp(
            `^400 IncompleteSignatureException: The request has the header '${name.toLowerCase()}' more than once`,
          ),
          name,
        );
      }
    }
  }
  const session = await (async () =>
    onWire(await signer({ credentials: { ...KEY, sessionToken: 'token' } }).sign(request(), at(0))))();
  assert.match(
    await refusal({ ...session, rawHeaders: [...session.rawHeaders, 'X-Amz-Security-Token', 'another'] }),
    /x-amz-security-token' more than once/,
  );
  const presigned = onWire(
    await signer().presign(request({ method: 'GET', path: '/GetImage', body: undefined }), { ...at(0), expiresIn: 60 }),
  );
  assert.match(
    await refusal({ ...presigned, rawHeaders: [...presigned.rawHeaders, 'authorization', valueOf('authorization')] }),
    /signed in the Authorization header and in the query/,
  );
});

test('five minutes of clock skew either way', async () => {
  await verify(await sign({}, 300));
  await verify(await sign({}, -300));
  assert.match(
    await refusal(await sign({}, 301)),
    /^403 InvalidSignatureException: Signature not yet current: 20261120T120501Z is still later than 20261120T120500Z \(20261120T120000Z \+ 5 min\.\)/,
  );
  assert.match(
    await refusal(await sign({}, -301)),
    /^403 InvalidSignatureException: Signature expired: 20261120T115459Z is now earlier than 20261120T115500Z/,
  );
});

test('presigned requests are valid for their duration', async () => {
  const presign = async (offset: number, expiresIn: number): Promise<SignedRequest> =>
    onWire(
      await signer().presign(
        request({ method: 'GET', path: '/GetImage', query: { imageBuildVersionArn: 'arn:aws/x' }, body: undefined }),
        { ...at(offset), expiresIn },
      ),
    );
  assert.equal((await verify(await presign(0, 60))).region, 'us-east-1');
  await verify(await presign(-3600, 3600));
  assert.match(await refusal(await presign(-3601, 3600)), /^403 InvalidSignatureException: Signature expired/);
  assert.match(await refusal(await presign(301, 60)), /not yet current/);
  const wire = await presign(0, 60);
  assert.match(
    await refusal({ ...wire, url: wire.url.replace('X-Amz-Expires=60', 'X-Amz-Expires=61') }),
    /InvalidSignatureException/,
  );
  assert.match(
    await refusal({ ...wire, url: wire.url.replace('X-Amz-Expires=60', 'X-Amz-Expires=604801') }),
    /IncompleteSignatureException/,
  );
  assert.match(await refusal({ ...wire, url: `${wire.url}&X-Amz-Expires=60` }), /more than once/);
});

test('a payload may be unsigned only if the signature says so', async () => {
  const wire = await sign({ headers: { host: 'localhost', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } });
  await verify({ ...wire, body: Buffer.from('anything') });
  const signedPayload = await sign();
  assert.match(
    await refusal(replaceHeader(signedPayload, 'x-amz-content-sha256', () => 'UNSIGNED-PAYLOAD')),
    /InvalidSignatureException/,
  );
});

test('a Date header may replace X-Amz-Date', async () => {
  const [date, body] = ['Fri, 20 Nov 2026 12:00:00 GMT', '{}'];
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const canonicalRequest = `POST\n/ListImages\n\ndate:${date}\nhost:localhost\n\ndate;host\n${hash(body)}`;
  const key = ['20261120', 'us-east-1', 'imagebuilder', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${KEY.secretAccessKey}`,
  );
  const scope = '20261120/us-east-1/imagebuilder/aws4_request';
  const signature = hmac(key, `AWS4-HMAC-SHA256\n20261120T120000Z\n${scope}\n${hash(canonicalRequest)}`).toString(
    'hex',
  );
  await verify({
    method: 'POST',
    url: '/ListImages',
    body: Buffer.from(body),
    rawHeaders: [
      'Host',
      'localhost',
      'Date',
      date,
      'Authorization',
      `AWS4-HMAC-SHA256 Credential=${KEY.accessKeyId}/${scope},SignedHeaders=date;host,Signature=${signature}`,
    ],
  });
});

test('a changed secret takes effect at once, despite the cache', async () => {
  let secret = KEY.secretAccessKey;
  const changing = createVerifier({ find: async () => ({ ...KEY, secretAccessKey: secret }), now: () => NOW });
  const check = (wire: SignedRequest) => changing(wire, 'imagebuilder');
  const wire = await sign();
  await check(wire);
  secret = 'another';
  assert.match(await refusal(wire, check), /InvalidSignatureException/);
});

/** A small random number generator with a seed, so that a failure can be reproduced. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test('agrees with the SDK on 3,000 requests of all shapes', async (t) => {
  const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
  t.diagnostic(`FUZZ_SEED=${seed}`);
  const next = generator(seed);
  const pick = <T>(items: readonly T[]): T => items[next(items.length)]!;
  const alphabet = [...'abzAZ019-_.~ !\'()*&=+%/:;,@$?#[]"<>\\^`{|}', 'é', '语', '😀', '\t'];
  const text = (most: number): string => Array.from({ length: next(most + 1) }, () => pick(alphabet)).join('');
  const word = (): string => Array.from({ length: 1 + next(8) }, () => pick([...'abcdefgh0123-'])).join('');
  for (let count = 0; count < 3000; count++) {
    const query: QueryParameterBag = {};
    for (let index = next(5); index > 0; index--)
      query[pick([text(6) || 'k', word(), 'a', 'a-b', 'a1'])] =
        next(3) === 0 ? Array.from({ length: 1 + next(3) }, () => text(6)) : text(10);
    const headers: Record<string, string> = { [pick(['host', 'Host'])]: `localhost:${next(65536)}` };
    for (let index = next(4); index > 0; index--)
      headers[pick([`x-${word()}`, `X-Amz-${word()}`, 'content-type', 'user-agent', 'accept'])] =
        `${word()}${pick([' ', '  ', '\t', ', '])}${word()}`;
    if (next(8) === 0) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
    const part = (): string =>
      pick([encodeURIComponent(text(8)) || 'p', word(), '.', '..', '', "a'(b)*!", 'arn:aws:x']);
    const path = `/${Array.from({ length: next(4) }, part).join('/')}${pick(['', '/'])}`;
    const body = next(3) === 0 ? undefined : text(40);
    const toSign = request({ method: pick(['GET', 'PUT', 'POST', 'DELETE']), path, query, headers, body });
    const region = pick(['us-east-1', 'eu-central-1', 'us-gov-west-1', 'ap-southeast-4']);
    const signing = signer({
      region,
      ...(next(4) === 0
        ? {
            credentials: {
              ...KEY,
              sessionToken:
                text(30)
                  .replace(/[^\x20-\x7e]/g, '')
                  .trim() || 't',
            },
          }
        : {}),
    });
    const sent =
      next(3) === 0
        ? await signing.presign(toSign, { ...at(-next(30)), expiresIn: 60 })
        : await signing.sign(toSign, at(next(600) - 300));
    const wire = onWire(sent);
    const where = `FUZZ_SEED=${seed}, request ${count}: ${JSON.stringify({ ...wire, body: body ?? null })}`;
    try {
      assert.equal((await verify(wire)).region, region, where);
    } catch (error) {
      assert.fail(`${where}: ${String(error)}`);
    }
    // With one bit changed, it must be rejected.
    if ((body ?? '') !== '' && headers['x-amz-content-sha256'] === undefined)
      assert.match(await refusal({ ...wire, body: Buffer.from(`${body}x`) }), /InvalidSignature/, where);
  }
});
