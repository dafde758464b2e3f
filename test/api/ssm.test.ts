/** Parameters of Systems Manager on the endpoint, by the SDK's client. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateImageRecipeCommand } from '@aws-sdk/client-imagebuilder';
import {
  AddTagsToResourceCommand,
  DeleteParameterCommand,
  DeleteParametersCommand,
  DescribeParametersCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  LabelParameterVersionCommand,
  ListTagsForResourceCommand,
  PutParameterCommand,
  type PutParameterCommandInput,
  RemoveTagsFromResourceCommand,
  SSMClient,
  UnlabelParameterVersionCommand,
} from '@aws-sdk/client-ssm';
import { insertAmi } from '../../src/catalog/amis.ts';
import { DEFAULT_NAMES } from '../../src/platform/config/names.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, addUser, DEBIAN, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let ssm: SSMClient;
const AMI = 'ami-0123456789abcdef0';
const AMI_OF_ANOTHER = 'ami-0123456789abcdef1';

const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }): SSMClient =>
  new SSMClient({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });
const put = (Name: string, Value: string, more: Partial<PutParameterCommandInput> = {}) =>
  ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', ...more }));
const valueOf = async (Name: string, WithDecryption?: boolean): Promise<string | undefined> =>
  (await ssm.send(new GetParameterCommand({ Name, WithDecryption }))).Parameter?.Value;

before(async () => {
  api = await startApi({ names: { ...DEFAULT_NAMES, parameters: { '/aws/service/golden': 'debian-12-x86' } } });
  ssm = clientOf(api.connectionOf('same').credentials);
  const ami = (id: string, account: string) => ({
    id,
    region: REGION,
    account,
    name: 'golden',
    description: null,
    image_arn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/golden/1.0.0/1`,
    layer_id: null,
    file: 'x',
    state: 'available' as const,
    tags: '{}',
    platform: 'Linux',
    os_version: null,
    architecture: 'x86_64',
    created: '2026-01-01T00:00:00.000Z',
  });
  await insertAmi(api.catalog.db, ami(AMI, ACCOUNT));
  await insertAmi(api.catalog.db, ami(AMI_OF_ANOTHER, '210987654321'));
});
after(() => api.close());

test('names of JavaScript are names as any other', async () => {
  for (const Name of ['constructor', '__proto__', '/toString'])
    await assert.rejects(ssm.send(new GetParameterCommand({ Name })), { name: 'ParameterNotFound' }, Name);
});

test('versions, history and labels', async () => {
  assert.deepEqual((await put('/v/one', 'a', { Description: 'first' })).Version, 1);
  await assert.rejects(put('/v/one', 'b'), { name: 'ParameterAlreadyExists' });
  assert.equal((await put('/v/one', 'b', { Overwrite: true })).Version, 2);
  // Written again, it is a version of its own.
  assert.equal((await put('/v/one', 'b', { Overwrite: true })).Version, 3);
  const label = (Labels: string[], ParameterVersion?: number) =>
    ssm.send(new LabelParameterVersionCommand({ Name: '/v/one', Labels, ParameterVersion }));
  assert.deepEqual((await label(['prod', '1st', 'aws-x'], 1)).InvalidLabels, ['1st', 'aws-x']);
  assert.equal((await label(['stable'])).ParameterVersion, 3);
  assert.deepEqual(await Promise.all(['/v/one', '/v/one:1', '/v/one:prod', '/v/one:stable'].map((n) => valueOf(n))), [
    'b',
    'a',
    'a',
    'b',
  ]);
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/v/one:prod' }));
  assert.deepEqual([Parameter?.Selector, Parameter?.Version, Parameter?.Name], [':prod', 1, '/v/one']);
  await label(['prod'], 2);
  const history = async (input = {}) => ssm.send(new GetParameterHistoryCommand({ Name: '/v/one', ...input }));
  assert.deepEqual(
    (await history()).Parameters?.map(({ Version, Value, Labels, Description, LastModifiedUser }) => [
      Version,
      Value,
      Labels,
      Description,
      LastModifiedUser,
    ]),
    [
      [1, 'a', [], 'first', `arn:aws:iam::${ACCOUNT}:root`],
      [2, 'b', ['prod'], 'first', `arn:aws:iam::${ACCOUNT}:root`],
      [3, 'b', ['stable'], 'first', `arn:aws:iam::${ACCOUNT}:root`],
    ],
  );
  const first = await history({ MaxResults: 2 });
  assert.deepEqual(
    (await history({ MaxResults: 2, NextToken: first.NextToken })).Parameters?.map(({ Version }) => Version),
    [3],
  );
  await assert.rejects(history({ NextToken: first.NextToken, WithDecryption: true }), { name: 'InvalidNextToken' });
  const taken = await ssm.send(
    new UnlabelParameterVersionCommand({ Name: '/v/one', ParameterVersion: 2, Labels: ['prod', 'no'] }),
  );
  assert.deepEqual([taken.RemovedLabels, taken.InvalidLabels], [['prod'], ['no']]);
  await assert.rejects(valueOf('/v/one:prod'), { name: 'ParameterVersionNotFound' });
  await ssm.send(new DeleteParameterCommand({ Name: '/v/one' }));
  await assert.rejects(valueOf('/v/one'), { name: 'ParameterNotFound' });
  await assert.rejects(history(), { name: 'ParameterNotFound' });
  assert.equal((await put('/v/one', 'new')).Version, 1);
});

test('what is wrong is rejected, and leaves nothing', async () => {
  const cases: readonly (readonly [input: PutParameterCommandInput, name: string, message: RegExp])[] = [
    [{ Name: '/bad name', Value: 'x', Type: 'String' }, 'ValidationException', /letters, digits/],
    [{ Name: 'a/b', Value: 'x', Type: 'String' }, 'ValidationException', /fully qualified/],
    [{ Name: '/AWS/b', Value: 'x', Type: 'String' }, 'ValidationException', /can't be prefixed/],
    [{ Name: `/${'a/'.repeat(15)}b`, Value: 'x', Type: 'String' }, 'ValidationException', /at most 15 levels/],
    [{ Name: '/bad', Value: 'x' }, 'ValidationException', /type is required/],
    [{ Name: '/bad', Value: 'x', Type: 'Text' as 'String' }, 'ValidationException', /one of String, StringList/],
    [{ Name: '/bad', Value: 'x'.repeat(4097), Type: 'String' }, 'ValidationException', /maximum .* 4096/],
    [{ Name: '/bad', Value: 'x', Type: 'String', KeyId: 'alias/k' }, 'ValidationException', /only for parameters/],
    [{ Name: '/bad', Value: 'x', Type: 'SecureString', KeyId: 'alias/k' }, 'InvalidKeyId', /alias\/k/],
    [{ Name: '/bad', Value: 'x', Type: 'String', AllowedPattern: '(' }, 'InvalidAllowedPatternException', /pattern/],
    [
      { Name: '/bad', Value: 'x', Type: 'String', AllowedPattern: '^\\d+$' },
      'ParameterPatternMismatchException',
      /does not match/,
    ],
    [{ Name: '/bad', Value: 'x', Type: 'String', DataType: 'aws:ec2:image' }, 'ValidationException', /ID of an AMI/],
    // As one that is not there.
    [
      { Name: '/bad', Value: AMI_OF_ANOTHER, Type: 'String', DataType: 'aws:ec2:image' },
      'ValidationException',
      /ID of an AMI/,
    ],
    [{ Name: '/bad', Value: 'x', Type: 'String', Policies: '[]' }, 'ValidationException', /Policies is not supported/],
    [{ Name: '/bad', Value: undefined, Type: 'String' }, 'ValidationException', /'value' failed/],
  ];
  for (const [input, name, message] of cases)
    await assert.rejects(
      ssm.send(new PutParameterCommand(input)),
      { name, message },
      JSON.stringify(input).slice(0, 99),
    );
  await assert.rejects(valueOf('/bad'), { name: 'ParameterNotFound' });
  assert.equal((await put('/good', 'x'.repeat(4097), { Tier: 'Intelligent-Tiering' })).Tier, 'Advanced');
  await put('/kind', 'x');
  await assert.rejects(put('/kind', 'x', { Type: 'SecureString', Overwrite: true }), { name: 'HierarchyTypeMismatch' });
});

test('a SecureString is sealed wherever it is kept, and opens when asked', async () => {
  await put('/secret/db', 'hunter2', { Type: 'SecureString' });
  assert.equal(await valueOf('/secret/db', true), 'hunter2');
  const sealed = await valueOf('/secret/db');
  assert.doesNotMatch(sealed!, /hunter2/);
  const rows = await api.catalog.db.selectFrom('parameter_versions').select('value').execute();
  assert.equal(
    rows.some(({ value }) => value.includes('hunter2')),
    false,
  );
  const { parameters } = await signedJson<{ parameters: { name: string }[] }>(api.connectionOf('same'), {
    method: 'GET',
    path: '/ingot/parameters',
  });
  assert.equal(
    parameters.some(({ name }) => name === '/secret/db'),
    false,
    'no template reads it',
  );
});

test('lists: by path, by filter, in pages', async () => {
  for (const [name, value] of Object.entries({ '/p/a': '1', '/p/b': '2', '/p/c/d': '3', '/q': '4' }))
    await put(name, value, name === '/p/b' ? { Tags: [{ Key: 'Env', Value: 'prod' }] } : {});
  const below = async (Path: string, more = {}) =>
    (await ssm.send(new GetParametersByPathCommand({ Path, ...more }))).Parameters?.map(({ Name }) => Name);
  assert.deepEqual(await below('/p'), ['/p/a', '/p/b']);
  assert.deepEqual(await below('/p/', { Recursive: true }), ['/p/a', '/p/b', '/p/c/d']);
  await assert.rejects(below('p'), { name: 'ValidationException' });
  const described = async (ParameterFilters: object[], more = {}) =>
    (
      await ssm.send(new DescribeParametersCommand({ ParameterFilters: ParameterFilters as never, ...more }))
    ).Parameters?.map(({ Name }) => Name);
  assert.deepEqual(await described([{ Key: 'Name', Option: 'BeginsWith', Values: ['/p'] }]), [
    '/p/a',
    '/p/b',
    '/p/c/d',
  ]);
  assert.deepEqual(await described([{ Key: 'Path', Option: 'OneLevel', Values: ['/p'] }]), ['/p/a', '/p/b']);
  assert.deepEqual(await described([{ Key: 'tag:Env', Values: ['prod'] }]), ['/p/b']);
  assert.deepEqual(await described([{ Key: 'Name', Values: ['/q'] }]), ['/q']);
  await assert.rejects(described([{ Key: 'Nmae', Values: ['x'] }]), { name: 'InvalidFilterKey' });
  const pages: (string | undefined)[][] = [];
  for (let NextToken: string | undefined; ; ) {
    const page: { Parameters?: { Name?: string }[]; NextToken?: string } = await ssm.send(
      new GetParametersByPathCommand({ Path: '/p', Recursive: true, MaxResults: 2, NextToken }),
    );
    pages.push(page.Parameters!.map(({ Name }) => Name));
    NextToken = page.NextToken;
    if (NextToken === undefined) break;
  }
  assert.deepEqual(pages, [['/p/a', '/p/b'], ['/p/c/d']]);
  const several = await ssm.send(
    new GetParametersCommand({ Names: ['/q', '/none', `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/p/a`] }),
  );
  assert.deepEqual([several.Parameters?.map(({ Value }) => Value), several.InvalidParameters], [['4', '1'], ['/none']]);
  const gone = await ssm.send(new DeleteParametersCommand({ Names: ['/q', '/none'] }));
  assert.deepEqual([gone.DeletedParameters, gone.InvalidParameters], [['/q'], ['/none']]);
});

test('tags, and policies that ask them', async () => {
  await put('/t/a', 'x', { Tags: [{ Key: 'Team', Value: 'web' }] });
  await put('/t/b', 'x');
  const resource = { ResourceType: 'Parameter' as const, ResourceId: '/t/b' };
  await ssm.send(new AddTagsToResourceCommand({ ...resource, Tags: [{ Key: 'Team', Value: 'db' }] }));
  const tags = async () => (await ssm.send(new ListTagsForResourceCommand(resource))).TagList;
  assert.deepEqual(await tags(), [{ Key: 'Team', Value: 'db' }]);
  const user = clientOf(
    await addUser(api, `arn:aws:iam::${ACCOUNT}:user/web`, {
      Effect: 'Allow',
      Action: 'ssm:*',
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/Team': 'web' } },
    }),
  );
  await user.send(new GetParameterCommand({ Name: '/t/a' }));
  await assert.rejects(user.send(new GetParameterCommand({ Name: '/t/b' })), { name: 'AccessDeniedException' });
  await ssm.send(new RemoveTagsFromResourceCommand({ ...resource, TagKeys: ['Team'] }));
  assert.deepEqual(await tags(), []);
  await assert.rejects(ssm.send(new ListTagsForResourceCommand({ ...resource, ResourceId: '/none' })), {
    name: 'InvalidResourceId',
  });
});

test('another account has parameters of its own', async () => {
  await put('/shared', 'mine');
  const other = clientOf(api.connectionOf('other').credentials);
  await assert.rejects(other.send(new GetParameterCommand({ Name: '/shared' })), { name: 'ParameterNotFound' });
  await assert.rejects(
    other.send(new GetParameterCommand({ Name: `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter/shared` })),
    { name: 'AccessDeniedException' },
  );
  assert.deepEqual((await other.send(new DescribeParametersCommand({}))).Parameters, []);
});

test('a parameter is what ssm: parents find, and a public one names an image', async () => {
  await put('/golden/ami', AMI, { DataType: 'aws:ec2:image' });
  const recipe = (name: string, parentImage: string) =>
    api.client.send(new CreateImageRecipeCommand({ name, semanticVersion: '1.0.0', parentImage }));
  await put('/golden/parent', DEBIAN);
  await recipe('of-a-parameter', 'ssm:/golden/parent');
  const parent = await valueOf('/aws/service/golden');
  assert.equal(parent, DEBIAN);
  await recipe('of-a-public-one', parent!);
});
