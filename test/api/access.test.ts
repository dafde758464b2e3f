/** Who may do what, over a socket: principals made through Ingot's routes, calls by the SDK with their keys. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImagePipelineCommand,
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
  UntagResourceCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import { insertAmi } from '../../src/catalog/amis.ts';
import { transitionImage } from '../../src/catalog/images.ts';
import { newAmiId } from '../../src/platform/ids.ts';
import { addTags } from '../../src/catalog/tags.ts';
import { type RequestRefused, signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

const OTHER = '210987654321';
let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

type Account = 'same' | 'other';
interface Key {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
const own = (method: string, path: string, body?: object, account: Account = 'same') =>
  signedJson<Record<string, unknown>>(api.connectionOf(account), {
    method,
    path: `/ingot/principals${path}`,
    ...(body === undefined ? {} : { body }),
  });
const at = (arn: string): string => `/${encodeURIComponent(arn)}`;
let serial = 0;

/** A user with these statements, and a client with its key. */
async function user(
  statements: readonly object[],
  account: Account = 'same',
  tags: Record<string, string> = {},
): Promise<{ arn: string; key: Key; client: ImagebuilderClient }> {
  const arn = `arn:aws:iam::${account === 'same' ? ACCOUNT : OTHER}:user/u${++serial}`;
  await own('POST', at(arn), { tags: Object.entries(tags).map(([key, value]) => ({ key, value })) }, account);
  await own(
    'POST',
    `${at(arn)}/policies/p`,
    { document: JSON.stringify({ Version: '2012-10-17', Statement: statements }) },
    account,
  );
  const key = (await own('POST', `${at(arn)}/keys`, undefined, account)) as unknown as Key;
  return { arn, key, client: api.clientWith(key) };
}
const allow = (Action: string | string[], Resource: string | string[] = '*', more: object = {}): object => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
});
const deny = (Action: string | string[], Resource: string | string[] = '*', more: object = {}): object => ({
  ...allow(Action, Resource, more),
  Effect: 'Deny',
});
const component = (name: string, more: object = {}) =>
  new CreateComponentCommand({
    name,
    semanticVersion: '1.0.0',
    platform: 'Linux',
    data: documentOf(`echo ${++serial}`),
    ...more,
  });
