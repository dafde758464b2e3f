import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { InstanceMetadata } from './metadata.ts';
import { metadataServer } from './metadata-server.ts';

const METADATA: InstanceMetadata = {
  account: '123456789012',
  region: 'eu-west-1',
  imageId: 'ami-0123456789abcdef0',
  instanceType: 't3.small',
  launched: '2026-01-02T03:04:05.678Z',
  tokens: 'required',
  userData: Buffer.from('#!/bin/sh\nécho\n').toString('base64'),
  sshKeys: ['ssh-ed25519 AAAA one'],
  role: {
    instanceProfileName: 'Profile',
    roleName: 'Role',
    credentials: { kind: 'keys', accessKeyId: 'AKID', secretAccessKey: 'SECRET' },
  },
};
const FACTS = { id: 'i-0123456789abcdef0', address: '10.0.2.100', network: '10.0.2.0/24', mac: '0a:01:02:03:04:05' };

interface Asked {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

async function listening(metadata: InstanceMetadata, client = '127.0.0.1'): Promise<Server> {
  const server = metadataServer(metadata, FACTS, client, () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function ask(
  server: Server,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Asked> {
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port: (server.address() as AddressInfo).port, method, path, headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({ status: answer.statusCode!, body: Buffer.concat(chunks).toString(), headers: answer.headers }),
        );
      },
    )
      .on('error', reject)
      .end();
  });
}

const tokenOf = async (server: Server, seconds = '60'): Promise<string> =>
  (await ask(server, 'PUT', '/latest/api/token', { 'X-aws-ec2-metadata-token-ttl-seconds': seconds })).body;

describe('the metadata service', () => {
  let server: Server;
  let token: string;
  const get = async (path: string): Promise<Asked> => ask(server, 'GET', path, { 'X-aws-ec2-metadata-token': token });

  before(async () => {
    server = await listening(METADATA);
    token = await tokenOf(server);
  });
  after(() => server.close());

  const files: readonly [path: string, content: string | RegExp][] = [
    ['/latest/meta-data/instance-id', 'i-0123456789abcdef0'],
    ['/latest/meta-data/ami-id', 'ami-0123456789abcdef0'],
    ['/2021-07-15/meta-data/placement/region', 'eu-west-1'],
    ['/latest/meta-data/placement/availability-zone/', 'eu-west-1a'],
    ['/latest/meta-data/hostname', 'ip-10-0-2-100.eu-west-1.compute.internal'],
    ['/latest/meta-data/local-ipv4', '10.0.2.100'],
    ['/latest/meta-data/mac', '0a:01:02:03:04:05'],
    ['/latest/meta-data/network/interfaces/macs/', '0a:01:02:03:04:05/'],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/local-ipv4s', '10.0.2.100'],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/vpc-id', /^vpc-[0-9a-f]{17}$/],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/subnet-id', /^subnet-[0-9a-f]{17}$/],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/interface-id', /^eni-[0-9a-f]{17}$/],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/owner-id', '123456789012'],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/vpc-ipv4-cidr-blocks', '10.0.2.0/24'],
    ['/latest/meta-data/network/interfaces/macs/0a:01:02:03:04:05/security-group-ids', /^sg-[0-9a-f]{17}$/],
    ['/latest/meta-data/events/maintenance/scheduled', '[]'],
    ['/latest/dynamic/fws/instance-monitoring', 'disabled'],
    ['/latest/meta-data/public-keys/', '0=ingot-0'],
    ['/latest/meta-data/public-keys/0/openssh-key', 'ssh-ed25519 AAAA one'],
    ['/latest/meta-data/iam/security-credentials/', 'Role'],
    ['/latest/meta-data/placement', 'availability-zone\navailability-zone-id\nregion'],
    ['/latest/meta-data/iam/', 'info\nsecurity-credentials/'],
    ['/latest/', 'dynamic/\nmeta-data/\nuser-data'],
    ['/latest/user-data', '#!/bin/sh\nécho\n'],
    ['/', /^1\.0\n[^]*\nlatest$/],
  ];
  for (const [path, content] of files) {
    test(`GET ${path}`, async () => {
      const { status, body } = await get(path);
      equal(status, 200);
      if (typeof content === 'string') equal(body, content);
      else match(body, content);
    });
  }

  test('the identity of the instance', async () => {
    const { accountId, instanceId, imageId, region, pendingTime } = JSON.parse(
      (await get('/latest/dynamic/instance-identity/document')).body,
    ) as Record<string, string>;
    deepEqual(
      [accountId, instanceId, imageId, region, pendingTime],
      ['123456789012', FACTS.id, METADATA.imageId, 'eu-west-1', '2026-01-02T03:04:05Z'],
    );
  });

  test('credentials of the role', async () => {
    const { InstanceProfileArn } = JSON.parse((await get('/latest/meta-data/iam/info')).body) as Record<string, string>;
    equal(InstanceProfileArn, 'arn:aws:iam::123456789012:instance-profile/Profile');
    const { Code, Type, AccessKeyId, SecretAccessKey, Token, Expiration } = JSON.parse(
      (await get('/latest/meta-data/iam/security-credentials/Role')).body,
    ) as Record<string, string>;
    deepEqual([Code, Type, AccessKeyId, SecretAccessKey, Token], ['Success', 'AWS-HMAC', 'AKID', 'SECRET', '']);
    ok(Date.parse(Expiration!) > Date.now());
  });

  for (const path of [
    '/latest/meta-data/none',
    '/latest/meta-data/iam/security-credentials/Other',
    '/latest/meta-data/instance-id/x',
    '/1999-01-01/meta-data',
    '/latest/meta-data/__proto__',
    '/latest/dynamic/instance-identity/pkcs7',
  ]) {
    test(`${path} does not exist`, async () => equal((await get(path)).status, 404));
  }

  test('a token says how long it is valid, and an invalid one is rejected', async () => {
    const made = await ask(server, 'PUT', '/latest/api/token', { 'X-aws-ec2-metadata-token-ttl-seconds': '21600' });
    deepEqual([made.status, made.headers['x-aws-ec2-metadata-token-ttl-seconds']], [200, '21600']);
    for (const wrong of [
      '',
      'x',
      made.body.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')),
      await tokenOf(await closed(listening(METADATA))),
    ]) {
      equal(
        (await ask(server, 'GET', '/latest/meta-data/ami-id', { 'X-aws-ec2-metadata-token': wrong })).status,
        401,
        wrong,
      );
    }
  });

  const refused: readonly [
    what: string,
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    status: number,
  ][] = [
    ['no token', 'GET', '/latest/meta-data/', {}, 401],
    ['no lifetime', 'PUT', '/latest/api/token', {}, 400],
    ['a lifetime of nothing', 'PUT', '/latest/api/token', { 'X-aws-ec2-metadata-token-ttl-seconds': '0' }, 400],
    [
      'a lifetime that is too long',
      'PUT',
      '/latest/api/token',
      { 'X-aws-ec2-metadata-token-ttl-seconds': '21601' },
      400,
    ],
    [
      'a request that was forwarded',
      'PUT',
      '/latest/api/token',
      { 'X-aws-ec2-metadata-token-ttl-seconds': '60', 'X-Forwarded-For': '192.0.2.1' },
      403,
    ],
    ['another method', 'DELETE', '/latest/api/token', {}, 405],
    ['a token of another version', 'PUT', '/1.0/api/token', { 'X-aws-ec2-metadata-token-ttl-seconds': '60' }, 404],
  ];
  for (const [what, method, path, headers, status] of refused)
    test(`rejects ${what}`, async () => equal((await ask(server, method, path, headers)).status, status));
});

