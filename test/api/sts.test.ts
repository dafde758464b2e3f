/** STS on the API's endpoint: sessions of roles, by another principal and by a token of an identity provider. */
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Sha256 } from '@aws-crypto/sha256-js';
import { CreateComponentCommand, ListComponentsCommand, ListImagesCommand } from '@aws-sdk/client-imagebuilder';
import { SignatureV4 } from '@smithy/signature-v4';
import type { AwsCredentialIdentity } from '@smithy/types';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, documentOf, REGION, startApi, type TestApi } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-jwks-'));
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwks = (...keys: readonly (readonly [kid: string, key: KeyObject])[]) => ({
  keys: keys.map(([kid, key]) => ({ ...key.export({ format: 'jwk' }), kid, use: 'sig' })),
});
/** What the issuer by address answers; a test changes it. */
let served = jwks();
let issuerServer: Server;
let issuerUrl: string;
const FILE_ISSUER = 'https://ci.example/oidc';
let api: TestApi;

before(async () => {
  writeFileSync(join(folder, 'jwks.json'), JSON.stringify(jwks(['r', rsa.publicKey], ['e', ec.publicKey])));
  issuerServer = createServer((request, response) => {
    response.end(
      JSON.stringify(
        request.url === '/.well-known/openid-configuration'
          ? { issuer: issuerUrl, jwks_uri: `${issuerUrl}/keys` }
          : served,
      ),
    );
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => issuerServer.once('listening', resolve));
  issuerUrl = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`;
  api = await startApi({
    access: {
      longLivedKeys: true,
      proxies: [],
      oidcIssuers: [
        { issuer: FILE_ISSUER, audiences: ['sts.amazonaws.com'], jwks: join(folder, 'jwks.json') },
        { issuer: issuerUrl, audiences: ['ingot'] },
        { issuer: 'http://127.0.0.1:9/none', audiences: ['x'] },
      ],
    },
  });
});
after(async () => {
  await api.close();
  issuerServer.closeAllConnections();
  issuerServer.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
  element(name: string): string;
}

/** Asks STS, as the AWS CLI does. */
async function sts(
  parameters: Record<string, string>,
  credentials?: AwsCredentialIdentity,
  service = 'sts',
): Promise<Answer> {
  const { host, port } = api.connectionOf('same');
  const body = new URLSearchParams({ Version: '2011-06-15', ...parameters }).toString();
  const request = {
    method: 'POST',
    protocol: 'http:',
    hostname: host,
    path: '/',
    query: {},
    headers: { host: `${host}:${port}`, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body,
  };
  const headers =
    credentials === undefined
      ? request.headers
      : (await new SignatureV4({ service, region: REGION, credentials, sha256: Sha256 }).sign(request)).headers;
  const answer = await fetch(`http://${host}:${port}/`, { method: 'POST', headers, body });
  const text = await answer.text();
  assert.equal(answer.headers.get('content-type'), 'text/xml');
  return {
    status: answer.status,
    text,
    element: (name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1] ?? `no ${name} in ${text}`,
  };
}
const root = (): AwsCredentialIdentity => api.connectionOf('same').credentials;
const credentialsOf = (answer: Answer): AwsCredentialIdentity => {
  assert.equal(answer.status, 200, answer.text);
  return {
    accessKeyId: answer.element('AccessKeyId'),
    secretAccessKey: answer.element('SecretAccessKey'),
    sessionToken: answer.element('SessionToken'),
  };
};
const own = (method: string, path: string, body?: object) =>
  signedJson<Record<string, string>>(api.connectionOf('same'), {
    method,
    path: `/ingot/principals/${path}`,
    ...(body === undefined ? {} : { body }),
  });
const policy = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements });
let serial = 0;
async function role(
  trust: object,
  statements: readonly object[] = [{ Effect: 'Allow', Action: 'imagebuilder:*', Resource: '*' }],
  more: object = {},
): Promise<string> {
  const arn = `arn:aws:iam::${ACCOUNT}:role/r${++serial}`;
  await own('POST', encodeURIComponent(arn), {
    trustPolicy: policy({ Effect: 'Allow', Action: ['sts:AssumeRole', 'sts:TagSession'], ...trust }),
    ...more,
  });
  await own('POST', `${encodeURIComponent(arn)}/policies/p`, { document: policy(...statements) });
  return arn;
}
async function user(statements: readonly object[] = []): Promise<{ arn: string; key: AwsCredentialIdentity }> {
  const arn = `arn:aws:iam::${ACCOUNT}:user/u${++serial}`;
  await own('POST', encodeURIComponent(arn), {});
  if (statements.length > 0)
    await own('POST', `${encodeURIComponent(arn)}/policies/p`, { document: policy(...statements) });
  return { arn, key: (await own('POST', `${encodeURIComponent(arn)}/keys`)) as unknown as AwsCredentialIdentity };
}
const assume = (RoleArn: string, credentials: AwsCredentialIdentity, more: Record<string, string> = {}) =>
  sts({ Action: 'AssumeRole', RoleArn, RoleSessionName: 'session', ...more }, credentials);
