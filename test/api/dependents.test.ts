import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
} from '@aws-sdk/client-imagebuilder';
import type { Dependent } from '../../src/catalog/dependent-tree.ts';
import { shown } from '../../src/commands/dependents.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
const tree = (arn: string, account: 'same' | 'other' = 'same') =>
  signedJson<Dependent>(api.connectionOf(account), {
    method: 'GET',
    path: `/ingot/resources/${encodeURIComponent(arn)}/dependents`,
  });

test('what needs a resource, and what needs that, is listed by version and build', async () => {
  const { client } = api;
  for (const text of ['one', 'two'])
    await client.send(
      new CreateComponentCommand({
        name: 'tool',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: documentOf(`echo ${text}`),
      }),
    );
  const recipe = (semanticVersion: string, tail: string) =>
    client.send(
      new CreateImageRecipeCommand({
        name: 'web',
        semanticVersion,
        parentImage: DEBIAN,
        components: [{ componentArn: tail }],
      }),
    );
  await recipe('1.0.0', own('component/tool/x.x.x'));
  await recipe('2.0.0', own('component/tool/1.0.0/1'));
  await recipe('3.0.0', `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x`);
  const { infrastructureConfigurationArn } = await client.send(
    new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }),
  );
  await client.send(
    new CreateImagePipelineCommand({
      name: 'web',
      imageRecipeArn: own('image-recipe/web/1.0.0'),
      infrastructureConfigurationArn,
    }),
  );

  const leaf = (tail: string) => ({ arn: own(tail), dependents: [] });
  assert.deepEqual(await tree(own('component/tool/1.0.0/2')), {
    arn: own('component/tool/1.0.0/2'),
    dependents: [{ arn: own('image-recipe/web/1.0.0'), dependents: [leaf('image-pipeline/web')] }],
  });
  assert.deepEqual((await tree(own('component/tool/1.0.0/1'))).dependents, [leaf('image-recipe/web/2.0.0')]);
  assert.deepEqual((await tree(infrastructureConfigurationArn!)).dependents, [leaf('image-pipeline/web')]);
  const managed = `arn:aws:imagebuilder:${REGION}:aws:component/hello-world-linux/x.x.x`;
  assert.deepEqual((await tree(managed)).dependents, [leaf('image-recipe/web/3.0.0')]);
  assert.deepEqual((await tree(managed, 'other')).dependents, []);
  await assert.rejects(tree(own('component/tool/1.0.0/3')), { code: 'ResourceNotFoundException' });
  await assert.rejects(tree(own('component/tool/1.0.0/2'), 'other'), { code: 'AccessDeniedException' });
  await assert.rejects(tree('web'), { code: 'InvalidParameterValueException' });
});

test('for people each stands below what it needs', () => {
  const leaf = { arn: 'arn:p', dependents: [] };
  assert.equal(
    shown({
      arn: 'arn:c',
      dependents: [
        { arn: 'arn:r', dependents: [leaf] },
        { arn: 'arn:s', dependents: [] },
      ],
    }),
    'arn:c\n  arn:r\n    arn:p\n  arn:s\n',
  );
  assert.equal(shown(leaf), 'arn:p\nnothing needs it\n');
});
