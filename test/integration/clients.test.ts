/** How other clients read what the API says: boto3 and the AWS CLI, against a server over a socket. */
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { findProgram } from '../../src/platform/files.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { run } from '../harness/processes.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { ingot } from '../harness/service.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-clients-'));
const issuerKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ISSUER = 'https://ci.example';
let api: TestApi;
let limited: TestApi;
before(async () => {
  writeFileSync(
    join(folder, 'jwks.json'),
    JSON.stringify({ keys: [{ ...issuerKey.publicKey.export({ format: 'jwk' }), kid: 'k' }] }),
  );
  api = await startApi({
    access: {
      ...DEFAULT_CONFIG.access,
      oidcIssuers: [{ issuer: ISSUER, audiences: ['ingot'], jwks: join(folder, 'jwks.json') }],
    },
  });
  limited = await startApi({
    rates: { reads: { perSecond: 5, burst: 1 }, writes: null, unsigned: null },
    quotas: { ...DEFAULT_CONFIG.quotas, infrastructureConfigurations: 0 },
  });
});
after(async () => {
  await api.close();
  await limited.close();
  rmSync(folder, { recursive: true });
});

function environment(of: TestApi, more: Record<string, string> = {}): Record<string, string> {
  const { host, port, credentials } = of.connectionOf('same');
  const endpoint = `http://${host}:${port}`;
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    AWS_ENDPOINT_URL_IMAGEBUILDER: endpoint,
    AWS_ENDPOINT_URL_STS: endpoint,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_PAGER: '',
    ...more,
  };
}
const TIMEOUT_MS = 120_000;

async function hasBoto(t: TestContext): Promise<string | undefined> {
  const python = findProgram('python3');
  const found =
    python !== undefined &&
    (await run([python, '-c', 'import boto3'], { timeoutMs: TIMEOUT_MS, okCodes: 'any' })).code === 0;
  if (!found) t.skip('python3 with boto3 is not on this machine (pip install boto3)');
  return found ? python : undefined;
}

test('boto3 knows the errors by their codes and statuses, and waits as the response says', async (t) => {
  const python = await hasBoto(t);
  if (python === undefined) return;
  writeFileSync(
    join(folder, 'errors.py'),
    `
import boto3, botocore, json
from botocore.config import Config
def told(call):
    try:
        call()
        return 'nothing'
    except botocore.exceptions.ClientError as e:
        error, about = e.response['Error'], e.response['ResponseMetadata']
        status = about['HTTPStatusCode']
        return [type(e).__name__, error['Code'], status, bool(about['RequestId']), error['Message'] != '']
once = Config(retries={'total_max_attempts': 1})
c = boto3.client('imagebuilder', config=once)
wrong = boto3.client('imagebuilder', config=once, aws_secret_access_key='wrong', aws_access_key_id='AKIDTEST')
nobody = boto3.client('imagebuilder', config=once, aws_access_key_id='nobody', aws_secret_access_key='x')
missing = 'arn:aws:imagebuilder:${REGION}:${ACCOUNT}:component/missing/1.0.0/1'
print(json.dumps({
    'missing': told(lambda: c.get_component(componentBuildVersionArn=missing)),
    'foreign': told(lambda: c.get_component(componentBuildVersionArn=missing.replace('${ACCOUNT}', '210987654321'))),
    'value': told(lambda: c.create_component(name='web', semanticVersion='1.0.0', platform='Linux', data='x')),
    'wrong': told(lambda: wrong.list_images()),
    'nobody': told(lambda: nobody.list_images()),
    'sts': told(
        lambda: boto3.client('sts', aws_access_key_id='nobody', aws_secret_access_key='x').get_caller_identity()),
    'identity': boto3.client('sts').get_caller_identity()['Arn'],
}))
`,
  );
  writeFileSync(
    join(folder, 'limits.py'),
    `
import boto3, botocore, json
from botocore.config import Config
once = boto3.client('imagebuilder', config=Config(retries={'total_max_attempts': 1}))
codes = []
for i in range(5):
    try:
        once.list_images()
    except botocore.exceptions.ClientError as e:
        codes.append([e.response['Error']['Code'], e.response['ResponseMetadata']['HTTPStatusCode']])
retries = []
for mode in ('legacy', 'standard'):
    patient = boto3.client('imagebuilder', config=Config(retries={'total_max_attempts': 10, 'mode': mode}))
    for i in range(3):
        retries.append(patient.list_images()['ResponseMetadata']['HTTPStatusCode'])
try:
    once.create_infrastructure_configuration(name='none', instanceProfileName='p')
except once.exceptions.ServiceQuotaExceededException as e:
    quota = e.response['ResponseMetadata']['HTTPStatusCode']
print(json.dumps({'codes': codes, 'retries': retries, 'quota': quota}))
`,
  );
  const errors = JSON.parse(
    (await run([python, join(folder, 'errors.py')], { env: environment(api), timeoutMs: TIMEOUT_MS })).stdout,
  ) as Record<string, unknown>;
  assert.deepEqual(errors, {
    missing: ['ResourceNotFoundException', 'ResourceNotFoundException', 404, true, true],
    foreign: ['AccessDeniedException', 'AccessDeniedException', 403, true, true],
    value: ['InvalidParameterValueException', 'InvalidParameterValueException', 400, true, true],
    wrong: ['ClientError', 'InvalidSignatureException', 403, true, true],
    nobody: ['ClientError', 'UnrecognizedClientException', 403, true, true],
    sts: ['ClientError', 'InvalidClientTokenId', 403, true, true],
    identity: `arn:aws:iam::${ACCOUNT}:root`,
  });
  const limits = JSON.parse(
    (await run([python, join(folder, 'limits.py')], { env: environment(limited), timeoutMs: TIMEOUT_MS })).stdout,
  ) as { codes: unknown[][]; retries: number[]; quota: number };
  assert.ok(limits.codes.length > 0);
  for (const code of limits.codes) assert.deepEqual(code, ['TooManyRequestsException', 429]);
  assert.deepEqual(limits.retries, [200, 200, 200, 200, 200, 200]);
  assert.equal(limits.quota, 402);
});

