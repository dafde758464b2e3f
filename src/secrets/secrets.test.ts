import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { secretReferencesIn } from '../documents/component/references.ts';
import { readSecretReference, type SecretReference } from '../documents/component/secret-references.ts';
import { ConfigError } from '../platform/config/config.ts';
import { SecretError } from './provider.ts';
import { configuredProviders } from './providers.ts';
import { Secrets } from './secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-secrets-'));
after(() => rmSync(folder, { recursive: true }));
const ACCOUNT = '123456789012';

function secretsOf(...settings: readonly Readonly<Record<string, unknown>>[]): Secrets {
  return new Secrets({
    account: ACCOUNT,
    region: 'eu-west-1',
    providers: async () => configuredProviders(settings, ACCOUNT),
  });
}

async function valueOf(secrets: Secrets, inside: string): Promise<string | undefined> {
  const references = secretReferencesIn([`{{ ${inside} }}`]);
  assert.equal(references.length, 1, inside);
  await secrets.load(references);
  return secrets.value(references[0]!);
}

describe('references', () => {
  const good: readonly (readonly [inside: string, reference: Partial<SecretReference>])[] = [
    ['resolve:secretsmanager:prod/db', { service: 'secretsmanager', name: 'prod/db' }],
    ['resolve:secretsmanager:db:SecretString', { name: 'db' }],
    ['resolve:secretsmanager:db:SecretString:password', { name: 'db', key: 'password' }],
    ['resolve:secretsmanager:db:SecretString::AWSPREVIOUS', { name: 'db', stage: 'AWSPREVIOUS' }],
    ['resolve:secretsmanager:db:SecretString:password::1234-5678', { key: 'password', version: '1234-5678' }],
    [
      'resolve:secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3:SecretString:user',
      {
        name: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3',
        key: 'user',
      },
    ],
    ['resolve:ssm-secure:/prod/db:3', { service: 'ssm-secure', name: '/prod/db', version: '3' }],
    ['resolve:ssm:port', { service: 'ssm', name: 'port' }],
  ];
  for (const [inside, expected] of good) {
    test(inside, () => {
      const read = readSecretReference(`{{${inside}}}`, inside);
      assert.deepEqual(
        { ...read },
        { kind: 'secret', text: `{{${inside}}}`, service: 'secretsmanager', name: 'db', ...expected },
      );
    });
  }
  const bad: readonly (readonly [inside: string, says: RegExp])[] = [
    ['resolve:secretmanager:db', /Did you mean 'secretsmanager'/],
    ['resolve:secretsmanager:', /followed by a name/],
    ['resolve:secretsmanager:--help', /followed by a name/],
    ['resolve:secretsmanager:db:SecretBinary', /'SecretString' was expected/],
    ['resolve:secretsmanager:db:SecretString:k:STAGE:id', /exclude each other/],
    ['resolve:ssm:db:latest', /number of its version/],
  ];
  for (const [inside, says] of bad) {
    test(`invalid: ${inside}`, () => {
      const read = readSecretReference('', inside);
      assert.ok(read?.kind === 'broken-secret' && says.test(read.problem), JSON.stringify(read));
    });
  }
});

