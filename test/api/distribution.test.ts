/** Distributions: what is proved before a build, and what is done with the AMIs once they are there. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { CreateLaunchTemplateCommand, DescribeImagesCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  type Distribution,
} from '@aws-sdk/client-imagebuilder';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { insertAmi } from '../../src/catalog/amis.ts';
import { launchTemplates, versionsOf } from '../../src/catalog/launch-templates.ts';
import { configureRegion, shareAmis } from '../../src/distribution/configure.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, DEBIAN, REGION, startApi, type TestApi } from './server.ts';

const OTHER = '210987654321';
const OWN_AMI = 'ami-00000000000000001';
const OTHER_AMI = 'ami-00000000000000002';
let api: TestApi;
let ec2: EC2Client;
let ssm: SSMClient;
let recipe: string;
let infrastructure: string;
let number = 0;

before(async () => {
  api = await startApi();
  const { credentials } = api.connectionOf('same');
  ec2 = new EC2Client({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });
  ssm = new SSMClient({ endpoint: api.endpoint, region: REGION, credentials, maxAttempts: 1 });
  const made = await api.client.send(
    new CreateImageRecipeCommand({ name: 'web', semanticVersion: '1.0.0', parentImage: DEBIAN }),
  );
  recipe = made.imageRecipeArn!;
  const settings = await api.client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'builders', instanceProfileName: 'None' }),
  );
  infrastructure = settings.infrastructureConfigurationArn!;
  for (const [id, account] of [
    [OWN_AMI, ACCOUNT],
    [OTHER_AMI, OTHER],
  ] as const)
    await insertAmi(api.catalog.db, {
      id,
      region: REGION,
      account,
      name: 'web',
      description: null,
      image_arn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/web/1.0.0/1`,
      layer_id: null,
      file: 'none',
      state: 'available',
      tags: '{}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      created: '2026-01-01T00:00:00.000Z',
    });
});
after(() => api.close());

async function createImage(distributions: Distribution[]): Promise<string> {
  const { distributionConfigurationArn } = await api.client.send(
    new CreateDistributionConfigurationCommand({ name: `everywhere-${++number}`, distributions }),
  );
  const { imageBuildVersionArn } = await api.client.send(
    new CreateImageCommand({
      imageRecipeArn: recipe,
      infrastructureConfigurationArn: infrastructure,
      distributionConfigurationArn,
    }),
  );
  return imageBuildVersionArn!;
}

const createTemplate = async (LaunchTemplateName: string): Promise<string> =>
  (
    await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName,
        LaunchTemplateData: { ImageId: 'ami-00000000000000009', InstanceType: 't3.micro' },
      }),
    )
  ).LaunchTemplate!.LaunchTemplateId!;

test('a distribution that cannot work is refused before the build, with all that is wrong', async () => {
  await ssm.send(new PutParameterCommand({ Name: '/golden/secret', Type: 'SecureString', Value: 'x' }));
  const distributions = (template: string, parameterName: string): Distribution[] => [
    {
      region: REGION,
      amiDistributionConfiguration: { targetAccountIds: [OTHER] },
      launchTemplateConfigurations: [{ launchTemplateId: template }],
      ssmParameterConfigurations: [{ parameterName }],
    },
  ];
  const wrong = createImage(distributions('lt-0123456789abcdef0', '/golden/secret'));
  await assert.rejects(wrong, (error: Error) => {
    assert.equal(error.name, 'InvalidRequestException');
    for (const part of [
      /targetAccountIds\[0\]: the role arn:aws:iam::210987654321:role\/EC2ImageBuilderDistributionCrossAccountRole does not/,
      /launchTemplateConfigurations\[0\]\.launchTemplateId: the launch template lt-0123456789abcdef0 does not exist/,
      /ssmParameterConfigurations\[0\]\.parameterName: the parameter \/golden\/secret is a SecureString/,
    ])
      assert.match(error.message, part);
    return true;
  });
  const role = `arn:aws:iam::${OTHER}:role/EC2ImageBuilderDistributionCrossAccountRole`;
  const trust = (account: string): string =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { AWS: `arn:aws:iam::${account}:root` },
      },
    });
  const putRole = (account: string) =>
    signedJson(api.connectionOf('same'), {
      method: 'POST',
      path: `/ingot/principals/${encodeURIComponent(role)}`,
      body: { trustPolicy: trust(account) },
    });
  const template = await createTemplate('web');
  await putRole('333344445555');
  await assert.rejects(createImage(distributions(template, '/golden/web')), /does not let account 123456789012 assume/);
  await signedJson(api.connectionOf('same'), {
    method: 'DELETE',
    path: `/ingot/principals/${encodeURIComponent(role)}`,
  });
  await putRole(ACCOUNT);
  assert.match(await createImage(distributions(template, '/golden/web')), /image\/web\/1\.0\.0\/\d+$/);
});

test('launch templates get a version from their latest, parameters the AMI of each account', async () => {
  const id = await createTemplate('configured');
  const amis = [
    { region: REGION, amiId: OWN_AMI, accountId: ACCOUNT },
    { region: REGION, amiId: OTHER_AMI, accountId: OTHER },
  ];
  const configure = () =>
    api.catalog.transaction((trx) =>
      configureRegion(trx, ACCOUNT, amis, {
        region: REGION,
        launchTemplateConfigurations: [{ launchTemplateId: id }],
        ssmParameterConfigurations: [
          { parameterName: '/released/web' },
          { parameterName: '/released/text', dataType: 'text' },
          { parameterName: '/released/web', amiAccountId: OTHER },
        ],
      }),
    );
  const done = await configure();
  assert.deepEqual(done[0], `${id} in ${REGION}: version 2 has ${OWN_AMI}, and is the default`);
  await configure();
  const versions = await versionsOf(api.catalog.db, id);
  assert.deepEqual(
    versions.map(({ data }) => JSON.parse(data) as object),
    [
      { ImageId: 'ami-00000000000000009', InstanceType: 't3.micro' },
      { ImageId: OWN_AMI, InstanceType: 't3.micro' },
    ],
    'done again, nothing is added',
  );
  const [template] = (await launchTemplates(api.catalog.db, { account: ACCOUNT, region: REGION })).filter(
    (each) => each.id === id,
  );
  assert.equal(template!.default_version, 2);
  const parameter = async (Name: string, client = ssm) =>
    (await client.send(new GetParameterCommand({ Name }))).Parameter!;
  assert.deepEqual(
    [(await parameter('/released/web')).Value, (await parameter('/released/web')).DataType],
    [OWN_AMI, 'aws:ec2:image'],
  );
  assert.equal((await parameter('/released/web')).Version, 1);
  assert.equal((await parameter('/released/text')).DataType, 'text');
  const other = new SSMClient({
    endpoint: api.endpoint,
    region: REGION,
    credentials: api.connectionOf('other').credentials,
  });
  assert.equal((await parameter('/released/web', other)).Value, OTHER_AMI);
});

test('a launch permission opens the AMI of its Region', async () => {
  const amis = [{ region: REGION, amiId: OWN_AMI, accountId: ACCOUNT }];
  const other = new EC2Client({
    endpoint: api.endpoint,
    region: REGION,
    credentials: api.connectionOf('other').credentials,
  });
  const seen = async (): Promise<(string | undefined)[]> =>
    (await other.send(new DescribeImagesCommand({}))).Images!.map(({ ImageId }) => ImageId).sort();
  assert.deepEqual(await seen(), [OTHER_AMI]);
  await shareAmis(api.catalog.db, amis, { region: 'us-east-1', permission: { userIds: [OTHER] } });
  assert.deepEqual(await seen(), [OTHER_AMI]);
  await shareAmis(api.catalog.db, amis, { region: REGION, permission: { userIds: [OTHER], userGroups: [] } });
  assert.deepEqual(await seen(), [OWN_AMI, OTHER_AMI]);
});