const trustAccount = { Principal: { AWS: ACCOUNT } };
const mayAssume = { Effect: 'Allow', Action: 'sts:AssumeRole', Resource: '*' };
const components = (credentials: AwsCredentialIdentity) =>
  api.clientWith(credentials).send(new ListComponentsCommand({}));

describe('GetCallerIdentity', () => {
  test('tells root, user and session', async () => {
    const answer = await sts({ Action: 'GetCallerIdentity' }, root());
    assert.deepEqual(['Account', 'Arn', 'UserId'].map(answer.element), [
      ACCOUNT,
      `arn:aws:iam::${ACCOUNT}:root`,
      ACCOUNT,
    ]);
    assert.match(
      answer.text,
      /^<GetCallerIdentityResponse xmlns="https:\/\/sts.amazonaws.com\/doc\/2011-06-15\/"><GetCallerIdentityResult>/,
    );
    const { arn, key } = await user();
    assert.equal((await sts({ Action: 'GetCallerIdentity' }, key)).element('Arn'), arn);
    const session = credentialsOf(await assume(await role({ Principal: { AWS: arn } }), key));
    assert.match(
      (await sts({ Action: 'GetCallerIdentity' }, session)).element('Arn'),
      new RegExp(`^arn:aws:sts::${ACCOUNT}:assumed-role/r\\d+/session$`),
    );
  });

  test('errors are those of STS', async () => {
    const cases: readonly (readonly [answer: Answer, status: number, code: string])[] = [
      [await sts({ Action: 'GetCallerIdentity' }), 403, 'MissingAuthenticationToken'],
      [
        await sts({ Action: 'GetCallerIdentity' }, { accessKeyId: 'INGTNOBODY', secretAccessKey: 'x' }),
        403,
        'InvalidClientTokenId',
      ],
      [
        await sts({ Action: 'GetCallerIdentity' }, { ...root(), secretAccessKey: 'wrong' }),
        403,
        'SignatureDoesNotMatch',
      ],
      [await sts({ Action: 'GetCallerIdentity' }, root(), 'imagebuilder'), 403, 'SignatureDoesNotMatch'],
      [await sts({ Action: 'GetCallerIdentity' }, { ...root(), sessionToken: 'forged' }), 403, 'InvalidClientTokenId'],
      [await sts({ Action: 'GetFederationToken' }, root()), 400, 'InvalidAction'],
      [await sts({}, root()), 400, 'InvalidAction'],
    ];
    for (const [answer, status, code] of cases)
      assert.deepEqual([answer.status, answer.element('Code')], [status, code], answer.text);
  });
});

