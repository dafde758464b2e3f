import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  CancelImageCreationCommand,
  CreateDistributionConfigurationCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  DistributeImageCommand,
  GetImageCommand,
  ListWorkflowExecutionsCommand,
  RetryImageCommand,
  type DistributeImageCommandInput,
} from '@aws-sdk/client-imagebuilder';
import { sql } from 'kysely';
import { amiOnRecord, amisOfImage, insertAmi, keptAmi } from '../../src/catalog/amis.ts';
import { insertWorkflowExecution } from '../../src/catalog/executions.ts';
import { getImage, transitionImage } from '../../src/catalog/images.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { collectGarbage } from '../../src/storage/garbage.ts';
import { newAmiId, newWorkflowExecutionId } from '../../src/platform/ids.ts';
import { run } from '../../src/platform/processes.ts';
import { runImage } from '../../src/workflows/stages/run-image.ts';
import { ACCOUNT, DEBIAN, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let infrastructure: string;
let distribution: string;
let recipes = 0;
before(async () => {
  api = await startApi();
  infrastructure = (
    await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }))
  ).infrastructureConfigurationArn!;
  distribution = (
    await api.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'both',
        distributions: [REGION, 'us-west-2'].map((region) => ({
          region,
          amiDistributionConfiguration: {
            name: `copy in ${region} {{ imagebuilder:buildDate }}`,
            amiTags: { kind: 'copy' },
          },
        })),
      }),
    )
  ).distributionConfigurationArn!;
});
after(() => api.close());

const image = async (imageBuildVersionArn: string) =>
  (await api.client.send(new GetImageCommand({ imageBuildVersionArn }))).image!;
const work = (arn: string) =>
  runImage({
    catalog: api.catalog,
    dataDirectory: api.catalog.dataDirectory,
    arn,
    signal: new AbortController().signal,
    over: new AbortController().signal,
  });
const retry = (imageBuildVersionArn: string) => api.client.send(new RetryImageCommand({ imageBuildVersionArn }));

/** An image with what a build stage makes: an AMI with a disk, and the record of the workflow. */
async function built(
  status: 'FAILED' | 'AVAILABLE',
  distributionConfigurationArn = distribution,
): Promise<{ readonly arn: string; readonly ami: string; readonly disk: string }> {
  const { imageRecipeArn } = await api.client.send(
    new CreateImageRecipeCommand({ name: `web-${++recipes}`, semanticVersion: '1.0.0', parentImage: DEBIAN }),
  );
  const { imageBuildVersionArn: arn } = await api.client.send(
    new CreateImageCommand({
      imageRecipeArn,
      infrastructureConfigurationArn: infrastructure,
      distributionConfigurationArn,
      imageTestsConfiguration: { imageTestsEnabled: false },
    }),
  );
  const layers = new LayerStore(api.catalog, api.catalog.dataDirectory);
  const open = await layers.announce(null);
  await mkdir(dirname(open.path), { recursive: true });
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', open.path, '1M']);
  const layer = await layers.seal(open, open.id, {});
  const ami = newAmiId();
  await insertAmi(api.catalog.db, {
    id: ami,
    region: REGION,
    account: ACCOUNT,
    name: 'n',
    description: null,
    image_arn: arn!,
    layer_id: layer.id,
    file: relative(api.catalog.dataDirectory, open.path),
    state: status === 'FAILED' ? 'failed' : 'available',
    tags: '{}',
    platform: 'Linux',
    os_version: 'Debian 12',
    architecture: 'x86_64',
    created: new Date().toISOString(),
  });
  await insertWorkflowExecution(api.catalog.db, {
    id: newWorkflowExecutionId(),
    image_arn: arn!,
    workflow_arn: `arn:aws:imagebuilder:${REGION}:aws:workflow/build/build-image/1.0.0/1`,
    type: 'BUILD',
    status: 'COMPLETED',
    message: null,
    parallel_group: null,
    position: 0,
    total_steps: 1,
    outputs: JSON.stringify({ ImageId: ami }),
    start_time: null,
    end_time: null,
  });
  for (const to of ['CREATING', 'BUILDING', status] as const)
    await api.catalog.transaction((trx) =>
      transitionImage(trx, arn!, to, to === 'FAILED' ? { reason: 'because' } : {}),
    );
  return { arn: arn!, ami, disk: open.path };
}

