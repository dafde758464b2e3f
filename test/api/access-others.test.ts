/** Access between accounts, policies that cannot be read, launching, and principals. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import {
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteComponentCommand,
  GetComponentCommand,
  ListComponentsCommand,
  ListImageRecipesCommand,
  ListImagesCommand,
  PutComponentPolicyCommand,
  PutImagePolicyCommand,
  PutImageRecipePolicyCommand,
  TagResourceCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { insertAmi } from '../../src/catalog/amis.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { newAmiId } from '../../src/platform/ids.ts';
import { type RequestRefused, signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, DEBIAN, REGION } from './server.ts';
import {
  OTHER,
  api,
  type Account,
  type Key,
  own,
  at,
  nextNumber,
  user,
  allow,
  deny,
  component,
  refused,
} from './principals.ts';

describe('other accounts', () => {
  test('get what a resource policy and their own policies open, and no more', async () => {
    const name = `shared-${nextNumber()}`;
    const arn = (await api.client.send(component(name))).componentBuildVersionArn!;
    const get = new GetComponentCommand({ componentBuildVersionArn: arn });
    const other = api.clientOf('other', REGION);
    await refused(other.send(get), /because no resource-based policy allows the imagebuilder:GetComponent action/);
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: [OTHER] },
          Action: ['imagebuilder:GetComponent', 'imagebuilder:DeleteComponent'],
          Resource: arn,
        },
      ],
    });
    await api.client.send(new PutComponentPolicyCommand({ componentArn: arn, policy }));
    assert.equal((await other.send(get)).component?.arn, arn);
    assert.equal(
      (await other.send(new GetComponentCommand({ componentBuildVersionArn: arn.replace('1.0.0/1', 'x.x.x') })))
        .component?.arn,
      arn,
    );
    const listed = async (client: ImagebuilderClient, filters?: { name: string; values: string[] }[]) =>
      (await client.send(new ListComponentsCommand({ owner: 'Shared', filters }))).componentVersionList!.map(
        (each) => each.arn,
      );
    assert.deepEqual(await listed(other), [arn.replace(/\/1$/, '')]);
    assert.deepEqual(await listed(other, [{ name: 'name', values: ['another'] }]), []);
    assert.deepEqual(await listed(api.client), []);
    // By name: the latest of the versions that are open.
    const later = (await api.client.send(component(name, { semanticVersion: '1.10.0' }))).componentBuildVersionArn!;
    const earlier = (await api.client.send(component(name, { semanticVersion: '1.9.0' }))).componentBuildVersionArn!;
    for (const each of [later, earlier])
      await api.client.send(
        new PutComponentPolicyCommand({ componentArn: each, policy: policy.replaceAll(arn, each) }),
      );
    const byName = (await other.send(new ListComponentsCommand({ owner: 'Shared', byName: true })))
      .componentVersionList!;
    assert.deepEqual(
      byName.map((each) => [each.arn, each.version]),
      [[arn.replace('1.0.0/1', 'x.x.x'), '1.10.0']],
    );
    for (const each of [later, earlier])
      await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: each }));
    await refused((await user([allow('imagebuilder:List*')], 'other')).client.send(get), /no identity-based policy/);
    assert.equal((await (await user([allow('imagebuilder:Get*')], 'other')).client.send(get)).component?.name, name);
    const { imageRecipeArn } = await other.send(
      new CreateImageRecipeCommand({
        name: `with-${name}`,
        semanticVersion: '1.0.0',
        parentImage: DEBIAN,
        components: [{ componentArn: arn }],
      }),
    );
    await other.send(
      new PutImageRecipePolicyCommand({
        imageRecipeArn,
        policy: JSON.stringify({
          Statement: { Effect: 'Allow', Principal: '*', Action: 'imagebuilder:GetImageRecipe', Resource: '*' },
        }),
      }),
    );
    assert.deepEqual(
      (await api.client.send(new ListImageRecipesCommand({ owner: 'Shared' }))).imageRecipeSummaryList!.map(
        (each) => each.arn,
      ),
      [imageRecipeArn],
    );
    assert.deepEqual((await api.client.send(new ListImagesCommand({ owner: 'Shared' }))).imageVersionList, []);
    // A policy opens; it does not hand over.
    await assert.rejects(other.send(new DeleteComponentCommand({ componentBuildVersionArn: arn })), {
      name: 'ForbiddenException',
      message: /belongs to another account/,
    });
    await refused(other.send(new TagResourceCommand({ resourceArn: arn, tags: { a: 'b' } })), /TagResource/);
  });
});

describe('a policy of a resource that cannot be read any more', () => {
  test('opens nothing, and is repaired by those who may', async () => {
    const arn = (await api.client.send(component(`unreadable-${nextNumber()}`))).componentBuildVersionArn!;
    const get = new GetComponentCommand({ componentBuildVersionArn: arn });
    const policy = JSON.stringify({
      Statement: { Effect: 'Allow', Principal: { AWS: OTHER }, Action: 'imagebuilder:GetComponent', Resource: '*' },
    });
    await api.client.send(new PutComponentPolicyCommand({ componentArn: arn, policy }));
    await api.catalog.db
      .updateTable('resource_policies')
      .set({ policy: '{"Statement":{"Effect":"Perhaps"}}' })
      .where('arn', '=', arn)
      .execute();
    await refused(api.clientOf('other', REGION).send(get), /because no resource-based policy allows/);
    const { client } = await user([allow('imagebuilder:*')]);
    await refused(client.send(get), /because the policy of .* cannot be read: .*Replace it\.$/);
    await api.client.send(get);
    await client.send(new PutComponentPolicyCommand({ componentArn: arn, policy }));
    await client.send(get);
    await api.clientOf('other', REGION).send(get);
  });
});

describe('a policy of a user that cannot be read any more', () => {
  test('refuses all that the user asks, and says which it is', async () => {
    const { arn, client } = await user([allow('imagebuilder:*')]);
    await api.catalog.db
      .updateTable('principal_policies')
      .set({ document: '{"Statement":{"Effect":"Perhaps"}}' })
      .where('principal', '=', arn)
      .execute();
    await refused(client.send(new ListComponentsCommand({})), /^the policy p of .* cannot be read: .*Replace it\.$/);
  });
});

describe('launching', () => {
  const launch = (image: string, credentials: Key | undefined, account: Account, more: object = {}) =>
    signedJson<{ instanceId: string }>(
      { ...api.connectionOf(account), ...(credentials === undefined ? {} : { credentials }) },
      { method: 'POST', path: '/ingot/instances', body: { image, publish: [], sshKeys: [], ...more } },
    );
  const instances = `arn:aws:ec2:${REGION}:*:instance/*`;
  let arn: string;
  let ami: string;
  before(async () => {
    const { imageRecipeArn } = await api.client.send(
      new CreateImageRecipeCommand({ name: 'launched', semanticVersion: '1.0.0', parentImage: DEBIAN }),
    );
    const { infrastructureConfigurationArn } = await api.client.send(
      new CreateInfrastructureConfigurationCommand({ name: 'launched', instanceProfileName: 'p' }),
    );
    arn = (await api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn })))
      .imageBuildVersionArn!;
    ami = newAmiId();
    await api.catalog.transaction(async (trx) => {
      await insertAmi(trx, {
        id: ami,
        region: REGION,
        account: ACCOUNT,
        name: ami,
        description: null,
        image_arn: arn,
        layer_id: null,
        file: 'layers/x.qcow2',
        state: 'available',
        tags: '{}',
        platform: 'Linux',
        os_version: 'Debian 12',
        architecture: 'x86_64',
        created: new Date().toISOString(),
      });
      for (const to of ['CREATING', 'BUILDING', 'AVAILABLE'] as const) await transitionImage(trx, arn, to);
    });
  });

  test('is authorized on the image too, named by its ARN or by its AMI', async () => {
    const narrow = await user([allow('ingot:LaunchInstance', instances)]);
    for (const image of [arn, ami, arn.replace('1.0.0/1', 'x.x.x')]) {
      await assert.rejects(
        launch(image, narrow.key, 'same'),
        (error: RequestRefused) =>
          error.code === 'AccessDeniedException' &&
          error.message.includes('ingot:LaunchInstance on resource: arn:aws:imagebuilder'),
      );
    }
    const wide = await user([allow('ingot:LaunchInstance', [instances, `arn:aws:imagebuilder:*:*:image/launched/*`])]);
    for (const image of [arn, ami, arn.replace('1.0.0/1', 'x.x.x')])
      assert.match((await launch(image, wide.key, 'same')).instanceId, /^i-/);
    const kept = await user([allow('ingot:*'), deny('ingot:LaunchInstance', arn)]);
    for (const image of [arn, ami, arn.replace('1.0.0/1', 'x.x.x')])
      await assert.rejects(launch(image, kept.key, 'same'), { code: 'AccessDeniedException' });
  });

  test('with an instance profile passes its role, and the profile has to have credentials', async () => {
    writeFileSync(
      join(api.catalog.dataDirectory, 'config.yaml'),
      'instanceProfiles: {reader: {credentials: {accessKeyId: AKIAIOSFODNN7EXAMPLE, secretAccessKey: x}}}\n',
      { mode: 0o600 },
    );
    try {
      const reader = { instanceProfile: 'reader' };
      const without = await user([allow('ingot:LaunchInstance')]);
      await assert.rejects(
        launch(ami, without.key, 'same', reader),
        (error: RequestRefused) =>
          error.code === 'AccessDeniedException' &&
          error.message.includes(`iam:PassRole on resource: arn:aws:iam::${ACCOUNT}:role/reader`),
      );
      const may = await user([allow(['ingot:LaunchInstance', 'iam:PassRole'])]);
      assert.match((await launch(ami, may.key, 'same', reader)).instanceId, /^i-/);
      await assert.rejects(launch(ami, may.key, 'same', { instanceProfile: 'nobody' }), {
        code: 'InvalidParameterValueException',
        message: /'instanceProfile'.*'nobody' has no credentials in config\.yaml/,
      });
      await assert.rejects(launch(ami, may.key, 'same', { instanceProfile: 'a/b' }), {
        code: 'InvalidParameterValueException',
        message: /the name of an instance profile/,
      });
    } finally {
      rmSync(join(api.catalog.dataDirectory, 'config.yaml'));
    }
  });

  test("needs another account's permission", async () => {
    await assert.rejects(launch(arn, undefined, 'other'), { code: 'AccessDeniedException' });
    await assert.rejects(launch(ami, undefined, 'other'), { code: 'ResourceNotFoundException' });
    await api.client.send(
      new PutImagePolicyCommand({
        imageArn: arn,
        policy: JSON.stringify({
          Statement: { Effect: 'Allow', Principal: { AWS: OTHER }, Action: 'ingot:LaunchInstance', Resource: '*' },
        }),
      }),
    );
    for (const image of [arn, ami]) assert.match((await launch(image, undefined, 'other')).instanceId, /^i-/);
  });
});

describe('principals', () => {
  const gone = (request: Promise<unknown>, code: string, message = /./) =>
    assert.rejects(request, (error: RequestRefused) => error.code === code && message.test(error.message));

  test('are made once, told whole but for secrets, and looked after from the first account', async () => {
    const { arn, key } = await user([allow('*')], 'other');
    const told = JSON.stringify(await own('GET', at(arn)));
    assert.match(told, new RegExp(key.accessKeyId));
    assert.ok(!told.includes(key.secretAccessKey));
    assert.match(JSON.stringify(await own('GET', '')), new RegExp(arn));
    assert.doesNotMatch(JSON.stringify(await own('GET', '', undefined, 'other')), new RegExp(`::${ACCOUNT}:`));
    await gone(own('POST', at(arn), {}), 'ResourceAlreadyExistsException');
    await gone(own('POST', at(`arn:aws:iam::${ACCOUNT}:user/intruder`), {}, 'other'), 'AccessDeniedException');
    await own('POST', `${at(arn)}/keys`);
    await gone(own('POST', `${at(arn)}/keys`), 'ServiceQuotaExceededException');
    assert.ok(
      !readFileSync(join(api.catalog.dataDirectory, 'catalog.db-wal')).includes(key.secretAccessKey),
      'a secret lies open in the catalogue',
    );
  });

  test('are refused with the place of the fault', async () => {
    const arn = `arn:aws:iam::${ACCOUNT}:role/r${nextNumber()}`;
    await gone(
      own('POST', at('arn:aws:iam::1:user/x'), {}),
      'InvalidParameterValueException',
      /not the ARN of a user or a role/,
    );
    await gone(own('POST', at(arn), {}), 'InvalidParameterValueException', /A role needs a trust policy/);
    await gone(
      own('POST', at(arn), { trustPolicy: '{"Statement":[]}' }),
      'InvalidParameterValueException',
      /Statement: is required/,
    );
    await gone(
      own('POST', at(`arn:aws:iam::${ACCOUNT}:user/x`), { maxSessionSeconds: 3600 }),
      'InvalidParameterValueException',
      /no sessions/,
    );
    await own('POST', at(arn), {
      trustPolicy: JSON.stringify({
        Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: ACCOUNT } },
      }),
    });
    await gone(
      own('POST', `${at(arn)}/policies/p`, {
        document: '{"Statement":{"Effect":"Allow","Action":"x","Resource":"*"}}',
      }),
      'InvalidParameterValueException',
      /Statement\.Action\[0\]: 'x' is not an action/,
    );
    await gone(own('POST', `${at(arn)}/keys`), 'InvalidRequestException', /is a role/);
    await gone(own('DELETE', `${at(arn)}/policies/none`), 'ResourceNotFoundException');
    await gone(own('DELETE', at(`arn:aws:iam::${ACCOUNT}:user/nobody`)), 'ResourceNotFoundException');
  });

  test('a user may do of this what its policies allow', async () => {
    const { key } = await user([allow('ingot:GetPrincipal'), allow('ingot:DescribeServer')]);
    const as = (method: string, path: string) =>
      signedJson({ ...api.connectionOf('same'), credentials: key }, { method, path });
    await as('GET', '/ingot/server');
    await gone(as('GET', '/ingot/principals'), 'AccessDeniedException', /ingot:ListPrincipals/);
    await gone(
      as('POST', '/ingot/server/stop'),
      'AccessDeniedException',
      new RegExp(`ingot:StopServer on resource: arn:aws:ingot::${ACCOUNT}:server`),
    );
  });
});