test('the AWS CLI, with a token of CI instead of a key', async (t) => {
  const aws = findProgram('aws');
  if (aws === undefined) return t.skip('the AWS CLI is not on this machine (pipx install awscli)');
  const arn = `arn:aws:iam::${ACCOUNT}:role/ci`;
  const own = (path: string, body: object) =>
    signedJson(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(arn)}${path}`,
      body,
    });
  const statement = {
    Effect: 'Allow',
    Action: 'sts:AssumeRoleWithWebIdentity',
    Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/ci.example` },
    Condition: { StringEquals: { 'ci.example:sub': 'me' } },
  };
  await own('', { trustPolicy: JSON.stringify({ Version: '2012-10-17', Statement: statement }) });
  await own('/policies/p', {
    document: JSON.stringify({ Statement: { Effect: 'Allow', Action: 'imagebuilder:List*', Resource: '*' } }),
  });
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 600;
  const text = `${part({ alg: 'RS256', kid: 'k' })}.${part({ iss: ISSUER, aud: 'ingot', sub: 'me', exp })}`;
  writeFileSync(
    join(folder, 'token'),
    `${text}.${createSign('sha256').update(text).sign(issuerKey.privateKey).toString('base64url')}`,
  );
  const {
    AWS_ACCESS_KEY_ID: _id,
    AWS_SECRET_ACCESS_KEY: _secret,
    ...env
  } = environment(api, {
    AWS_ROLE_ARN: arn,
    AWS_ROLE_SESSION_NAME: 'job',
    AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
  });
  const cli = (...argv: string[]) => run([aws, ...argv], { env, timeoutMs: TIMEOUT_MS, okCodes: 'any' });
  const identity = await cli('sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text');
  assert.equal(identity.stdout.trim(), `arn:aws:sts::${ACCOUNT}:assumed-role/ci/job`, identity.stderr);
  assert.equal((await cli('imagebuilder', 'list-images')).code, 0);
  const refused = await cli(
    'imagebuilder',
    'get-component',
    '--component-build-version-arn',
    `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:component/web/1.0.0/1`,
  );
  assert.match(
    refused.stderr,
    /\(AccessDeniedException\) when calling the GetComponent operation: User: arn:aws:sts::\d+:assumed-role\/ci\/job is not authorized to perform: imagebuilder:GetComponent/,
  );
});

test('ingot principals and ingot audit, as a person uses them', async () => {
  const data = join(folder, 'data');
  const cli = (...args: string[]) => ingot(data, args, { timeoutMs: TIMEOUT_MS });
  try {
    assert.match((await cli('principals')).stdout, /no principals except the first key pair/);
    const added = await cli(
      'principals',
      'add',
      'user/ci',
      '--policy',
      'AWSImageBuilderReadOnlyAccess',
      '--tag',
      'team=web',
    );
    const [, id, secret] =
      /^arn:aws:iam::123456789012:user\/ci\nAWS_ACCESS_KEY_ID=(INGT\w{16})\nAWS_SECRET_ACCESS_KEY=(\S{40})\n$/.exec(
        added.stdout,
      ) ?? assert.fail(added.stdout + added.stderr);
    assert.match(added.stderr, /the secret is not shown again/);
    const rotated = await cli('principals', 'rotate', 'user/ci');
    assert.match(rotated.stderr, new RegExp(`${id} is now inactive`));
    const shown = await cli('principals', 'list');
    assert.match(shown.stdout, new RegExp(`user/ci +AWSImageBuilderReadOnlyAccess +${id} \\(off\\) INGT`));
    writeFileSync(join(folder, 'bad.json'), '{"Statement":{"Effect":"Allow","Action":"x","Resource":"*"}}');
    const bad = await cli('principals', 'policy', 'user/ci', '--policy', join(folder, 'bad.json'));
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /Statement\.Action\[0\]: 'x' is not an action/);
    for (const [args, message] of [
      [['add', 'role/r'], /a role needs --trust FILE/],
      [['add', 'ci'], /expected user\/NAME, role\/NAME or an ARN/],
      [['frobnicate'], /unknown subcommand 'frobnicate'/],
    ] as const) {
      const wrong = await cli('principals', ...args);
      assert.equal(wrong.code, 2, wrong.stderr);
      assert.match(wrong.stderr, message);
    }
    assert.equal((await cli('principals', 'remove', 'user/ci')).code, 0);
    assert.equal((await cli('principals', 'remove', 'user/ci')).code, 1);
    const events = await cli('audit', '--event', '*Principal*', '--since', '1h');
    assert.match(
      events.stdout,
      /Z {2}123456789012:root {2}127\.0\.0\.1 {2}CreatePrincipal {2}arn:aws:iam::123456789012:user\/ci {2}ok\n/,
    );
    assert.match(events.stdout, /DeletePrincipal {2}arn:aws:iam::123456789012:user\/ci {2}ResourceNotFoundException: /);
    assert.ok(!(await cli('audit', '--json')).stdout.includes(secret!));
    assert.equal((await cli('audit', '--since', 'yesterday')).code, 2);
  } finally {
    await cli('stop');
  }
});