describe('RetryImage', () => {
  test('distributes what the build stage made, fails again without losing it, and succeeds in the end', async () => {
    const { arn, ami, disk } = await built('FAILED');
    const regions = join(api.catalog.dataDirectory, 'regions');
    await rename(disk, `${disk}.away`);
    assert.equal((await retry(arn)).imageBuildVersionArn, arn);
    assert.deepEqual((await image(arn)).state, { status: 'PENDING' });
    await work(arn);
    const failed = await image(arn);
    assert.equal(failed.state!.status, 'FAILED');
    assert.match(failed.state!.reason!, /no such file/i);
    assert.deepEqual([(await keptAmi(api.catalog.db, arn, REGION))?.id, failed.outputResources?.amis ?? []], [ami, []]);

    await rename(`${disk}.away`, disk);
    await retry(arn);
    await assert.rejects(retry(arn), {
      name: 'InvalidRequestException',
      message: /is PENDING: only a FAILED or CANCELLED image/,
    });
    await work(arn);
    const done = await image(arn);
    assert.deepEqual(done.state, { status: 'AVAILABLE' });
    assert.deepEqual(
      done.outputResources!.amis!.map(({ region, image: id }) => [region, id === ami]),
      [
        [REGION, true],
        ['us-west-2', false],
      ],
    );
    assert.ok(existsSync(join(regions, 'us-west-2', `${done.outputResources!.amis![1]!.image}.json`)));
    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: arn }),
    );
    assert.deepEqual(
      workflowExecutions!.map(({ type, status, retried }) => [type, status, retried]),
      [
        ['BUILD', 'COMPLETED', undefined],
        ['DISTRIBUTION', 'ROLLBACK_COMPLETED', true],
        ['DISTRIBUTION', 'COMPLETED', undefined],
      ],
    );
  });

  test('copies only what is missing: a Region that fails leaves the others', async () => {
    const elsewhere = ['eu-central-1', 'eu-north-1', 'eu-south-1'];
    const { distributionConfigurationArn } = await api.client.send(
      new CreateDistributionConfigurationCommand({
        name: 'four',
        distributions: [REGION, ...elsewhere].map((region) => ({
          region,
          amiDistributionConfiguration: { name: 'four {{ imagebuilder:buildDate }}' },
        })),
      }),
    );
    const { arn, ami, disk } = await built('FAILED', distributionConfigurationArn!);
    const blocked = join(api.catalog.dataDirectory, 'regions', 'eu-north-1');
    await mkdir(dirname(blocked), { recursive: true });
    // A store that cannot be used is known before anything is done.
    await writeFile(blocked, 'in the way');
    await retry(arn);
    await work(arn);
    assert.match(
      (await image(arn)).state!.reason!,
      /the store of eu-north-1: the folder .*eu-north-1 cannot be written: ENOTDIR/,
    );
    assert.deepEqual(await amisOfImage(api.catalog.db, arn), []);
    await rm(blocked);
    // One that fails later: what is there under the name of the layer is another file.
    await mkdir(join(blocked, 'layers'), { recursive: true });
    await writeFile(join(blocked, 'layers', basename(disk)), 'in the way');
    await retry(arn);
    await work(arn);
    const failed = (await getImage(api.catalog.db, arn))!;
    assert.equal(failed.state!.status, 'FAILED');
    assert.match(failed.state!.reason!, /eu-north-1: .* has 10 bytes instead of \d+: it is damaged/);
    const { distributionFailure } = failed.failureContext!;
    assert.deepEqual(
      distributionFailure!.regionFailures!.map(({ errorMessage, ...each }) => [each, errorMessage!.length > 10]),
      [
        [
          { region: 'eu-north-1', accountId: ACCOUNT, status: 'Failed', imageConfigurationStep: 'CopyAmiRunning' },
          true,
        ],
      ],
    );
    const steps = await api.catalog.db
      .selectFrom('step_executions')
      .select('outputs')
      .where('image_arn', '=', arn)
      .where('action', '=', 'DistributeImage')
      .execute();
    const { distributedImages } = JSON.parse(steps[0]!.outputs!) as {
      distributedImages: { region: string; status: string; step: string; amiId?: string }[];
    };
    assert.deepEqual(
      distributedImages.map(({ region, status, step, amiId }) => [region, status, step, amiId !== undefined]),
      [REGION, ...elsewhere].map((region) =>
        region === 'eu-north-1'
          ? [region, 'Failed', 'CopyAmiRunning', false]
          : [region, 'Completed', 'Completed', true],
      ),
    );
    const there = await amisOfImage(api.catalog.db, arn);
    assert.deepEqual(there.map(({ region }) => region).sort(), ['eu-central-1', 'eu-south-1', REGION]);

    await rm(blocked, { recursive: true });
    await retry(arn);
    await work(arn);
    const done = await image(arn);
    assert.deepEqual(done.state, { status: 'AVAILABLE' });
    const made = new Map(done.outputResources!.amis!.map((each) => [each.region!, each.image!]));
    assert.deepEqual([...made.keys()].sort(), [...elsewhere, REGION].sort());
    assert.equal(made.get(REGION), ami);
    for (const { region, id } of there) assert.equal(made.get(region), id, `${region} has the AMI of the first try`);
  });

  test('of an image that failed while it was INTEGRATING has the AMIs that were distributed', async () => {
    const { arn, ami } = await built('FAILED');
    await retry(arn);
    await sql`CREATE TRIGGER full BEFORE UPDATE ON images WHEN old.status = 'INTEGRATING' AND new.status = 'AVAILABLE'
      BEGIN SELECT RAISE(ABORT, 'cannot be recorded'); END`.execute(api.catalog.db);
    await work(arn);
    await sql`DROP TRIGGER full`.execute(api.catalog.db);
    const failed = await image(arn);
    assert.equal(failed.state!.status, 'FAILED');
    assert.match(failed.state!.reason!, /cannot be recorded/);
    const made = (await amisOfImage(api.catalog.db, arn)).map(({ region, id }) => [region, id]);
    assert.deepEqual(made.map(([region]) => region).sort(), [REGION, 'us-west-2']);
    await retry(arn);
    await work(arn);
    const done = await image(arn);
    assert.deepEqual(done.state, { status: 'AVAILABLE' });
    assert.deepEqual(
      done.outputResources!.amis!.map(({ region, image: id }) => [region, id]),
      made.toSorted(([, a]) => (a === ami ? -1 : 1)),
      'the same AMIs',
    );
  });

  test('is refused where there is nothing to try again with', async () => {
    const { arn, disk } = await built('FAILED');
    await collectGarbage(api.catalog, '2026-01-01T00:00:00.000Z');
    assert.ok(existsSync(disk), 'what is young stays');
    await collectGarbage(api.catalog, new Date(Date.now() + 1000).toISOString());
    assert.ok(!existsSync(disk));
    await assert.rejects(retry(arn), {
      name: 'InvalidRequestException',
      message: /cannot be retried.*Start the build again/,
    });
    await assert.rejects(retry(arn.replace(/\d+$/, '99')), { name: 'ResourceNotFoundException' });
  });
});

