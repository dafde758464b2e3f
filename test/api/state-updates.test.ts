import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  CancelLifecycleExecutionCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DeleteImageCommand,
  GetImageCommand,
  GetLifecycleExecutionCommand,
  ListImageBuildVersionsCommand,
  ListLifecycleExecutionResourcesCommand,
  ListLifecycleExecutionsCommand,
  StartResourceStateUpdateCommand,
  type StartResourceStateUpdateCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { amiOnRecord } from '../../src/catalog/amis.ts';
import { findStack, StackRecord } from '../../src/commands/deploy/stack.ts';
import { runDueExecutions } from '../../src/pipelines/lifecycle/executions.ts';
import { addAmi, makeAvailable } from './disks.ts';
import { DEBIAN, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let infrastructure: string;
let recipes = 0;
before(async () => {
  api = await startApi();
  infrastructure = (
    await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }))
  ).infrastructureConfigurationArn!;
});
after(() => api.close());

/** An image that is available, with an AMI and its disk in each of these Regions. */
async function available(
  ...regions: string[]
): Promise<{ readonly arn: string; readonly amis: readonly string[]; readonly files: readonly string[] }> {
  const { imageRecipeArn } = await api.client.send(
    new CreateImageRecipeCommand({ name: `web-${++recipes}`, semanticVersion: '1.0.0', parentImage: DEBIAN }),
  );
  const arn = (
    await api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn: infrastructure }))
  ).imageBuildVersionArn!;
  const made = [];
  for (const region of regions) made.push(await addAmi(api, arn, region));
  await makeAvailable(api, arn, made, regions);
  return { arn, amis: made.map(({ id }) => id), files: made.map(({ file }) => file) };
}

const start = (
  resourceArn: string,
  status: 'AVAILABLE' | 'DEPRECATED' | 'DISABLED' | 'DELETED' | 'NONE',
  more: Partial<StartResourceStateUpdateCommandInput> = {},
) =>
  api.client.send(
    new StartResourceStateUpdateCommand({ resourceArn, state: { status: status as 'AVAILABLE' }, ...more }),
  );
const image = async (imageBuildVersionArn: string) =>
  (await api.client.send(new GetImageCommand({ imageBuildVersionArn }))).image!;
const work = () => runDueExecutions(api.catalog, () => false);
const execution = async (lifecycleExecutionId: string | undefined) =>
  (await api.client.send(new GetLifecycleExecutionCommand({ lifecycleExecutionId }))).lifecycleExecution!;
const WITH_AMIS = { executionRole: 'role', includeResources: { amis: true } };

