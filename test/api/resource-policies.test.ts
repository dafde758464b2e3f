import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageRecipeCommand,
  DeleteComponentCommand,
  GetComponentPolicyCommand,
  GetImageRecipePolicyCommand,
  PutComponentPolicyCommand,
  PutImageRecipePolicyCommand,
} from '@aws-sdk/client-imagebuilder';
import { getResourcePolicy, policiesOfOthers } from '../../src/catalog/resource-policies.ts';
import { DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let componentArn: string;
before(async () => {
  api = await startApi();
  componentArn = (
    await api.client.send(
      new CreateComponentCommand({
        name: 'shared',
        semanticVersion: '1.0.0',
        platform: 'Linux',
        data: documentOf('true'),
      }),
    )
  ).componentBuildVersionArn!;
});
after(() => api.close());

const policyFor = (account: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: [account] },
        Action: ['imagebuilder:GetComponent'],
        Resource: [componentArn],
      },
    ],
  });

test('a policy is stored, replaced and returned as it was given', async () => {
  await assert.rejects(api.client.send(new GetComponentPolicyCommand({ componentArn })), {
    name: 'ResourceNotFoundException',
    message: /has no policy/,
  });
  for (const policy of [policyFor('111122223333'), policyFor('210987654321')]) {
    const put = await api.client.send(new PutComponentPolicyCommand({ componentArn, policy }));
    assert.equal(put.componentArn, componentArn);
    assert.match(put.requestId!, /^[0-9a-f-]{36}$/);
    assert.equal((await api.client.send(new GetComponentPolicyCommand({ componentArn }))).policy, policy);
  }
  const shared = await policiesOfOthers(api.catalog.db, { account: '210987654321', region: REGION }, 'component');
  assert.deepEqual(
    shared.map(({ arn }) => arn),
    [componentArn],
  );
});

test("a policy is refused that is none, or on what is not there or not one's own", async () => {
  await assert.rejects(api.client.send(new PutComponentPolicyCommand({ componentArn, policy: '{"Statement":[]}' })), {
    name: 'InvalidParameterValueException',
    message: /'policy' is not valid.*Statement/,
  });
  await assert.rejects(
    api.client.send(
      new PutComponentPolicyCommand({
        componentArn: componentArn.replace('/1.0.0/1', '/1.0.0/2'),
        policy: policyFor('111111111111'),
      }),
    ),
    { name: 'ResourceNotFoundException' },
  );
  await assert.rejects(
    api
      .clientOf('other', REGION)
      .send(new PutComponentPolicyCommand({ componentArn, policy: policyFor('111111111111') })),
    { name: 'AccessDeniedException' },
  );
});

test('recipes have policies of their own; a policy goes with its resource', async () => {
  const { imageRecipeArn } = await api.client.send(
    new CreateImageRecipeCommand({ name: 'shared', semanticVersion: '1.0.0', parentImage: DEBIAN }),
  );
  await api.client.send(new PutImageRecipePolicyCommand({ imageRecipeArn, policy: policyFor('210987654321') }));
  assert.equal(
    (await api.client.send(new GetImageRecipePolicyCommand({ imageRecipeArn }))).policy,
    policyFor('210987654321'),
  );
  await api.client.send(new DeleteComponentCommand({ componentBuildVersionArn: componentArn }));
  assert.equal(await getResourcePolicy(api.catalog.db, componentArn), undefined);
});
