/** What policies of a user allow. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteComponentCommand,
  GetComponentCommand,
  ListComponentsCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-imagebuilder';
import { addTags } from '../../src/catalog/tags.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, DEBIAN, REGION } from './server.ts';
import { api, own, at, nextNumber, user, allow, deny, component, refused } from './principals.ts';

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
    const { componentBuildVersionArn } = await client.send(component(`mine-${nextNumber()}`));
    await client.send(new GetComponentCommand({ componentBuildVersionArn }));
    await refused(client.send(component('yours')), /no identity-based policy allows/);
    await refused(
      client.send(new DeleteComponentCommand({ componentBuildVersionArn })),
      /with an explicit deny in an identity-based policy$/,
    );
  });

  test('a wildcard leads to nothing that the build itself is kept from', async () => {
    const created = await api.client.send(component(`kept-${nextNumber()}`));
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
    const arn = (await client.send(component(`ours-${nextNumber()}`, { tags: { team: 'web', stage: 'test' } })))
      .componentBuildVersionArn!;
    await client.send(new GetComponentCommand({ componentBuildVersionArn: arn }));
    await client.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: ['stage'] }));
    const foreign = (await api.client.send(component(`foreign-${nextNumber()}`, { tags: { team: 'db' } })))
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
    const arn = (await api.client.send(component(`cased-${nextNumber()}`, { tags: { team: 'db' } })))
      .componentBuildVersionArn!;
    for (const tags of [both, { Team: 'web' }, { TEAM: 'web' }] as readonly Record<string, string>[]) {
      await assert.rejects(api.client.send(new TagResourceCommand({ resourceArn: arn, tags })), {
        name: 'InvalidParameterException',
        message: alike,
      });
    }
    const settings = { name: `infra-${nextNumber()}`, instanceProfileName: 'builder', resourceTags: both };
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
    await client.send(component(`plain-${nextNumber()}`));
    await refused(
      client.send(component(`tagged-${nextNumber()}`, { tags: { a: 'b' } })),
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
        name: `infra-${nextNumber()}`,
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
        name: `recipe-${nextNumber()}`,
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