describe('the state of an image', () => {
  test('changes at once without its resources', async () => {
    const { arn, amis } = await available(REGION);
    assert.equal((await start(arn, 'DEPRECATED')).lifecycleExecutionId, undefined);
    const deprecated = await image(arn);
    assert.equal(deprecated.state!.status, 'DEPRECATED');
    assert.ok(Math.abs(deprecated.deprecationTime!.getTime() - Date.now()) < 60_000);
    const { imageSummaryList } = await api.client.send(
      new ListImageBuildVersionsCommand({ imageVersionArn: arn.replace(/\/\d+$/, '') }),
    );
    assert.deepEqual(
      imageSummaryList!.map(({ deprecationTime }) => deprecationTime),
      [deprecated.deprecationTime],
    );
    await start(arn, 'DISABLED');
    await start(arn, 'AVAILABLE');
    assert.equal((await image(arn)).deprecationTime, undefined);
    assert.equal((await amiOnRecord(api.catalog.db, amis[0]!))!.tags, '{"team":"web"}');
  });

  test('changes with its AMIs by an execution, which tells what became of each', async () => {
    const { arn, amis } = await available(REGION, 'us-west-2');
    const woken = api.woken();
    const { lifecycleExecutionId } = await start(arn, 'DISABLED', {
      ...WITH_AMIS,
      exclusionRules: { amis: { regions: ['us-west-2'] } },
    });
    assert.equal(api.woken(), woken + 1);
    assert.equal((await execution(lifecycleExecutionId)).state!.status, 'PENDING');
    await assert.rejects(start(arn, 'DEPRECATED'), { name: 'ResourceInUseException', message: /is PENDING/ });
    await assert.rejects(api.client.send(new DeleteImageCommand({ imageBuildVersionArn: arn })), {
      name: 'ResourceInUseException',
    });
    await work();
    const done = await execution(lifecycleExecutionId);
    assert.deepEqual(
      [done.state, done.resourcesImpactedSummary],
      [{ status: 'SUCCESS' }, { hasImpactedResources: true }],
    );
    assert.ok(done.startTime! <= done.endTime!);
    const now = await image(arn);
    assert.deepEqual(
      [now.state!.status, now.lifecycleExecutionId, now.outputResources!.amis!.map(({ state }) => state!.status)],
      ['DISABLED', lifecycleExecutionId, ['DISABLED', 'AVAILABLE']],
    );
    assert.deepEqual(await Promise.all(amis.map(async (ami) => (await amiOnRecord(api.catalog.db, ami))!.state)), [
      'disabled',
      'available',
    ]);

    const resources = async (parentResourceId?: string) =>
      (
        await api.client.send(new ListLifecycleExecutionResourcesCommand({ lifecycleExecutionId, parentResourceId }))
      ).resources!.map(({ resourceId, region, action, state }) => [resourceId, region, action!.name, state]);
    assert.deepEqual(await resources(), [[arn, REGION, 'DISABLE', { status: 'SUCCESS' }]]);
    const [first, second] = [
      [amis[0], REGION, 'DISABLE', { status: 'SUCCESS' }],
      [amis[1], 'us-west-2', 'DISABLE', { status: 'SKIPPED', reason: 'The Region us-west-2 is excluded.' }],
    ];
    assert.deepEqual(await resources(arn), amis[0]! < amis[1]! ? [first, second] : [second, first]);
    await assert.rejects(
      api.client.send(
        new CreateImageRecipeCommand({ name: 'on-disabled', semanticVersion: '1.0.0', parentImage: amis[0] }),
      ),
      { name: 'InvalidParameterValueException' },
    );

    await start(arn, 'AVAILABLE', WITH_AMIS);
    await work();
    assert.equal((await amiOnRecord(api.catalog.db, amis[0]!))!.state, 'available');
    const { lifecycleExecutions } = await api.client.send(new ListLifecycleExecutionsCommand({ resourceArn: arn }));
    assert.deepEqual(
      lifecycleExecutions!.map(({ state }) => state!.status),
      ['SUCCESS', 'SUCCESS'],
    );
    assert.equal(lifecycleExecutions![1]!.lifecycleExecutionId, lifecycleExecutionId);
  });

  test('DEPRECATED tags its AMIs, and later when it is asked to', async () => {
    const { arn, amis } = await available(REGION);
    const updateAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    const { lifecycleExecutionId } = await start(arn, 'DEPRECATED', { ...WITH_AMIS, updateAt });
    await work();
    assert.deepEqual([(await image(arn)).state!.status, (await image(arn)).deprecationTime], ['AVAILABLE', updateAt]);
    await api.client.send(new CancelLifecycleExecutionCommand({ lifecycleExecutionId }));
    assert.equal((await execution(lifecycleExecutionId)).state!.status, 'CANCELLED');
    assert.equal((await image(arn)).deprecationTime, undefined);
    await assert.rejects(api.client.send(new CancelLifecycleExecutionCommand({ lifecycleExecutionId })), {
      name: 'InvalidRequestException',
      message: /is CANCELLED/,
    });

    const { lifecycleExecutionId: second } = await start(arn, 'DEPRECATED', { ...WITH_AMIS, updateAt });
    await api.catalog.db
      .updateTable('lifecycle_executions')
      .set({ due: '2026-01-01T00:00:00.000Z' })
      .where('id', '=', second!)
      .execute();
    await work();
    assert.equal((await image(arn)).state!.status, 'DEPRECATED');
    assert.deepEqual(JSON.parse((await amiOnRecord(api.catalog.db, amis[0]!))!.tags), {
      team: 'web',
      DeprecatedBy: 'EC2 Image Builder',
    });
  });

  test('DELETED takes AMIs and disks with it, and no others', async () => {
    const { arn, amis, files } = await available(REGION, 'us-west-2');
    const { lifecycleExecutionId } = await start(arn, 'DELETED', {
      executionRole: 'role',
      includeResources: { amis: true, snapshots: true },
    });
    await work();
    assert.deepEqual([(await image(arn)).state!.status, (await image(arn)).outputResources!.amis], ['DELETED', []]);
    assert.deepEqual(
      files.map((file) => existsSync(file)),
      [false, false],
    );
    const { resources } = await api.client.send(
      new ListLifecycleExecutionResourcesCommand({ lifecycleExecutionId, parentResourceId: arn }),
    );
    assert.deepEqual(
      resources!.map(({ snapshots }) => snapshots),
      [...amis].sort().map((ami) => [{ snapshotId: ami.replace('ami', 'snap'), state: { status: 'SUCCESS' } }]),
    );
    await assert.rejects(start(arn, 'AVAILABLE'), {
      name: 'InvalidRequestException',
      message: /is DELETED and cannot become AVAILABLE/,
    });
    await api.client.send(new DeleteImageCommand({ imageBuildVersionArn: arn }));
  });

  test('DELETED without snapshots leaves the disks, and stays undone for an image of which an AMI stays', async () => {
    const one = await available(REGION);
    await start(one.arn, 'DELETED', WITH_AMIS);
    const two = await available(REGION, 'us-west-2');
    const { lifecycleExecutionId } = await start(two.arn, 'DELETED', {
      executionRole: 'role',
      includeResources: { amis: true, snapshots: true },
      exclusionRules: { amis: { regions: ['us-west-2'], tagMap: { team: 'none' } } },
    });
    await work();
    assert.deepEqual(
      [existsSync(one.files[0]!), (await amiOnRecord(api.catalog.db, one.amis[0]!))!.state],
      [true, 'deregistered'],
    );
    assert.deepEqual(
      two.files.map((file) => existsSync(file)),
      [false, true],
    );
    assert.equal((await image(two.arn)).state!.status, 'AVAILABLE');
    const { resources } = await api.client.send(new ListLifecycleExecutionResourcesCommand({ lifecycleExecutionId }));
    assert.deepEqual(
      resources!.map(({ state }) => state),
      [{ status: 'SKIPPED', reason: `The image stays, since these AMIs of it stay: ${two.amis[1]}.` }],
    );
  });

  test('is not changed while others are built on it', async () => {
    const { arn } = await available(REGION);
    await api.client.send(new CreateImageRecipeCommand({ name: 'child', semanticVersion: '1.0.0', parentImage: arn }));
    await assert.rejects(start(arn, 'DELETED', WITH_AMIS), {
      name: 'ResourceDependencyException',
      message: /image-recipe\/child/,
    });
  });

  const FAULTS: readonly (readonly [
    status: Parameters<typeof start>[1],
    more: Partial<StartResourceStateUpdateCommandInput>,
    name: string,
    message: RegExp,
  ])[] = [
    ['NONE', {}, 'InvalidParameterValueException', /state\.status/],
    ['AVAILABLE', {}, 'InvalidRequestException', /is AVAILABLE and cannot become AVAILABLE/],
    ['DEPRECATED', { executionRole: 'r' }, 'InvalidRequestException', /come together/],
    ['DEPRECATED', { includeResources: { amis: true } }, 'InvalidRequestException', /come together/],
    [
      'DEPRECATED',
      { executionRole: 'r', includeResources: { amis: true, snapshots: true } },
      'InvalidParameterValueException',
      /Snapshots can only be deleted/,
    ],
    [
      'DELETED',
      { executionRole: 'r', includeResources: { snapshots: true } },
      'InvalidParameterValueException',
      /include the AMIs too/,
    ],
    [
      'DELETED',
      { executionRole: 'r', includeResources: { containers: true } },
      'InvalidParameterValueException',
      /includeResources\.containers/,
    ],
    ['DELETED', {}, 'InvalidRequestException', /include its resources/],
    ['DISABLED', { exclusionRules: { amis: { isPublic: true } } }, 'InvalidRequestException', /exclusionRules/],
    [
      'DISABLED',
      { updateAt: new Date(Date.now() + 3_600_000) },
      'InvalidParameterValueException',
      /'updateAt'.*DEPRECATED only/,
    ],
    ['DEPRECATED', { updateAt: new Date(0) }, 'InvalidParameterValueException', /future/],
  ];
  test('is not changed by a faulty request', async () => {
    const { arn } = await available();
    for (const [status, more, name, message] of FAULTS)
      await assert.rejects(start(arn, status, more), { name, message }, `${status} ${JSON.stringify(more)}`);
    await assert.rejects(start(arn.replace(/\d+$/, '99'), 'DISABLED'), { name: 'ResourceNotFoundException' });
    for (const request of [
      execution('lce-12345678-1234-1234-1234-123456789012'),
      api.client.send(new ListLifecycleExecutionsCommand({ resourceArn: arn.replace(/\d+$/, '99') })),
    ]) {
      await assert.rejects(request, { name: 'ResourceNotFoundException' });
    }
    assert.equal((await image(arn)).state!.status, 'AVAILABLE');
  });
});

