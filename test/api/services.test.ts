/** The services beside Image Builder on the same endpoint: which one answers, authorization, errors. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  DescribeRegionsCommand,
  type DescribeRegionsCommandInput,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient, SendCommandCommand } from '@aws-sdk/client-ssm';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { putParameter } from '../../src/catalog/parameters.ts';
import { ACCOUNT, addUser, REGION, startApi, type TestApi, type UserKey } from './server.ts';

let api: TestApi;
let ssm: SSMClient;
let ec2: EC2Client;
const ssmWith = (credentials: UserKey): SSMClient =>
  new SSMClient({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });
const ec2With = (credentials: UserKey): EC2Client =>
  new EC2Client({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });

before(async () => {
  api = await startApi();
  ssm = ssmWith(api.connectionOf('same').credentials);
  ec2 = ec2With(api.connectionOf('same').credentials);
  await putParameter(
    api.catalog.db,
    { account: ACCOUNT, region: REGION },
    { name: '/a/b', type: 'String', value: 'x' },
  );
});
after(() => api.close());

test('a parameter by JSON 1.1', async () => {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/a/b' }));
  assert.deepEqual(
    { ...Parameter, LastModifiedDate: undefined },
    {
      Name: '/a/b',
      Type: 'String',
      Value: 'x',
      Version: 1,
      ARN: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/a/b`,
      DataType: 'text',
      LastModifiedDate: undefined,
    },
  );
  await assert.rejects(ssm.send(new GetParameterCommand({ Name: '/a/c' })), { name: 'ParameterNotFound' });
  await assert.rejects(ssmWith(api.connectionOf('other').credentials).send(new GetParameterCommand({ Name: '/a/b' })), {
    name: 'ParameterNotFound',
  });
});

test('Regions by the protocol of EC2', async () => {
  const names = async (input: DescribeRegionsCommandInput) =>
    (await ec2.send(new DescribeRegionsCommand(input))).Regions?.map(({ RegionName }) => RegionName);
  assert.equal((await names({}))?.includes(REGION), true);
  assert.deepEqual(await names({ RegionNames: ['lab', 'us-east-1'] }), ['lab', 'us-east-1']);
  assert.deepEqual(await names({ Filters: [{ Name: 'region-name', Values: ['us-*-1'] }] }), ['us-east-1', 'us-west-1']);
  await assert.rejects(names({ RegionNames: ['No Region'] }), { name: 'InvalidParameterValue' });
  await assert.rejects(names({ Filters: [{ Name: 'x', Values: ['y'] }] }), {
    name: 'InvalidParameterValue',
    message: /Valid filters are: endpoint, opt-in-status, region-name/,
  });
  await assert.rejects(names({ DryRun: true }), { name: 'DryRunOperation' });
});

test('an unknown operation is rejected with a list of the known ones', async () => {
  await assert.rejects(ssm.send(new SendCommandCommand({ DocumentName: 'x' })), {
    name: 'UnknownOperationException',
    message: /no operation SendCommand of AWS Systems Manager .* It has: .*GetParameter/,
  });
  await assert.rejects(ec2.send(new RunInstancesCommand({ MinCount: 1, MaxCount: 1 })), {
    name: 'InvalidAction',
    message: /RunInstances is not valid .*DescribeRegions/,
  });
  const { host, port, credentials } = api.connectionOf('same');
  const request = {
    method: 'POST',
    protocol: 'http:',
    hostname: host,
    path: '/',
    query: {},
    headers: { host: `${host}:${port}`, 'content-type': 'application/x-amz-json-1.1' },
    body: '{}',
  };
  const sign = (service: string, secretAccessKey = credentials.secretAccessKey) =>
    new SignatureV4({ service, region: REGION, credentials: { ...credentials, secretAccessKey }, sha256: Sha256 }).sign(
      request,
    );
  const ask = async (headers: Record<string, string>): Promise<Record<string, string>> =>
    (await (await fetch(`${api.endpoint}/`, { method: 'POST', headers, body: '{}' })).json()) as Record<string, string>;
  assert.match((await ask((await sign('dynamodb')).headers))['message']!, /'dynamodb' is not available .*ssm/);
  assert.equal((await ask((await sign('dynamodb', 'x')).headers))['__type'], 'InvalidSignatureException');
});

test('errors of signatures have the form of each service', async () => {
  const nobody = { accessKeyId: 'INGTNOBODY', secretAccessKey: 'x' };
  const wrong = { ...api.connectionOf('same').credentials, secretAccessKey: 'wrong' };
  for (const [credentials, inSsm, inEc2] of [
    [nobody, 'UnrecognizedClientException', 'AuthFailure'],
    [wrong, 'InvalidSignatureException', 'SignatureDoesNotMatch'],
  ] as const) {
    await assert.rejects(ssmWith(credentials).send(new GetParameterCommand({ Name: 'x' })), { name: inSsm });
    await assert.rejects(ec2With(credentials).send(new DescribeRegionsCommand({})), { name: inEc2 });
  }
});

test('policies have the actions and resources of each service', async () => {
  const user = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/reader`, [
    { Effect: 'Allow', Action: 'ssm:GetParameter', Resource: `arn:aws:ssm:*:${ACCOUNT}:parameter/a/*` },
  ]);
  await ssmWith(user).send(new GetParameterCommand({ Name: '/a/b' }));
  await assert.rejects(ssmWith(user).send(new GetParameterCommand({ Name: '/c' })), {
    name: 'AccessDeniedException',
    message: new RegExp(`perform: ssm:GetParameter on resource: arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/c`),
  });
  await assert.rejects(ec2With(user).send(new DescribeRegionsCommand({})), {
    name: 'UnauthorizedOperation',
    message: /perform: ec2:DescribeRegions/,
  });
});