describe('DistributeImage', () => {
  const distribute = (sourceImage: string, more: Partial<DistributeImageCommandInput> = {}) =>
    api.client.send(
      new DistributeImageCommand({
        sourceImage,
        distributionConfigurationArn: distribution,
        executionRole: 'role',
        ...more,
      }),
    );

  test("makes an image of its own, whose AMIs outlive the source's", async () => {
    const source = await built('AVAILABLE');
    const anyBuild = source.arn.replace(/\/1\.0\.0\/1$/, '/1.x.x');
    const woken = api.woken();
    const { imageBuildVersionArn: arn } = await distribute(anyBuild, { tags: { a: 'b' } });
    assert.equal(arn, source.arn.replace(/1$/, '2'));
    assert.equal(api.woken(), woken + 1);
    await work(arn!);
    const done = await image(arn!);
    assert.deepEqual(
      [done.state, done.osVersion, done.platform, done.tags, done.executionRole],
      [{ status: 'AVAILABLE' }, 'Debian 12', 'Linux', { a: 'b' }, 'role'],
    );
    const [home, copy] = done.outputResources!.amis!;
    assert.deepEqual([home!.region, copy!.region], [REGION, 'us-west-2']);
    assert.match(home!.name!, new RegExp(`^copy in ${REGION} 20`));
    assert.deepEqual(
      [
        (await amiOnRecord(api.catalog.db, source.ami))!.name,
        (await amiOnRecord(api.catalog.db, home!.image!))!.layer_id,
      ],
      ['n', (await amiOnRecord(api.catalog.db, source.ami))!.layer_id],
    );
    assert.equal(
      (JSON.parse((await amiOnRecord(api.catalog.db, home!.image!))!.tags) as Record<string, string>)[
        'Ec2ImageBuilderArn'
      ],
      arn,
    );
    assert.ok(existsSync(join(api.catalog.dataDirectory, 'regions', 'us-west-2', `${copy!.image}.json`)));
  });

  test('of an AMI that goes meanwhile fails, and can be tried again', async () => {
    const { ami } = await built('AVAILABLE');
    const { imageBuildVersionArn: arn } = await distribute(ami);
    await api.catalog.db.updateTable('amis').set({ state: 'disabled' }).where('id', '=', ami).execute();
    await work(arn!);
    assert.match(
      (await image(arn!)).state!.reason!,
      new RegExp(`the AMI ${ami} is not available in ${REGION} any more`),
    );
    await api.catalog.db.updateTable('amis').set({ state: 'available' }).where('id', '=', ami).execute();
    await retry(arn!);
    await work(arn!);
    assert.deepEqual((await image(arn!)).state, { status: 'AVAILABLE' });
  });

  test('is refused for what is not there', async () => {
    const waiting = (
      await api.client.send(
        new DistributeImageCommand({
          sourceImage: (await built('AVAILABLE')).ami,
          distributionConfigurationArn: distribution,
          executionRole: 'role',
        }),
      )
    ).imageBuildVersionArn!;
    await api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: waiting }));
    for (const sourceImage of ['ami-00000000000000000', waiting, waiting.replace(/\/\d+$/, '/99'), DEBIAN])
      await assert.rejects(distribute(sourceImage), { name: 'ResourceNotFoundException' }, sourceImage);
    await assert.rejects(distribute('web'), { name: 'InvalidParameterValueException', message: /'sourceImage'/ });
    await assert.rejects(distribute('ssm:/web'), {
      name: 'InvalidParameterValueException',
      message: /parameter '\/web' has no value here/,
    });
    const { ami } = await built('AVAILABLE');
    await assert.rejects(distribute(ami, { distributionConfigurationArn: `${distribution}-none` }), {
      name: 'ResourceNotFoundException',
    });
  });
});
