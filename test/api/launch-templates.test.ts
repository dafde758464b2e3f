/** Launch templates by EC2's operations, with the SDK's client. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateLaunchTemplateCommand,
  type CreateLaunchTemplateCommandInput,
  CreateLaunchTemplateVersionCommand,
  DeleteLaunchTemplateCommand,
  DeleteLaunchTemplateVersionsCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  type DescribeLaunchTemplateVersionsCommandInput,
  EC2Client,
  ModifyLaunchTemplateCommand,
} from '@aws-sdk/client-ec2';
import { ACCOUNT, addUser, REGION, startApi, type TestApi, type UserKey } from './server.ts';

let api: TestApi;
let ec2: EC2Client;
const clientOf = (credentials: UserKey): EC2Client =>
  new EC2Client({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });
before(async () => {
  api = await startApi();
  ec2 = clientOf(api.connectionOf('same').credentials);
});
after(() => api.close());

const VALID_UNTIL = new Date('2027-01-01T00:00:00.000Z');
const create = async (LaunchTemplateName: string, more: Partial<CreateLaunchTemplateCommandInput> = {}) =>
  (
    await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName,
        LaunchTemplateData: {
          ImageId: 'ami-00000000000000001',
          InstanceType: 't3.micro',
          BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { VolumeSize: 8, DeleteOnTermination: true } }],
          InstanceMarketOptions: { MarketType: 'spot', SpotOptions: { ValidUntil: VALID_UNTIL } },
          TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'web' }] }],
        },
        ...more,
      }),
    )
  ).LaunchTemplate!;
const versions = async (input: DescribeLaunchTemplateVersionsCommandInput) =>
  (await ec2.send(new DescribeLaunchTemplateVersionsCommand(input))).LaunchTemplateVersions!;

test('a template, its versions and its default', async () => {
  const made = await create('web', {
    TagSpecifications: [{ ResourceType: 'launch-template', Tags: [{ Key: 'Team', Value: 'web' }] }],
  });
  assert.deepEqual(
    [made.DefaultVersionNumber, made.LatestVersionNumber, made.CreatedBy],
    [1, 1, `arn:aws:iam::${ACCOUNT}:root`],
  );
  assert.deepEqual(made.Tags, [{ Key: 'Team', Value: 'web' }]);
  const LaunchTemplateId = made.LaunchTemplateId!;
  const { LaunchTemplateVersion: second } = await ec2.send(
    new CreateLaunchTemplateVersionCommand({
      LaunchTemplateName: 'web',
      SourceVersion: '$Latest',
      VersionDescription: 'next',
      LaunchTemplateData: { ImageId: 'ami-00000000000000002' },
    }),
  );
  assert.deepEqual(
    [second!.VersionNumber, second!.LaunchTemplateData!.ImageId, second!.LaunchTemplateData!.InstanceType],
    [2, 'ami-00000000000000002', 't3.micro'],
  );
  assert.deepEqual(second!.LaunchTemplateData!.InstanceMarketOptions!.SpotOptions!.ValidUntil, VALID_UNTIL);
  const numbers = async (input: DescribeLaunchTemplateVersionsCommandInput) =>
    (await versions(input)).map(({ VersionNumber, DefaultVersion }) => [VersionNumber, DefaultVersion]);
  assert.deepEqual(await numbers({ LaunchTemplateId, Versions: ['$Latest'] }), [[2, false]]);
  await ec2.send(new ModifyLaunchTemplateCommand({ LaunchTemplateId, DefaultVersion: '2' }));
  assert.deepEqual(await numbers({ LaunchTemplateId }), [
    [1, false],
    [2, true],
  ]);
  assert.deepEqual(await numbers({ Versions: ['$Default'] }), [[2, true]]);
  await assert.rejects(versions({ LaunchTemplateId, Versions: ['7'] }), {
    name: 'InvalidLaunchTemplateId.VersionNotFound',
  });
  const gone = await ec2.send(new DeleteLaunchTemplateVersionsCommand({ LaunchTemplateId, Versions: ['1', '2', '9'] }));
  assert.deepEqual(
    [
      gone.SuccessfullyDeletedLaunchTemplateVersions!.map(({ VersionNumber }) => VersionNumber),
      gone.UnsuccessfullyDeletedLaunchTemplateVersions!.map(({ VersionNumber }) => VersionNumber),
    ],
    [[1], [2, 9]],
  );
  await ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId }));
  await assert.rejects(versions({ LaunchTemplateId }), { name: 'InvalidLaunchTemplateId.NotFound' });
});

test('the same client token is one template; a name is one template', async () => {
  const first = await create('once', { ClientToken: 'token' });
  const again = await create('once', { ClientToken: 'token' });
  assert.deepEqual([again.LaunchTemplateId, again.CreateTime], [first.LaunchTemplateId, first.CreateTime]);
  await assert.rejects(create('once', { ClientToken: 'token', VersionDescription: 'x' }), {
    name: 'IdempotentParameterMismatch',
  });
  await assert.rejects(create('once'), { name: 'InvalidLaunchTemplateName.AlreadyExistsException' });
  await assert.rejects(create('no'), { name: 'InvalidParameterValue' });
});

test('lists, other accounts and policies', async () => {
  for (const name of ['list-a', 'list-b', 'list-c']) await create(name);
  const list = async (client = ec2) =>
    (
      await client.send(
        new DescribeLaunchTemplatesCommand({ Filters: [{ Name: 'launch-template-name', Values: ['list-*'] }] }),
      )
    )
      .LaunchTemplates!.map(({ LaunchTemplateName }) => LaunchTemplateName)
      .sort();
  assert.deepEqual(await list(), ['list-a', 'list-b', 'list-c']);
  assert.deepEqual(await list(clientOf(api.connectionOf('other').credentials)), []);
  const user = clientOf(
    await addUser(api, `arn:aws:iam::${ACCOUNT}:user/reader`, {
      Effect: 'Allow',
      Action: 'ec2:DescribeLaunchTemplates',
      Resource: '*',
    }),
  );
  assert.equal((await list(user)).length, 3);
  await assert.rejects(user.send(new DeleteLaunchTemplateCommand({ LaunchTemplateName: 'list-a' })), {
    name: 'UnauthorizedOperation',
  });
});