describe('providers', () => {
  test('a folder', async () => {
    mkdirSync(join(folder, 'prod'), { recursive: true });
    writeFileSync(join(folder, 'prod', 'db'), '{"user": "app", "password": "p w", "port": 5432}\n', { mode: 0o600 });
    writeFileSync(join(folder, 'open'), 'x', { mode: 0o644 });
    chmodSync(join(folder, 'open'), 0o644);
    symlinkSync('/etc/passwd', join(folder, 'out'));
    const secrets = secretsOf({ type: 'file', folder });
    assert.equal(
      await valueOf(secrets, 'resolve:secretsmanager:prod/db'),
      '{"user": "app", "password": "p w", "port": 5432}',
    );
    assert.equal(await valueOf(secrets, 'resolve:secretsmanager:prod/db:SecretString:password'), 'p w');
    assert.equal(await valueOf(secrets, 'resolve:secretsmanager:prod/db:SecretString:port'), '5432');
    assert.equal(
      await valueOf(secrets, 'resolve:ssm-secure:/prod/db'),
      '{"user": "app", "password": "p w", "port": 5432}',
    );
    const refused: readonly (readonly [inside: string, says: RegExp])[] = [
      ['resolve:secretsmanager:prod/db:SecretString:host', /no member 'host'/],
      ['resolve:secretsmanager:none', /secret 'none' not found in the file .*none/],
      ['resolve:secretsmanager:prod', /secret '.*' not found/],
      ['resolve:secretsmanager:open', /chmod 600/],
      ['resolve:secretsmanager:out', /is a link to a file outside of/],
      ['resolve:secretsmanager:prod/../../etc/passwd', /secret '.*' not found/],
    ];
    for (const [inside, says] of refused)
      await assert.rejects(
        valueOf(secrets, inside),
        (error) => error instanceof SecretError && says.test(error.message),
        inside,
      );
  });

  test('the environment', async () => {
    process.env['INGOT_SECRET_PROD_DB_1'] = 'from the environment';
    process.env['MY_TOKEN'] = 'mine';
    try {
      assert.equal(
        await valueOf(secretsOf({ type: 'environment' }), 'resolve:secretsmanager:prod/db-1'),
        'from the environment',
      );
      assert.equal(
        await valueOf(secretsOf({ type: 'environment', prefix: 'MY_' }), 'resolve:ssm-secure:/token'),
        'mine',
      );
      assert.equal(
        await valueOf(
          new Secrets({
            account: ACCOUNT,
            region: 'x',
            providers: async () => configuredProviders(undefined, ACCOUNT),
          }),
          'resolve:ssm:prod/db-1',
        ),
        'from the environment',
      );
      for (const program of ['the server', 'ingot'] as const) {
        const providers = async () => configuredProviders(undefined, ACCOUNT, program);
        await assert.rejects(
          valueOf(new Secrets({ account: ACCOUNT, region: 'x', providers }), 'resolve:ssm:none'),
          new RegExp(`INGOT_SECRET_NONE in the environment of ${program}`),
        );
      }
    } finally {
      delete process.env['INGOT_SECRET_PROD_DB_1'];
      delete process.env['MY_TOKEN'];
    }
  });

  test('a command', async () => {
    const secrets = secretsOf({
      type: 'command',
      command: ['/bin/echo', '{service} of {account}', '{name}', '{other}'],
    });
    assert.equal(await valueOf(secrets, 'resolve:secretsmanager:db'), `secretsmanager of ${ACCOUNT} db {other}`);
    const failing = secretsOf({
      type: 'command',
      command: ['/bin/sh', '-c', 'echo the-secret; echo no such entry >&2; exit 3', '{name}'],
    });
    await assert.rejects(
      valueOf(failing, 'resolve:secretsmanager:db'),
      (error) =>
        error instanceof SecretError &&
        /exit code 3: no such entry$/.test(error.message) &&
        !error.message.includes('the-secret'),
    );
  });

  test('AWS, on the wire', async () => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        const target = request.headers['x-amz-target'];
        const input = JSON.parse(body) as Readonly<Record<string, unknown>>;
        asked.push([target, input]);
        const answer = (status: number, content: object): void =>
          void response
            .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
            .end(JSON.stringify(content));
        if (input['SecretId'] === 'none') return answer(400, { __type: 'ResourceNotFoundException', message: 'no' });
        if (input['SecretId'] === 'closed')
          return answer(400, { __type: 'AccessDeniedException', message: 'not yours' });
        if (target === 'secretsmanager.GetSecretValue')
          return answer(200, { SecretString: '{"password": "aws-secret"}' });
        return answer(200, {
          Parameter: { Type: input['WithDecryption'] === true ? 'SecureString' : 'String', Value: 'aws-parameter' },
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const keys = { AWS_ACCESS_KEY_ID: 'one', AWS_SECRET_ACCESS_KEY: 'two' };
    const before = Object.fromEntries(Object.keys(keys).map((name) => [name, process.env[name]]));
    Object.assign(process.env, keys);
    try {
      const secrets = secretsOf({
        type: 'aws',
        endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      });
      assert.equal(await valueOf(secrets, 'resolve:secretsmanager:db:SecretString:password:AWSPREVIOUS'), 'aws-secret');
      assert.equal(await valueOf(secrets, 'resolve:ssm-secure:/db:3'), 'aws-parameter');
      assert.equal(await valueOf(secrets, 'resolve:ssm:/db'), 'aws-parameter');
      assert.deepEqual(asked, [
        ['secretsmanager.GetSecretValue', { SecretId: 'db', VersionStage: 'AWSPREVIOUS' }],
        ['AmazonSSM.GetParameter', { Name: '/db:3', WithDecryption: true }],
        ['AmazonSSM.GetParameter', { Name: '/db', WithDecryption: false }],
      ]);
      await assert.rejects(
        valueOf(secrets, 'resolve:secretsmanager:none'),
        /secret 'none' not found in AWS Secrets Manager in eu-west-1/,
      );
      await assert.rejects(valueOf(secrets, 'resolve:secretsmanager:closed'), /AccessDeniedException: not yours/);
    } finally {
      for (const [name, value] of Object.entries(before))
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      server.close();
    }
  });

  test('are tried in order, and only for what they provide', async () => {
    const say = (text: string, more: object = {}): Readonly<Record<string, unknown>> => ({
      type: 'command',
      command: ['/bin/echo', text, '{name}'],
      ...more,
    });
    const secrets = secretsOf(
      say('others', { accounts: ['999999999999'] }),
      { type: 'file', folder },
      say('parameters', { services: ['ssm-secure'] }),
      say('all'),
    );
    assert.equal(await valueOf(secrets, 'resolve:secretsmanager:x'), 'all x');
    assert.equal(await valueOf(secrets, 'resolve:ssm-secure:x'), 'parameters x');
    await assert.rejects(
      valueOf(secretsOf(say('others', { accounts: ['999999999999'] })), 'resolve:ssm:x'),
      /no secrets provider is configured for parameter 'x' of account 123456789012/,
    );
  });

  test('belong to the account of the first key pair, or to the listed accounts', async () => {
    const other = (settings: readonly Readonly<Record<string, unknown>>[] | undefined): Secrets =>
      new Secrets({
        account: '210987654321',
        region: 'x',
        providers: async () => configuredProviders(settings, ACCOUNT),
      });
    const say = { type: 'command', command: ['/bin/echo', '{name}'] };
    process.env['INGOT_SECRET_X'] = 'from the environment';
    try {
      for (const settings of [
        undefined,
        [{ type: 'environment' }],
        [say],
        [{ type: 'file', folder }],
        [{ ...say, accounts: [ACCOUNT] }],
      ]) {
        await assert.rejects(
          valueOf(other(settings), 'resolve:secretsmanager:x'),
          /no secrets provider is configured for secret 'x' of account 210987654321/,
        );
      }
    } finally {
      delete process.env['INGOT_SECRET_X'];
    }
    for (const accounts of [['210987654321'], '210987654321', '*', [ACCOUNT, '*']]) {
      assert.equal(await valueOf(other([{ ...say, accounts }]), 'resolve:secretsmanager:x'), 'x');
    }
  });

  test('faults of a configuration are reported with their path', () => {
    const settings = [
      { type: 'fiel' },
      { type: 'file', folder: 'here', mode: 1 },
      { type: 'command', command: ['pass'] },
      { type: 'aws', endpoint: 'x' },
      { type: 'environment', accounts: [1] },
    ];
    assert.throws(
      () => configuredProviders(settings, ACCOUNT),
      (error) => {
        assert.ok(error instanceof ConfigError);
        const places = error.message.split('\n').map((line) => /secrets\[\d\]\.\w+/.exec(line)![0]);
        assert.deepEqual(places, [
          'secrets[0].type',
          'secrets[1].mode',
          'secrets[1].folder',
          'secrets[2].command',
          'secrets[3].endpoint',
          'secrets[4].accounts',
        ]);
        return true;
      },
    );
  });
});