/** Tokens of a server that was stopped. */
async function closed(server: Promise<Server>): Promise<Server> {
  const made = await server;
  after(() => made.close());
  return made;
}

test('version 1 answers if tokens are optional, but not to an invalid token', async () => {
  const server = await listening({ ...METADATA, tokens: 'optional' });
  try {
    equal((await ask(server, 'GET', '/latest/meta-data/instance-id')).body, FACTS.id);
    equal((await ask(server, 'GET', '/latest/meta-data/instance-id', { 'X-aws-ec2-metadata-token': 'x' })).status, 401);
  } finally {
    server.close();
  }
});

test('only its instance gets answers', async () => {
  const server = await listening({ ...METADATA, tokens: 'optional' }, '198.18.0.9');
  try {
    equal((await ask(server, 'GET', '/latest/meta-data/instance-id')).status, 403);
  } finally {
    server.close();
  }
});

test('an instance whose profile has no credentials has no role', async () => {
  const { role: _, ...nobody } = METADATA;
  const server = await listening({ ...nobody, tokens: 'optional' });
  try {
    equal((await ask(server, 'GET', '/latest/meta-data/iam/info')).status, 404);
    equal((await ask(server, 'GET', '/latest/meta-data/iam/security-credentials/')).status, 404);
  } finally {
    server.close();
  }
});

test('if credentials cannot be loaded, the server fails, and its log says why', async () => {
  const server = await listening({
    ...METADATA,
    tokens: 'optional',
    role: {
      instanceProfileName: 'P',
      roleName: 'R',
      credentials: { kind: 'file', path: '/no/such/file', profile: 'x' },
    },
  });
  try {
    equal((await ask(server, 'GET', '/latest/meta-data/iam/security-credentials/R')).status, 500);
  } finally {
    server.close();
  }
});
