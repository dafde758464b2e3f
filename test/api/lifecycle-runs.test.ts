import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  CancelLifecycleExecutionCommand,
  CreateLifecyclePolicyCommand,
  DeleteLifecyclePolicyCommand,
  GetImageCommand,
  GetLifecycleExecutionCommand,
  GetLifecyclePolicyCommand,
  ListLifecycleExecutionResourcesCommand,
  ListLifecycleExecutionsCommand,
  StartImagePipelineExecutionCommand,
  type CreateLifecyclePolicyCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { startDuePolicies } from '../../src/pipelines/lifecycle/daily.ts';
import { runDueExecutions } from '../../src/pipelines/lifecycle/executions.ts';
import { signedJson } from '../../src/platform/api-client.ts';
import type { ToldPreview } from '../../src/api/ingot/lifecycle.ts';
import { addAmi, makeAvailable, type TestAmi } from './disks.ts';
import { component, endImage, own, pipeline, recipe } from './scheduled.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

/** Builds of one pipeline, so many days old, the oldest first. */
async function builds(
  name: string,
  ages: readonly number[],
): Promise<readonly { readonly arn: string; readonly ami: TestAmi }[]> {
  await component(api, name, '1.0.0');
  const imagePipelineArn = await pipeline(api, name, await recipe(api, name, [own(`component/${name}/1.0.0/1`)]));
  const made = [];
  for (const days of ages) {
    const { imageBuildVersionArn: arn = '' } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn }),
    );
    const ami = await addAmi(api, arn, REGION);
    await makeAvailable(api, arn, [ami], [REGION]);
    const created = new Date(Date.now() - days * 86_400_000).toISOString();
    await api.catalog.db.updateTable('images').set({ date_created: created }).where('arn', '=', arn).execute();
    made.push({ arn, ami });
  }
  return made;
}

const DELETE: CreateLifecyclePolicyCommandInput['policyDetails'] = [
  {
    action: { type: 'DELETE', includeResources: { amis: true, snapshots: true } },
    filter: { type: 'COUNT', value: 1 },
  },
];

async function policy(name: string, more: Partial<CreateLifecyclePolicyCommandInput> = {}): Promise<string> {
  const { lifecyclePolicyArn } = await api.client.send(
    new CreateLifecyclePolicyCommand({
      name,
      executionRole: `arn:aws:iam::${ACCOUNT}:role/lifecycle`,
      resourceType: 'AMI_IMAGE',
      policyDetails: DELETE,
      resourceSelection: { recipes: [{ name, semanticVersion: 'x.x.x' }] },
      ...more,
    }),
  );
  return lifecyclePolicyArn!;
}

const route = <T>(method: 'GET' | 'POST', arn: string, what: string, account: 'same' | 'other' = 'same') =>
  signedJson<T>(api.connectionOf(account), {
    method,
    path: `/ingot/lifecycle-policies/${encodeURIComponent(arn)}/${what}`,
  });
const run = async (arn: string) =>
  (await route<{ lifecycleExecutionId: string }>('POST', arn, 'run')).lifecycleExecutionId;
const work = () => runDueExecutions(api.catalog, () => false);
const status = async (imageBuildVersionArn: string) =>
  (await api.client.send(new GetImageCommand({ imageBuildVersionArn }))).image!.state!.status;
const execution = async (lifecycleExecutionId: string) =>
  (await api.client.send(new GetLifecycleExecutionCommand({ lifecycleExecutionId }))).lifecycleExecution!;

