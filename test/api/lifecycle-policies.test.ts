import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateLifecyclePolicyCommand,
  DeleteLifecyclePolicyCommand,
  GetLifecyclePolicyCommand,
  ListLifecyclePoliciesCommand,
  TagResourceCommand,
  UpdateLifecyclePolicyCommand,
  type CreateLifecyclePolicyCommandInput,
  type LifecyclePolicyDetail,
} from '@aws-sdk/client-imagebuilder';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const DELETE: LifecyclePolicyDetail = {
  action: { type: 'DELETE', includeResources: { amis: true, snapshots: true } },
  filter: { type: 'COUNT', value: 10 },
};
const DEPRECATE: LifecyclePolicyDetail = {
  // As the CDK's construct writes it.
  action: { type: 'DEPRECATE', includeResources: { amis: true, snapshots: true } },
  filter: { type: 'AGE', value: 3, unit: 'MONTHS', retainAtLeast: 2 },
  exclusionRules: { amis: { isPublic: true } },
};

function create(name: string, more: Partial<CreateLifecyclePolicyCommandInput> = {}) {
  return api.client.send(
    new CreateLifecyclePolicyCommand({
      name,
      executionRole: 'arn:aws:iam::123456789012:role/lifecycle',
      resourceType: 'AMI_IMAGE',
      policyDetails: [DEPRECATE, DELETE],
      resourceSelection: { tagMap: { team: 'web' } },
      ...more,
    }),
  );
}

describe('lifecycle policies', () => {
  test('are created, read with times as times, replaced, listed and deleted', async () => {
    const { lifecyclePolicyArn } = await create('My Policy', { description: 'd', tags: { a: 'b' } });
    assert.equal(lifecyclePolicyArn, `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:lifecycle-policy/my-policy`);
    const get = async () =>
      (await api.client.send(new GetLifecyclePolicyCommand({ lifecyclePolicyArn }))).lifecyclePolicy!;
    const { dateCreated, dateUpdated, ...rest } = await get();
    assert.ok(dateCreated instanceof Date && Math.abs(dateCreated.getTime() - Date.now()) < 60_000);
    assert.deepEqual(dateUpdated, dateCreated);
    assert.deepEqual(rest, {
      arn: lifecyclePolicyArn,
      name: 'My Policy',
      description: 'd',
      status: 'ENABLED',
      executionRole: 'arn:aws:iam::123456789012:role/lifecycle',
      resourceType: 'AMI_IMAGE',
      policyDetails: [DEPRECATE, DELETE],
      resourceSelection: { tagMap: { team: 'web' } },
      tags: { a: 'b' },
    });
    await assert.rejects(create('my_policy'), { name: 'ResourceAlreadyExistsException', message: /'LifecyclePolicy'/ });
    await api.client.send(
      new UpdateLifecyclePolicyCommand({
        lifecyclePolicyArn,
        executionRole: 'other',
        resourceType: 'CONTAINER_IMAGE',
        status: 'DISABLED',
        resourceSelection: { recipes: [{ name: 'web', semanticVersion: '1.x.x' }] },
        policyDetails: [
          {
            action: { type: 'DELETE', includeResources: { containers: true } },
            filter: { type: 'AGE', value: 1, unit: 'YEARS' },
          },
        ],
      }),
    );
    const updated = await get();
    assert.equal(updated.description, undefined);
    assert.equal(updated.name, 'My Policy');
    assert.deepEqual(updated.dateCreated, dateCreated);
    await api.client.send(new TagResourceCommand({ resourceArn: lifecyclePolicyArn, tags: { c: 'd' } }));
    await create('enabled');
    const { lifecyclePolicySummaryList } = await api.client.send(
      new ListLifecyclePoliciesCommand({
        filters: [
          { name: 'Status', values: ['DISABLED'] },
          { name: 'Name', values: ['My Policy'] },
        ],
      }),
    );
    assert.deepEqual(
      lifecyclePolicySummaryList!.map(({ arn, tags, executionRole }) => [arn, tags, executionRole]),
      [[lifecyclePolicyArn, { a: 'b', c: 'd' }, 'other']],
    );
    await api.client.send(new DeleteLifecyclePolicyCommand({ lifecyclePolicyArn }));
    for (const request of [get(), api.client.send(new DeleteLifecyclePolicyCommand({ lifecyclePolicyArn }))])
      await assert.rejects(request, { name: 'ResourceNotFoundException' });
  });

  const rule = (change: { action?: object; filter?: object; exclusionRules?: object }) => ({
    policyDetails: [{ ...DELETE, ...change } as LifecyclePolicyDetail],
  });
  const FAULTS: readonly (readonly [more: Partial<CreateLifecyclePolicyCommandInput>, message: RegExp])[] = [
    [{ resourceSelection: {} }, /'resourceSelection'.*either recipes or a tagMap/],
    [
      { resourceSelection: { tagMap: { a: 'b' }, recipes: [{ name: 'web', semanticVersion: '1.0.0' }] } },
      /'resourceSelection'/,
    ],
    [
      { resourceSelection: { recipes: [{ name: 'web', semanticVersion: 'x.1.x' }] } },
      /'resourceSelection\.recipes\[0\]\.semanticVersion'/,
    ],
    [
      {
        executionRole:
          'arn:aws:iam::123456789012:role/aws-service-role/imagebuilder.amazonaws.com/AWSServiceRoleForImageBuilder',
      },
      /service-linked/,
    ],
    [{ policyDetails: [DELETE, DELETE] }, /'policyDetails\[1\]\.action\.type'.*already/],
    [rule({ action: { type: 'DISABLE' } }), /'policyDetails\[0\]\.filter\.type'.*COUNT is for the action DELETE/],
    [rule({ filter: { type: 'AGE', value: 1 } }), /AGE needs a unit/],
    [rule({ filter: { type: 'COUNT', value: 1, unit: 'DAYS' } }), /COUNT takes no unit/],
    [rule({ filter: { type: 'COUNT', value: 1, retainAtLeast: 2 } }), /retainAtLeast/],
    [rule({ filter: { type: 'COUNT', value: 1001 } }), /between 1 and 1000, not 1001/],
    [
      rule({ action: { type: 'DELETE', includeResources: { containers: true } } }),
      /'policyDetails\[0\]\.action\.includeResources\.containers'/,
    ],
    [
      { resourceType: 'CONTAINER_IMAGE', policyDetails: [DEPRECATE] },
      /'policyDetails\[0\]\.action\.type'.*only be deleted[\s\S]*exclusionRules\.amis/,
    ],
  ];
  for (const [more, message] of FAULTS)
    test(`are refused: ${String(message)}`, () =>
      assert.rejects(create('faulty', more), { name: 'InvalidParameterValueException', message }));
});