test('a stack deletes the AMIs of an image with it, as its DeletionSettings say', async () => {
  const connection = async () => api.connectionOf('same');
  const kept = await available(REGION);
  const gone = await available(REGION, 'eu-west-2');
  const record = new StackRecord('images', undefined, connection, undefined);
  const type = 'AWS::ImageBuilder::Image';
  await record.set({ logicalId: 'Kept', type, physicalId: kept.arn });
  await record.set({ logicalId: 'Gone', type, physicalId: gone.arn, deletionRole: 'cleaner' });
  await record.complete([], []);
  const stack = await findStack(await connection(), 'images');
  const again = new StackRecord('images', stack, connection, undefined, 'DELETE');
  const working = setInterval(() => void work(), 50);
  try {
    const deletions = await again.cleanUp(new Set());
    assert.deepEqual(deletions, [
      { logicalId: 'Gone', arn: gone.arn },
      { logicalId: 'Kept', arn: kept.arn },
    ]);
  } finally {
    clearInterval(working);
  }
  for (const file of gone.files) assert.ok(!existsSync(file), file);
  for (const file of kept.files) assert.ok(existsSync(file), file);
  assert.equal((await amiOnRecord(api.catalog.db, kept.amis[0]!))?.state, 'available');
  await assert.rejects(image(gone.arn), { name: 'ResourceNotFoundException' });
});