describe('a lifecycle policy', () => {
  test('is previewed without a change, and run on demand with what became of each on record', async () => {
    const [oldest, older, newest] = await builds('web', [30, 20, 10]);
    const arn = await policy('web');
    const preview = await route<ToldPreview>('GET', arn, 'preview');
    assert.deepEqual(
      preview.decisions.map(({ arn: image, action }) => [image, action]),
      [
        [newest!.arn, 'KEEP'],
        [older!.arn, 'DELETE'],
        [oldest!.arn, 'DELETE'],
      ],
    );
    assert.ok(Date.parse(preview.next!) > Date.now());
    assert.equal(await status(oldest!.arn), 'AVAILABLE');
    await assert.rejects(route('GET', arn, 'preview', 'other'), /AccessDenied|not authorized|not exist/);

    const id = await run(arn);
    await assert.rejects(run(arn), /is PENDING/);
    await work();
    const done = await execution(id);
    assert.equal(done.state!.status, 'SUCCESS');
    assert.equal(done.lifecyclePolicyArn, arn);
    assert.equal(done.resourcesImpactedSummary!.hasImpactedResources, true);
    assert.deepEqual(
      [await status(newest!.arn), await status(older!.arn), await status(oldest!.arn)],
      ['AVAILABLE', 'DELETED', 'DELETED'],
    );
    assert.deepEqual(
      [newest, older, oldest].map((each) => existsSync(each!.ami.file)),
      [true, false, false],
    );
    const { resources = [] } = await api.client.send(
      new ListLifecycleExecutionResourcesCommand({ lifecycleExecutionId: id }),
    );
    assert.deepEqual(
      resources.map(({ resourceId, action, state }) => [resourceId, action?.name, state?.status]).sort(),
      [oldest!.arn, older!.arn].map((image) => [image, 'DELETE', 'SUCCESS']).sort(),
    );
    const { lifecycleExecutions } = await api.client.send(new ListLifecycleExecutionsCommand({ resourceArn: arn }));
    assert.deepEqual(
      lifecycleExecutions!.map(({ lifecycleExecutionId }) => lifecycleExecutionId),
      [id],
    );
    const { lifecyclePolicy } = await api.client.send(new GetLifecyclePolicyCommand({ lifecyclePolicyArn: arn }));
    assert.ok(lifecyclePolicy!.dateLastRun instanceof Date);
  });

  test('runs once a day by itself, one at a time; a disabled or deleted one does not', async () => {
    await builds('daily', [30, 20]);
    const arn = await policy('daily');
    const disabled = await policy('asleep', { status: 'DISABLED' });
    const gone = await policy('gone');
    await api.client.send(new DeleteLifecyclePolicyCommand({ lifecyclePolicyArn: gone }));
    const executions = async (resourceArn: string) =>
      (await api.client.send(new ListLifecycleExecutionsCommand({ resourceArn }))).lifecycleExecutions!.length;
    const now = Date.now();
    const hours = (count: number) => now + count * 3_600_000;
    await startDuePolicies(api.catalog, hours(23));
    assert.equal(await executions(arn), 0);
    await Promise.all([startDuePolicies(api.catalog, hours(25)), startDuePolicies(api.catalog, hours(25))]);
    // The first is not done yet.
    await startDuePolicies(api.catalog, hours(49));
    assert.equal(await executions(arn), 1);
    await api.catalog.db.updateTable('lifecycle_executions').set({ due: new Date().toISOString() }).execute();
    await work();
    // Three days without a server are one run.
    await startDuePolicies(api.catalog, hours(150));
    await startDuePolicies(api.catalog, hours(151));
    assert.equal(await executions(arn), 2);
    assert.equal(await executions(disabled), 0);
    await api.catalog.db.updateTable('lifecycle_executions').set({ due: new Date().toISOString() }).execute();
    await work();
  });

  test('leaves alone what a kept image is built on, and what an instance runs from, and says so', async () => {
    const [base, ran, last] = await builds('parents', [40, 30, 20]);
    const child = await recipe(api, 'child', [own('component/parents/1.0.0/1')], base!.arn);
    const imagePipelineArn = await pipeline(api, 'child', child);
    const { imageBuildVersionArn: kept = '' } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn }),
    );
    const over = await addAmi(api, kept, REGION, base!.ami.layer);
    await makeAvailable(api, kept, [over], [REGION]);
    await api.catalog.db
      .insertInto('instances')
      .values({
        id: 'i-0123456789abcdef0',
        purpose: 'launch',
        account: ACCOUNT,
        region: REGION,
        image_arn: ran!.arn,
        ami_id: ran!.ami.id,
        driver: 'qemu',
        instance_type: 't3.small',
        state: 'running',
        reason: null,
        handle: null,
        request: '{}',
        created: new Date().toISOString(),
        kept_until: null,
      })
      .execute();
    // The recipe would hold it as well: without it the disk alone does.
    await api.catalog.db.deleteFrom('resource_references').where('dependent', '=', child.recipe).execute();
    const arn = await policy('parents');
    const id = await run(arn);
    await work();
    assert.equal((await execution(id)).state!.status, 'SUCCESS');
    assert.deepEqual(
      [await status(base!.arn), await status(ran!.arn), await status(last!.arn)],
      ['AVAILABLE', 'AVAILABLE', 'AVAILABLE'],
    );
    const { resources = [] } = await api.client.send(
      new ListLifecycleExecutionResourcesCommand({ lifecycleExecutionId: id }),
    );
    const reasons = new Map(resources.map(({ resourceId, state }) => [resourceId, state]));
    assert.deepEqual(
      [base, ran].map((each) => reasons.get(each!.arn)),
      [
        { status: 'SKIPPED', reason: `The image ${kept}, which is kept, is built on it.` },
        { status: 'SKIPPED', reason: 'The instance i-0123456789abcdef0 runs from it.' },
      ],
    );
    assert.ok(existsSync(base!.ami.file));
  });

  test('that was interrupted goes on where it was, and one that is cancelled stops between two images', async () => {
    const made = await builds('halfway', [50, 40, 30, 20, 10]);
    const arn = await policy('halfway');
    const id = await run(arn);
    let asked = 0;
    // As a worker that stops after two images.
    await runDueExecutions(api.catalog, () => ++asked > 5);
    assert.equal((await execution(id)).state!.status, 'IN_PROGRESS');
    const left = [];
    for (const each of made) left.push(await status(each.arn));
    const gone = left.filter((each) => each === 'DELETED').length;
    assert.ok(gone > 0 && gone < 4, left.join());
    await api.client.send(new CancelLifecycleExecutionCommand({ lifecycleExecutionId: id }));
    await work();
    assert.equal((await execution(id)).state!.status, 'CANCELLED');
    const again = await run(arn);
    await work();
    assert.equal((await execution(again)).state!.status, 'SUCCESS');
    const end = [];
    for (const each of made) end.push(await status(each.arn));
    assert.deepEqual(end, ['DELETED', 'DELETED', 'DELETED', 'DELETED', 'AVAILABLE']);
    assert.ok(existsSync(made.at(-1)!.ami.file));
  });

  test('deprecates before it deletes, tags the AMIs, and takes failed images', async () => {
    const [old] = await builds('gentle', [100]);
    const { imageBuildVersionArn: failed = '' } = await api.client.send(
      new StartImagePipelineExecutionCommand({ imagePipelineArn: own('image-pipeline/gentle') }),
    );
    await endImage(api, failed, 'FAILED');
    const arn = await policy('gentle', {
      policyDetails: [
        {
          action: { type: 'DELETE', includeResources: { amis: true } },
          filter: { type: 'AGE', value: 1, unit: 'YEARS' },
        },
        {
          action: { type: 'DEPRECATE', includeResources: { amis: true } },
          filter: { type: 'AGE', value: 3, unit: 'MONTHS' },
        },
      ],
    });
    await run(arn);
    await work();
    assert.deepEqual([await status(old!.arn), await status(failed)], ['DEPRECATED', 'DELETED']);
    const { tags } = await api.catalog.db
      .selectFrom('amis')
      .select('tags')
      .where('id', '=', old!.ami.id)
      .executeTakeFirstOrThrow();
    assert.deepEqual(JSON.parse(tags), { team: 'web', DeprecatedBy: 'EC2 Image Builder' });
  });
});