const refused = (request: Promise<unknown>, message: RegExp | string) =>
  assert.rejects(request, (error: Error) => {
    assert.equal(error.name, 'AccessDeniedException', error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });

describe('what policies of a user allow', () => {
  test('nothing, without one that does; the refusal names action and resource', async () => {
    const { arn, client } = await user([allow('imagebuilder:List*')]);
    assert.deepEqual((await client.send(new ListComponentsCommand({}))).componentVersionList, []);
    await refused(
      client.send(component('web')),
      `User: ${arn} is not authorized to perform: imagebuilder:CreateComponent on resource: ` +
        `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:component/web/1.0.0/* because no identity-based policy allows the ` +
        'imagebuilder:CreateComponent action',
    );
  });

  test('names with wildcards, and an explicit deny', async () => {
    const { client } = await user([
      allow('imagebuilder:*', `arn:aws:imagebuilder:*:${ACCOUNT}:component/mine-*`),
      deny('imagebuilder:Delete*'),
    ]);
    const { componentBuildVersionArn } = await client.send(component(`mine-${++serial}`));
    await client.send(new GetComponentCommand({ componentBuildVersionArn }));
    await refused(client.send(component('yours')), /no identity-based policy allows/);
    await refused(
      client.send(new DeleteComponentCommand({ componentBuildVersionArn })),
      /with an explicit deny in an identity-based policy$/,
    );
  });

  test('a wildcard leads to nothing that the build itself is kept from', async () => {
    const created = await api.client.send(component(`kept-${++serial}`));
    const arn = created.componentBuildVersionArn!;
    const { client } = await user([allow('imagebuilder:Get*'), deny('imagebuilder:GetComponent', arn)]);
    await refused(client.send(new GetComponentCommand({ componentBuildVersionArn: arn })), /explicit deny/);
    await refused(
      client.send(new GetComponentCommand({ componentBuildVersionArn: arn.replace('1.0.0/1', 'x.x.x') })),
      /explicit deny/,
    );
  });

  test('tags of the request, of the resource and of the user', async () => {
    const { client } = await user(
      [
        allow(['imagebuilder:CreateComponent', 'imagebuilder:TagResource'], '*', {
          Condition: {
            StringEquals: { 'aws:RequestTag/team': '${aws:PrincipalTag/team}' },
            'ForAllValues:StringEquals': { 'aws:TagKeys': ['team', 'stage'] },
          },
        }),
        allow(['imagebuilder:GetComponent', 'imagebuilder:UntagResource'], '*', {
          Condition: { StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } },
        }),
      ],
      'same',
      { team: 'web' },
    );
    await refused(client.send(component('untagged')), /CreateComponent/);
    await refused(client.send(component('theirs', { tags: { team: 'db' } })), /CreateComponent/);
    await refused(client.send(component('odd', { tags: { team: 'web', owner: 'me' } })), /CreateComponent/);
    const arn = (await client.send(component(`ours-${++serial}`, { tags: { team: 'web', stage: 'test' } })))
      .componentBuildVersionArn!;
    await client.send(new GetComponentCommand({ componentBuildVersionArn: arn }));
    await client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: ['stage'] }));
    const foreign = (await api.client.send(component(`foreign-${++serial}`, { tags: { team: 'db' } })))
      .componentBuildVersionArn!;
    await refused(client.send(new GetComponentCommand({ componentBuildVersionArn: foreign })), /GetComponent/);
    await refused(client.send(new TagResourceCommand({ resourceArn: arn, tags: { team: 'db' } })), /TagResource/);
  });

  test('tags that differ only in case are refused, and where they are there, no way around a condition', async () => {
    const both = { team: 'web', Team: 'db' };
    const alike = /has the keys 'team' and '(Team|TEAM)', which differ only in case/;
    await assert.rejects(api.client.send(component('alike', { tags: both })), {
      name: 'InvalidParameterValueException',
      message: alike,
    });
    const arn = (await api.client.send(component(`cased-${++serial}`, { tags: { team: 'db' } })))
      .componentBuildVersionArn!;
    for (const tags of [both, { Team: 'web' }, { TEAM: 'web' }] as readonly Record<string, string>[]) {
      await assert.rejects(api.client.send(new TagResourceCommand({ resourceArn: arn, tags })), {
        name: 'InvalidParameterException',
        message: alike,
      });
    }
    const settings = { name: `infra-${++serial}`, instanceProfileName: 'builder', resourceTags: both };
    await assert.rejects(api.client.send(new CreateInfrastructureConfigurationCommand(settings)), {
      name: 'InvalidParameterValueException',
      message: alike,
    });
    const principal = `/ingot/principals/${encodeURIComponent(`arn:aws:iam::${ACCOUNT}:user/cased`)}`;
    for (const keys of [
      ['team', 'TEAM'],
      ['team', 'team'],
    ]) {
      const tags = keys.map((key) => ({ key, value: key }));
      await assert.rejects(signedJson(api.connectionOf('same'), { method: 'POST', path: principal, body: { tags } }), {
        code: 'InvalidParameterValueException',
      });
    }
    // On record from a time before: both count, and the condition needs both.
    await addTags(api.catalog.db, arn, { Team: 'web' });
    const condition = { Condition: { StringEquals: { 'aws:ResourceTag/team': 'web' } } };
    const { client } = await user([allow('imagebuilder:GetComponent', '*', condition)]);
    await refused(client.send(new GetComponentCommand({ componentBuildVersionArn: arn })), /GetComponent/);
    const denied = await user([
      allow('imagebuilder:*'),
      deny('imagebuilder:GetComponent', '*', { Condition: { StringEquals: { 'aws:ResourceTag/TEAM': 'db' } } }),
    ]);
    await refused(denied.client.send(new GetComponentCommand({ componentBuildVersionArn: arn })), /explicit deny/);
  });

  test('to create with tags is to tag', async () => {
    const { client } = await user([allow('imagebuilder:CreateComponent')]);
    await client.send(component(`plain-${++serial}`));
    await refused(
      client.send(component(`tagged-${++serial}`, { tags: { a: 'b' } })),
      /perform: imagebuilder:TagResource on resource/,
    );
  });

  test('address and time of the request', async () => {
    const here = await user([
      allow('imagebuilder:*', '*', {
        Condition: {
          IpAddress: { 'aws:SourceIp': '127.0.0.0/8' },
          DateGreaterThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' },
        },
      }),
    ]);
    await here.client.send(new ListComponentsCommand({}));
    const elsewhere = await user([
      allow('imagebuilder:*', '*', { Condition: { IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } } }),
    ]);
    await refused(elsewhere.client.send(new ListComponentsCommand({})), /ListComponents/);
    const earlier = await user([
      allow('imagebuilder:*', '*', { Condition: { DateLessThan: { 'aws:CurrentTime': '2020-01-01T00:00:00Z' } } }),
    ]);
    await refused(earlier.client.send(new ListComponentsCommand({})), /ListComponents/);
  });

  test("a profile is passed with iam:PassRole, and Image Builder's own keys count", async () => {
    const infrastructure = (more: object) =>
      new CreateInfrastructureConfigurationCommand({
        name: `infra-${++serial}`,
        instanceProfileName: 'builder',
        ...more,
      });
    const without = await user([allow('imagebuilder:*')]);
    await refused(
      without.client.send(infrastructure({})),
      new RegExp(`perform: iam:PassRole on resource: arn:aws:iam::${ACCOUNT}:role/builder because no identity-based`),
    );
    const pass = allow('iam:PassRole', `arn:aws:iam::${ACCOUNT}:role/builder`, {
      Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    });
    const strict = await user([
      pass,
      allow('imagebuilder:CreateInfrastructureConfiguration', '*', {
        Condition: {
          StringEquals: {
            'imagebuilder:Ec2MetadataHttpTokens': 'required',
            'imagebuilder:CreatedResourceTag/team': 'web',
          },
        },
      }),
    ]);
    await refused(
      strict.client.send(infrastructure({ resourceTags: { team: 'web' } })),
      /CreateInfrastructureConfiguration/,
    );
    await strict.client.send(
      infrastructure({ resourceTags: { team: 'web' }, instanceMetadataOptions: { httpTokens: 'required' } }),
    );
    await refused(
      strict.client.send(
        infrastructure({
          resourceTags: { team: 'web' },
          instanceMetadataOptions: { httpTokens: 'required' },
          instanceProfileName: 'admin',
        }),
      ),
      /role\/admin/,
    );
  });

  test('what a recipe or a pipeline is made of has to be readable', async () => {
    const { client } = await user([allow('imagebuilder:CreateImageRecipe'), allow('imagebuilder:GetComponent')]);
    const recipe = (parentImage: string) =>
      new CreateImageRecipeCommand({
        name: `recipe-${++serial}`,
        semanticVersion: '1.0.0',
        parentImage,
        components: [{ componentArn: `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x` }],
      });
    await refused(
      client.send(recipe(DEBIAN)),
      /perform: imagebuilder:GetImage on resource: .*:aws:image\/debian-12-x86/,
    );
    await assert.rejects(client.send(recipe('ami-0123456789abcdef0')), {
      name: 'InvalidParameterValueException',
      message: /You are not authorized to use the provided image/,
    });
    const pipeline = new CreateImagePipelineCommand({
      name: 'pipeline',
      imageRecipeArn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image-recipe/r/1.0.0`,
      infrastructureConfigurationArn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:infrastructure-configuration/i`,
    });
    await refused((await user([allow('imagebuilder:Create*')])).client.send(pipeline), /GetImageRecipe/);
  });

  test('a key that was switched off or removed, and the keys of a removed user, are rejected from then on', async () => {
    const { arn, key, client } = await user([allow('*')]);
    const unknown = { name: 'UnrecognizedClientException' };
    await client.send(new ListComponentsCommand({}));
    await own('POST', `${at(arn)}/keys/${key.accessKeyId}`, { status: 'Inactive' });
    await assert.rejects(client.send(new ListComponentsCommand({})), unknown);
    await own('POST', `${at(arn)}/keys/${key.accessKeyId}`, { status: 'Active' });
    await client.send(new ListComponentsCommand({}));
    await own('DELETE', `${at(arn)}/policies/p`);
    await refused(client.send(new ListComponentsCommand({})), /ListComponents/);
    await own('DELETE', at(arn));
    await assert.rejects(client.send(new ListComponentsCommand({})), unknown);
  });
});

describe('other accounts', () => {
  test('get what a resource policy and their own policies open, and no more', async () => {
    const name = `shared-${++serial}`;
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
    const arn = (await api.client.send(component(`unreadable-${++serial}`))).componentBuildVersionArn!;
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
    const arn = `arn:aws:iam::${ACCOUNT}:role/r${++serial}`;
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