describe('AssumeRole', () => {
  test("needs the trust of the role, and the caller's permission unless the role names the caller", async () => {
    const { arn, key } = await user();
    const allowed = await user([mayAssume]);
    const denied = await assume(await role(trustAccount), key);
    assert.deepEqual([denied.status, denied.element('Code')], [403, 'AccessDenied']);
    assert.match(
      denied.element('Message'),
      new RegExp(
        `^User: ${arn} is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::${ACCOUNT}:role/r\\d+$`,
      ),
    );
    credentialsOf(await assume(await role(trustAccount), allowed.key));
    credentialsOf(await assume(await role({ Principal: { AWS: arn } }), key));
    assert.equal((await assume(await role({ Principal: { AWS: arn } }), allowed.key)).element('Code'), 'AccessDenied');
    assert.equal(
      (await assume(await role({ Principal: { AWS: '111111111111' } }), root())).element('Code'),
      'AccessDenied',
    );
    assert.equal((await assume(`arn:aws:iam::${ACCOUNT}:role/none`, root())).element('Code'), 'AccessDenied');
  });

  test('gives what the role may, narrowed by a session policy, until it ends or the role does', async () => {
    const arn = await role(trustAccount);
    const session = credentialsOf(await assume(arn, root()));
    await components(session);
    const narrowed = credentialsOf(
      await assume(arn, root(), {
        Policy: policy({ Effect: 'Allow', Action: 'imagebuilder:ListImages', Resource: '*' }),
      }),
    );
    await api.clientWith(narrowed).send(new ListImagesCommand({}));
    await assert.rejects(components(narrowed), {
      name: 'AccessDeniedException',
      message: /no session policy allows the imagebuilder:ListComponents action/,
    });
    await assert.rejects(components({ ...session, sessionToken: `${session.sessionToken}A` }), {
      name: 'UnrecognizedClientException',
    });
    await assert.rejects(components({ accessKeyId: session.accessKeyId, secretAccessKey: session.secretAccessKey }), {
      name: 'UnrecognizedClientException',
    });
    await assert.rejects(components({ ...session, secretAccessKey: 'wrong' }), { name: 'InvalidSignatureException' });
    // The same name is not the same role.
    const trust = { trustPolicy: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', ...trustAccount }) };
    await own('DELETE', encodeURIComponent(arn));
    await own('POST', encodeURIComponent(arn), trust);
    await assert.rejects(components(session), { name: 'UnrecognizedClientException' });
  });

  test('conditions of the trust, tags of the session, and durations', async () => {
    const external = await role({
      ...trustAccount,
      Condition: { StringEquals: { 'sts:ExternalId': 'secret handshake' } },
    });
    assert.equal((await assume(external, root())).element('Code'), 'AccessDenied');
    credentialsOf(await assume(external, root(), { ExternalId: 'secret handshake' }));

    const tagged = await role(trustAccount, [
      {
        Effect: 'Allow',
        Action: ['imagebuilder:CreateComponent', 'imagebuilder:TagResource'],
        Resource: '*',
        Condition: { StringEquals: { 'aws:RequestTag/team': '${aws:PrincipalTag/team}' } },
      },
    ]);
    const session = api.clientWith(
      credentialsOf(await assume(tagged, root(), { 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': 'web' })),
    );
    const create = (team: string) =>
      session.send(
        new CreateComponentCommand({
          name: `sts-${team}`,
          semanticVersion: '1.0.0',
          platform: 'Linux',
          data: documentOf('true'),
          tags: { team },
        }),
      );
    await create('web');
    await assert.rejects(create('db'), { name: 'AccessDeniedException' });

    const cases: readonly (readonly [more: Record<string, string>, code: string, message: RegExp])[] = [
      [{ DurationSeconds: '899' }, 'ValidationError', /from 900 to 43200/],
      [{ DurationSeconds: '3601' }, 'ValidationError', /exceeds the MaxSessionDuration/],
      [{ RoleSessionName: 'a b' }, 'ValidationError', /roleSessionName/],
      [{ Policy: '{}' }, 'MalformedPolicyDocument', /Statement: is required/],
      [
        { 'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
        'ValidationError',
        /PolicyArns is not supported/,
      ],
      [{ 'Tags.member.1.Key': 'team' }, 'ValidationError', /the parameter Tags\.1\.Value$/],
    ];
    for (const [more, code, message] of cases) {
      const answer = await assume(external, root(), { ExternalId: 'secret handshake', ...more });
      assert.deepEqual([answer.status, answer.element('Code')], [400, code], answer.text);
      assert.match(answer.element('Message'), message);
    }
    const long = await role(trustAccount, undefined, { maxSessionSeconds: 7200 });
    const chained = await assume(long, credentialsOf(await assume(await role(trustAccount, [mayAssume]), root())), {
      DurationSeconds: '7200',
    });
    assert.match(chained.element('Message'), /role chaining/);
    assert.ok(
      Date.parse((await assume(long, root(), { DurationSeconds: '7200' })).element('Expiration')) >
        Date.now() + 7_000_000,
    );
  });
});

describe('chains of sessions', () => {
  const open = { ...trustAccount, Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'] };
  const everything = [
    { Effect: 'Allow', Action: 'sts:*', Resource: '*' },
    { Effect: 'Allow', Action: 'imagebuilder:*', Resource: '*' },
  ];

  test('a source identity that is set stays', async () => {
    const [first, second] = [await role(open, everything), await role(open, everything)];
    const alice = credentialsOf(await assume(first, root(), { SourceIdentity: 'alice' }));
    for (const SourceIdentity of ['bob', 'Alice', '']) {
      const answer = await assume(second, alice, { SourceIdentity });
      assert.match(answer.element('Code'), SourceIdentity === '' ? /ValidationError/ : /AccessDenied/, answer.text);
    }
    for (const more of [{}, { SourceIdentity: 'alice' }] as readonly Record<string, string>[]) {
      const chained = await assume(second, alice, more);
      assert.equal(chained.element('SourceIdentity'), 'alice');
      // Nor does the next session lose it.
      assert.equal((await assume(first, credentialsOf(chained))).element('SourceIdentity'), 'alice');
      assert.equal(
        (await assume(first, credentialsOf(chained), { SourceIdentity: 'bob' })).element('Code'),
        'AccessDenied',
      );
    }
    // A role whose trust does not let it be set takes no session that has one.
    const closed = await role({ ...trustAccount, Action: 'sts:AssumeRole' });
    assert.equal((await assume(closed, alice)).element('Code'), 'AccessDenied');
    credentialsOf(await assume(closed, root()));
  });

  test('tags that differ only in case are one, and transitive ones stay', async () => {
    const only = {
      Effect: 'Allow',
      Action: 'imagebuilder:ListComponents',
      Resource: '*',
      Condition: { StringEquals: { 'aws:PrincipalTag/team': 'web' } },
    };
    const [arn, next] = [
      await role(open, [everything[0]!, only], { tags: [{ key: 'team', value: 'web' }] }),
      await role(open, [everything[0]!, only]),
    ];
    const tagged = (...tags: readonly (readonly [string, string])[]) =>
      Object.fromEntries(
        tags.flatMap(([key, value], index) => [
          [`Tags.member.${index + 1}.Key`, key],
          [`Tags.member.${index + 1}.Value`, value],
        ]),
      );
    for (const tags of [tagged(['team', 'web'], ['Team', 'db']), tagged(['team', 'web'], ['team', 'db'])]) {
      assert.match((await assume(arn, root(), tags)).text, /ValidationError.*Tag keys are case insensitive/s);
    }
    // The session's tag takes the place of the role's, however it is spelled.
    await components(credentialsOf(await assume(arn, root())));
    await assert.rejects(components(credentialsOf(await assume(arn, root(), tagged(['TEAM', 'db'])))), {
      name: 'AccessDeniedException',
    });

    const web = credentialsOf(
      await assume(next, root(), {
        ...tagged(['Team', 'web'], ['stage', 'test']),
        'TransitiveTagKeys.member.1': 'Team',
      }),
    );
    await components(credentialsOf(await assume(next, web)));
    for (const key of ['Team', 'team'])
      assert.match((await assume(next, web, tagged([key, 'db']))).text, /is transitive in the calling session/);
    credentialsOf(await assume(next, web, tagged(['stage', 'live'])));
    const db = credentialsOf(
      await assume(next, root(), { ...tagged(['team', 'db']), 'TransitiveTagKeys.member.1': 'team' }),
    );
    await assert.rejects(components(credentialsOf(await assume(next, db))), { name: 'AccessDeniedException' });
    // A tag that is not handed on is not the next session's.
    await assert.rejects(
      components(credentialsOf(await assume(next, credentialsOf(await assume(next, root(), tagged(['team', 'web'])))))),
      { name: 'AccessDeniedException' },
    );
    assert.match(
      (await assume(next, root(), { 'TransitiveTagKeys.member.1': 'none' })).text,
      /which is not one of the Tags/,
    );
  });
});

describe('AssumeRoleWithWebIdentity', () => {
  const now = Math.floor(Date.now() / 1000);
  function token(
    claims: object,
    {
      alg = 'RS256',
      kid = 'r',
      key = rsa.privateKey,
      header = {},
    }: { alg?: string; kid?: string; key?: KeyObject; header?: object } = {},
  ): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const sub = 'repo:acme/images:ref:refs/heads/main';
    const payload = { iss: FILE_ISSUER, aud: 'sts.amazonaws.com', sub, exp: now + 600, ...claims };
    const text = `${part({ alg, kid, typ: 'JWT', ...header })}.${part(payload)}`;
    const signature =
      alg === 'none'
        ? Buffer.alloc(0)
        : alg === 'ES256'
          ? signBytes('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
          : createSign('sha256').update(text).sign(key);
    return `${text}.${signature.toString('base64url')}`;
  }
  const trust = (provider: string, condition: object) => ({
    Action: 'sts:AssumeRoleWithWebIdentity',
    Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/${provider}` },
    Condition: condition,
  });
  const main = {
    StringEquals: { 'ci.example/oidc:aud': 'sts.amazonaws.com' },
    StringLike: { 'ci.example/oidc:sub': 'repo:acme/images:*' },
  };
  const ask = (RoleArn: string, WebIdentityToken: string) =>
    sts({ Action: 'AssumeRoleWithWebIdentity', RoleArn, RoleSessionName: 'ci', WebIdentityToken });

  test('a token of an issuer that the role trusts is enough, signed with RS256 or ES256', async () => {
    const arn = await role(trust('ci.example/oidc', main));
    for (const each of [
      token({}),
      token({ aud: ['other', 'sts.amazonaws.com'] }, { alg: 'ES256', kid: 'e', key: ec.privateKey }),
    ]) {
      const answer = await ask(arn, each);
      await components(credentialsOf(answer));
      assert.equal(answer.element('SubjectFromWebIdentityToken'), 'repo:acme/images:ref:refs/heads/main');
      assert.equal(answer.element('Audience'), 'sts.amazonaws.com');
    }
  });

  test('every other is refused with the reason', async () => {
    const arn = await role(trust('ci.example/oidc', main));
    const other = await role(trust('other.example', main));
    const cases: readonly (readonly [answer: Answer, status: number, code: string, message: RegExp])[] = [
      [await ask(arn, 'nonsense'), 400, 'InvalidIdentityToken', /not a signed JSON Web Token/],
      [
        await ask(arn, token({ iss: 'https://evil.example' })),
        400,
        'InvalidIdentityToken',
        /No OpenID Connect provider/,
      ],
      [await ask(arn, token({}, { alg: 'none' })), 400, 'InvalidIdentityToken', /RS256 or ES256/],
      [await ask(arn, token({}, { alg: 'HS256' })), 400, 'InvalidIdentityToken', /RS256 or ES256/],
      [
        await ask(arn, token({}, { key: stranger.privateKey })),
        400,
        'InvalidIdentityToken',
        /signature does not match/,
      ],
      [await ask(arn, token({}, { kid: 'e' })), 400, 'InvalidIdentityToken', /signature does not match/],
      [await ask(arn, token({}, { kid: 'unknown' })), 400, 'InvalidIdentityToken', /signature does not match/],
      [
        await ask(
          arn,
          token({}).replace(/\.[^.]+\./, (part) => `${part.slice(0, -2)}A.`),
        ),
        400,
        'InvalidIdentityToken',
        /./,
      ],
      [await ask(arn, token({ exp: now - 120 })), 400, 'ExpiredTokenException', /Token expired/],
      [await ask(arn, token({ exp: undefined })), 400, 'InvalidIdentityToken', /exp/],
      [await ask(arn, token({ nbf: now + 600 })), 400, 'InvalidIdentityToken', /nbf/],
      [await ask(arn, token({ aud: 'ingot' })), 400, 'InvalidIdentityToken', /audience/],
      [
        await ask(arn, token({ sub: 'repo:evil/images:ref:refs/heads/main' })),
        403,
        'AccessDenied',
        /Not authorized to perform sts:AssumeRoleWithWebIdentity/,
      ],
      // Claims tell case apart.
      [
        await ask(arn, token({ sub: 'repo:evil/images:x', SUB: 'repo:acme/images:x', Sub: 'repo:acme/images:x' })),
        403,
        'AccessDenied',
        /./,
      ],
      [await ask(arn, token({ sub: undefined, SUB: 'repo:acme/images:x' })), 400, 'InvalidIdentityToken', /sub/],
      // What is critical and not understood is refused.
      [
        await ask(arn, token({}, { header: { crit: ['policy'], policy: 'none' } })),
        400,
        'InvalidIdentityToken',
        /not one that this server understands/,
      ],
      [
        await ask(arn, token({}, { header: { crit: ['exp'], exp: 1 } })),
        400,
        'InvalidIdentityToken',
        /not one that this server understands/,
      ],
      [
        await ask(arn, token({}, { header: { crit: [] } })),
        400,
        'InvalidIdentityToken',
        /not one that this server understands/,
      ],
      [await ask(arn, token({}, { header: { b64: false, crit: ['b64'] } })), 400, 'InvalidIdentityToken', /./],
      [await ask(arn, token({ more: 'x'.repeat(20_000) })), 400, 'InvalidIdentityToken', /at most 20000/],
      [await ask(other, token({})), 403, 'AccessDenied', /./],
      [await ask(await role(trustAccount), token({})), 403, 'AccessDenied', /./],
      [await ask(`arn:aws:iam::${ACCOUNT}:role/none`, token({})), 403, 'AccessDenied', /./],
      [
        await ask(arn, token({ iss: 'http://127.0.0.1:9/none', aud: 'x' })),
        400,
        'IDPCommunicationError',
        /could not be loaded/,
      ],
    ];
    for (const [answer, status, code, message] of cases) {
      assert.deepEqual([answer.status, answer.element('Code')], [status, code], answer.text);
      assert.match(answer.element('Message'), message);
    }
  });

  test('a claim is what the policy spells, else the one in lower case; never one with capitals for one without', async () => {
    const on = (key: string) => role(trust('ci.example/oidc', { StringEquals: { [`CI.example/oidc:${key}`]: 'yes' } }));
    const cases: readonly (readonly [key: string, claims: object, taken: boolean])[] = [
      ['environment', { environment: 'yes' }, true],
      ['environment', { environment: 'yes', ENVIRONMENT: 'no' }, true],
      ['environment', { environment: 'no', ENVIRONMENT: 'yes' }, false],
      ['environment', { Environment: 'yes' }, false],
      ['Environment', { environment: 'yes' }, true],
      ['orgName', { orgName: 'yes' }, true],
      ['orgName', { orgname: 'no', orgName: 'yes' }, true],
      ['orgName', { ORGNAME: 'yes' }, false],
      ['constructor', {}, false],
    ];
    for (const [key, claims, taken] of cases)
      assert.equal((await ask(await on(key), token(claims))).status, taken ? 200 : 403, JSON.stringify([key, claims]));
  });

  test('keys come from where the issuer says', async () => {
    const arn = await role(
      trust(issuerUrl.replace('http://', ''), { Null: { [`${issuerUrl.replace('http://', '')}:sub`]: 'false' } }),
    );
    served = jwks(['one', rsa.publicKey]);
    const claims = { iss: issuerUrl, aud: 'ingot' };
    credentialsOf(await ask(arn, token(claims, { kid: 'one' })));
    assert.equal(
      (await ask(arn, token(claims, { kid: 'one', key: stranger.privateKey }))).element('Code'),
      'InvalidIdentityToken',
    );
  });
});
