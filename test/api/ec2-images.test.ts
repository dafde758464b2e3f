/** AMIs, their snapshots and tags by EC2's operations, with the SDK's client. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeImageAttributeCommand,
  DescribeImagesCommand,
  type DescribeImagesCommandInput,
  DescribeSnapshotsCommand,
  DescribeTagsCommand,
  DisableImageCommand,
  DisableImageDeprecationCommand,
  EC2Client,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  ModifyImageAttributeCommand,
  type ModifyImageAttributeCommandInput,
  ResetImageAttributeCommand,
} from '@aws-sdk/client-ec2';
import { CreateImageRecipeCommand } from '@aws-sdk/client-imagebuilder';
import { insertAmi } from '../../src/catalog/amis.ts';
import { DEFAULT_NAMES } from '../../src/platform/config/names.ts';
import { ACCOUNT, addUser, REGION, startApi, type TestApi, type UserKey } from './server.ts';

const OTHER = '210987654321';
const ORGANIZATION = 'arn:aws:organizations::123456789012:organization/o-a1b2c3d4e5';
const UNIT = 'arn:aws:organizations::123456789012:ou/o-a1b2c3d4e5/ou-ab12-cd34ef56';
const WEB = 'ami-00000000000000001';
const WEB_2 = 'ami-00000000000000002';
const WINDOWS = 'ami-00000000000000003';
const FOREIGN = 'ami-00000000000000004';

let api: TestApi;
let ec2: EC2Client;
let other: EC2Client;
const clientOf = (credentials: UserKey): EC2Client =>
  new EC2Client({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });

before(async () => {
  api = await startApi({
    names: { ...DEFAULT_NAMES, organizations: { 'o-a1b2c3d4e5': [OTHER], 'ou-ab12-cd34ef56': [] } },
  });
  ec2 = clientOf(api.connectionOf('same').credentials);
  other = clientOf(api.connectionOf('other').credentials);
  const header = Buffer.alloc(64);
  header.write('QFI\xfb', 0, 'latin1');
  header.writeBigUInt64BE(3n << 30n, 24);
  mkdirSync(join(api.catalog.dataDirectory, 'layers'), { recursive: true });
  writeFileSync(join(api.catalog.dataDirectory, 'layers/web.qcow2'), header);
  for (const [id, account, name, platform, created, tags] of [
    [WEB, ACCOUNT, 'web 1', 'Linux', '2026-01-01T00:00:00.000Z', { Release: 'stable' }],
    [WEB_2, ACCOUNT, 'web 2', 'Linux', '2026-01-02T00:00:00.000Z', {}],
    [WINDOWS, ACCOUNT, 'desktop', 'Windows', '2026-01-03T00:00:00.000Z', {}],
    [FOREIGN, OTHER, 'theirs', 'Linux', '2026-01-04T00:00:00.000Z', { Secret: 'tag' }],
  ] as const)
    await insertAmi(api.catalog.db, {
      id,
      region: REGION,
      account,
      name,
      description: null,
      image_arn: `arn:aws:imagebuilder:${REGION}:${account}:image/web/1.0.0/1`,
      layer_id: null,
      file: 'layers/web.qcow2',
      state: 'available',
      tags: JSON.stringify(tags),
      platform,
      os_version: null,
      architecture: 'x86_64',
      created,
    });
});
after(() => api.close());

const describe = async (input: DescribeImagesCommandInput = {}, client = ec2) =>
  (await client.send(new DescribeImagesCommand(input))).Images!;
const names = async (input: DescribeImagesCommandInput = {}, client = ec2): Promise<(string | undefined)[]> =>
  (await describe(input, client)).map(({ Name }) => Name);
const modify = (input: Omit<ModifyImageAttributeCommandInput, 'ImageId'>, ImageId = WEB, client = ec2) =>
  client.send(new ModifyImageAttributeCommand({ ImageId, ...input }));

test('an image as EC2 describes one', async () => {
  const [image] = await describe({ ImageIds: [WEB] });
  assert.deepEqual(
    { ...image, BlockDeviceMappings: image!.BlockDeviceMappings?.[0]?.Ebs },
    {
      ImageId: WEB,
      Name: 'web 1',
      ImageLocation: `${ACCOUNT}/web 1`,
      OwnerId: ACCOUNT,
      Public: false,
      CreationDate: '2026-01-01T00:00:00.000Z',
      Architecture: 'x86_64',
      ImageType: 'machine',
      PlatformDetails: 'Linux/UNIX',
      UsageOperation: 'RunInstances',
      State: 'available',
      RootDeviceType: 'ebs',
      RootDeviceName: '/dev/xvda',
      BlockDeviceMappings: {
        SnapshotId: 'snap-00000000000000001',
        VolumeSize: 3,
        VolumeType: 'gp3',
        DeleteOnTermination: true,
        Encrypted: false,
      },
      VirtualizationType: 'hvm',
      Hypervisor: 'xen',
      EnaSupport: true,
      SriovNetSupport: 'simple',
      Tags: [{ Key: 'Release', Value: 'stable' }],
    },
  );
});

test('filters, owners and pages', async () => {
  const by = (Name: string, ...Values: string[]) => names({ Filters: [{ Name, Values }] });
  assert.deepEqual(await names(), ['web 1', 'web 2', 'desktop']);
  assert.deepEqual(await by('name', 'web *'), ['web 1', 'web 2']);
  assert.deepEqual(await by('platform', 'windows'), ['desktop']);
  assert.deepEqual(await by('tag:Release', 'stable', 'x'), ['web 1']);
  assert.deepEqual(await by('tag-key', 'Release'), ['web 1']);
  assert.deepEqual(await by('creation-date', '2026-01-02T*'), ['web 2']);
  assert.deepEqual(await by('block-device-mapping.volume-size', '3'), ['web 1', 'web 2', 'desktop']);
  assert.deepEqual(await names({ Owners: ['amazon'] }), []);
  assert.deepEqual(await names({ Owners: [OTHER] }), []);
  assert.deepEqual(await names({ Owners: ['self'] }), ['web 1', 'web 2', 'desktop']);
  const first = await ec2.send(new DescribeImagesCommand({ MaxResults: 5 }));
  assert.equal(first.NextToken, undefined);
  await assert.rejects(describe({ MaxResults: 2 }), { name: 'InvalidParameterValue' });
  await assert.rejects(describe({ ImageIds: [FOREIGN] }), { name: 'InvalidAMIID.NotFound' });
  await assert.rejects(describe({ ImageIds: ['ami-x'] }), { name: 'InvalidAMIID.Malformed' });
  await assert.rejects(by('watermark', 'x'), { name: 'InvalidParameterValue', message: /virtualization-type/ });
});

test('launch permissions: another account sees what was shared with it, and nothing else', async () => {
  assert.deepEqual(await names({}, other), ['theirs']);
  await modify({ LaunchPermission: { Add: [{ UserId: OTHER }] } });
  assert.deepEqual(await names({}, other), ['web 1', 'theirs']);
  assert.deepEqual(await names({ ExecutableUsers: ['self'] }, other), ['web 1']);
  assert.deepEqual(await names({ ExecutableUsers: [OTHER] }), ['web 1']);
  const [shared] = await describe({ ImageIds: [WEB] }, other);
  assert.deepEqual(shared!.Tags, [], 'tags are the owner’s');
  for (const denied of [
    modify({ Description: { Value: 'mine' } }, WEB, other),
    other.send(new DescribeImageAttributeCommand({ ImageId: WEB, Attribute: 'launchPermission' })),
    other.send(new CreateTagsCommand({ Resources: [WEB], Tags: [{ Key: 'a', Value: 'b' }] })),
    other.send(new DisableImageCommand({ ImageId: WEB })),
  ])
    await assert.rejects(denied, { name: 'AuthFailure' });
  await modify({ LaunchPermission: { Remove: [{ UserId: OTHER }], Add: [{ OrganizationArn: ORGANIZATION }] } });
  assert.deepEqual(await names({}, other), ['web 1', 'theirs'], 'by its organization');
  await modify({ OperationType: 'remove', OrganizationArns: [ORGANIZATION], Attribute: 'launchPermission' });
  await modify({ OperationType: 'add', OrganizationalUnitArns: [UNIT] });
  assert.deepEqual(await names({}, other), ['theirs'], 'not in that unit');
  await modify({ OperationType: 'add', UserGroups: ['all'] });
  const permissions = await ec2.send(
    new DescribeImageAttributeCommand({ ImageId: WEB, Attribute: 'launchPermission' }),
  );
  assert.deepEqual(permissions.LaunchPermissions, [{ Group: 'all' }, { OrganizationalUnitArn: UNIT }]);
  assert.deepEqual(await names({ ExecutableUsers: ['all'] }, other), ['web 1']);
  assert.equal((await describe({ ImageIds: [WEB] }))[0]!.Public, true);
  await ec2.send(new ResetImageAttributeCommand({ ImageId: WEB, Attribute: 'launchPermission' }));
  assert.deepEqual(await names({}, other), ['theirs']);
  await assert.rejects(modify({ LaunchPermission: { Add: [{ UserId: 'me' }] } }), {
    name: 'InvalidAMIAttributeItemValue',
  });
});

test('a shared AMI is a parent image of the other account, as long as it is shared', async () => {
  const client = api.clientOf('other', REGION);
  const recipe = (name: string) =>
    client.send(new CreateImageRecipeCommand({ name, semanticVersion: '1.0.0', parentImage: WEB_2 }));
  await assert.rejects(recipe('early'), { name: 'InvalidParameterValueException', message: /does not exist/ });
  await modify({ OperationType: 'add', UserIds: [OTHER] }, WEB_2);
  await recipe('shared');
  await modify({ OperationType: 'remove', UserIds: [OTHER] }, WEB_2);
  await assert.rejects(recipe('late'), { name: 'InvalidParameterValueException' });
});

test('deprecation and disabling', async () => {
  await modify({ OperationType: 'add', UserIds: [OTHER] });
  const at = new Date(Date.now() + 3_600_000);
  await ec2.send(new EnableImageDeprecationCommand({ ImageId: WEB, DeprecateAt: at }));
  assert.equal((await describe({ ImageIds: [WEB] }))[0]!.DeprecationTime?.slice(0, 16), at.toISOString().slice(0, 16));
  await assert.rejects(ec2.send(new EnableImageDeprecationCommand({ ImageId: WEB, DeprecateAt: new Date(0) })), {
    name: 'InvalidParameterValue',
  });
  await api.catalog.db
    .updateTable('amis')
    .set({ deprecation_time: '2026-01-05T00:00:00.000Z' })
    .where('id', '=', WEB)
    .execute();
  assert.deepEqual(await names({}, other), ['theirs']);
  assert.deepEqual(await names({ IncludeDeprecated: true }, other), ['web 1', 'theirs']);
  assert.deepEqual(await names({ Filters: [{ Name: 'name', Values: ['web 1'] }] }), ['web 1'], 'its owner sees it');
  await ec2.send(new DisableImageDeprecationCommand({ ImageId: WEB }));
  assert.deepEqual(await names({}, other), ['web 1', 'theirs']);
  await ec2.send(new DisableImageCommand({ ImageId: WEB }));
  assert.deepEqual(await names({}, other), ['theirs']);
  assert.deepEqual(await names(), ['web 2', 'desktop']);
  assert.deepEqual(await names({ IncludeDisabled: true }), ['web 1', 'web 2', 'desktop']);
  await ec2.send(new EnableImageCommand({ ImageId: WEB }));
  assert.deepEqual(await names({}, other), ['theirs'], 'its permissions went');
});

test('snapshots', async () => {
  const found = (await ec2.send(new DescribeSnapshotsCommand({ OwnerIds: ['self'] }))).Snapshots!;
  assert.deepEqual(
    found.map(({ SnapshotId, VolumeSize, State }) => [SnapshotId, VolumeSize, State]),
    ['1', '2', '3'].map((n) => [`snap-0000000000000000${n}`, 3, 'completed']),
  );
  const SnapshotIds = ['snap-00000000000000004'];
  await assert.rejects(ec2.send(new DescribeSnapshotsCommand({ SnapshotIds })), { name: 'InvalidSnapshot.NotFound' });
});

test('tags', async () => {
  const Resources = [WEB_2, 'snap-00000000000000002'];
  const Tags = [
    { Key: 'Team', Value: 'web' },
    { Key: 'Cost', Value: '' },
  ];
  await ec2.send(new CreateTagsCommand({ Resources, Tags }));
  const tags = async (...ids: string[]) =>
    (await ec2.send(new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: ids }] }))).Tags!.map(
      ({ Key, Value, ResourceType }) => `${ResourceType} ${Key}=${Value}`,
    );
  assert.deepEqual(await tags(...Resources), ['image Cost=', 'image Team=web', 'snapshot Cost=', 'snapshot Team=web']);
  await ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key: 'Team', Value: 'no' }, { Key: 'Cost' }] }));
  assert.deepEqual(await tags(...Resources), ['image Team=web', 'snapshot Team=web']);
  assert.deepEqual(await names({ Filters: [{ Name: 'tag:Team', Values: ['web'] }] }), ['web 2']);
  await assert.rejects(ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key: 'aws:x', Value: '' }] })), {
    name: 'InvalidParameterValue',
  });
  await assert.rejects(ec2.send(new CreateTagsCommand({ Resources: ['i-1'], Tags })), { name: 'InvalidID' });
  const before = await tags(WEB_2);
  await assert.rejects(
    ec2.send(new CreateTagsCommand({ Resources: [WEB_2, FOREIGN], Tags: [{ Key: 'x', Value: '' }] })),
  );
  assert.deepEqual(await tags(WEB_2), before, 'all or nothing');
});

test('policies: actions, resources without an account, tags of the AMI, dry runs', async () => {
  const user = clientOf(
    await addUser(api, `arn:aws:iam::${ACCOUNT}:user/releaser`, [
      { Effect: 'Allow', Action: 'ec2:Describe*', Resource: '*' },
      {
        Effect: 'Allow',
        Action: 'ec2:ModifyImageAttribute',
        Resource: `arn:aws:ec2:${REGION}::image/*`,
        Condition: { StringEquals: { 'ec2:ResourceTag/Team': 'web' } },
      },
    ]),
  );
  assert.equal((await names({}, user)).includes('web 2'), true);
  await modify({ Description: { Value: 'by a user' } }, WEB_2, user);
  assert.equal((await describe({ ImageIds: [WEB_2] }))[0]!.Description, 'by a user');
  await assert.rejects(modify({ Description: { Value: 'x' } }, WEB, user), { name: 'UnauthorizedOperation' });
  await assert.rejects(modify({ Description: { Value: 'dry' }, DryRun: true }, WEB_2, user), {
    name: 'DryRunOperation',
  });
  await assert.rejects(modify({ Description: { Value: 'dry' }, DryRun: true }, WEB, user), {
    name: 'UnauthorizedOperation',
  });
  assert.equal((await describe({ ImageIds: [WEB_2] }))[0]!.Description, 'by a user');
});
