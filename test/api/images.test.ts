/** Images: their numbers, moves and records. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CancelImageCreationCommand,
  CreateImageCommand,
  DeleteImageCommand,
  GetImageCommand,
  GetWorkflowExecutionCommand,
  GetWorkflowStepExecutionCommand,
  ListImageBuildVersionsCommand,
  ListImagePackagesCommand,
  ListImagesCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowStepExecutionsCommand,
} from '@aws-sdk/client-imagebuilder';
import { insertStepExecution, insertWorkflowExecution, saveImagePackages } from '../../src/catalog/executions.ts';
import { getImage, IllegalMoveError, transitionImage } from '../../src/catalog/images.ts';
import { amazon, fails, own, makersOf } from './makers.ts';
import { DEBIAN, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(() => api.close());

const { recipe, infrastructure, image, move, unique } = makersOf(() => api);

describe('images', () => {
  test('are numbered, and no number comes twice', async () => {
    const { imageRecipeArn } = await recipe(unique('numbered'));
    const [first, second] = [await image(imageRecipeArn), await image(imageRecipeArn)];
    assert.match(second, /\/1\.0\.0\/2$/);
    await move(second, 'FAILED');
    await api.client.send(new DeleteImageCommand({ imageBuildVersionArn: second }));
    assert.match(await image(imageRecipeArn), /\/1\.0\.0\/3$/);
    const { imageSummaryList } = await api.client.send(
      new ListImageBuildVersionsCommand({ imageVersionArn: first.replace(/\/1$/, '') }),
    );
    assert.deepEqual(
      imageSummaryList!.map(({ version }) => version),
      ['1.0.0/3', '1.0.0/1'],
    );
    const { imageVersionList } = await api.client.send(
      new ListImagesCommand({ filters: [{ name: 'name', values: [first.split('/')[1]!] }] }),
    );
    assert.deepEqual(
      imageVersionList!.map(({ arn, version }) => [arn, version]),
      [[first.replace(/\/1$/, ''), '1.0.0']],
    );
  });

  test('started at once get different numbers', async () => {
    const { imageRecipeArn } = await recipe(unique('race'));
    const infrastructureConfigurationArn = await infrastructure();
    const arns = await Promise.all(
      Array.from(
        { length: 8 },
        async () =>
          (await api.client.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn })))
            .imageBuildVersionArn!,
      ),
    );
    assert.deepEqual(arns.map((arn) => Number(arn.split('/').at(-1))).sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('are read by wildcard: the latest available build, else the latest', async () => {
    const { imageRecipeArn } = await recipe(unique('read'));
    const first = await image(imageRecipeArn);
    const wildcard = first.replace('/1.0.0/1', '/x.x.x');
    const get = async () =>
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: wildcard }))).image!.version;
    assert.equal(await get(), '1.0.0/1');
    await move(first, 'CREATING', 'AVAILABLE');
    await image(imageRecipeArn);
    assert.equal(await get(), '1.0.0/1');
  });

  test('of Amazon are there', async () => {
    const { image: found } = await api.client.send(new GetImageCommand({ imageBuildVersionArn: DEBIAN }));
    assert.equal(found!.osVersion, 'Debian 12');
    assert.equal(found!.imageSource, 'AMAZON_MANAGED');
    const { imageVersionList } = await api.client.send(new ListImagesCommand({ owner: 'Amazon' }));
    assert.deepEqual(
      imageVersionList!.map(({ name }) => name),
      ['debian-12-x86', 'windows-11'],
    );
    await fails(
      api.client.send(new GetImageCommand({ imageBuildVersionArn: amazon('image/none/x.x.x') })),
      'ResourceNotFoundException',
    );
  });

  test('without work in progress are cancelled at once, others asked to be', async () => {
    const waiting = await image();
    await api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: waiting }));
    assert.equal(
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: waiting }))).image!.state!.status,
      'CANCELLED',
    );
    await fails(
      api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: waiting })),
      'InvalidRequestException',
      /CANCELLED/,
    );

    const building = await image();
    await move(building, 'CREATING', 'BUILDING');
    await api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: building }));
    assert.equal(
      (await api.client.send(new GetImageCommand({ imageBuildVersionArn: building }))).image!.state!.status,
      'BUILDING',
    );
    const row = await api.catalog.db
      .selectFrom('images')
      .select('cancel_requested')
      .where('arn', '=', building)
      .executeTakeFirstOrThrow();
    assert.equal(row.cancel_requested, 1);
    await fails(
      api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: own('image/none/1.0.0/1') })),
      'ResourceNotFoundException',
    );
  });

  test('write an event with every change, and move only as they may', async () => {
    const arn = await image();
    await move(arn, 'CREATING', 'BUILDING');
    await api.catalog.transaction((trx) =>
      transitionImage(trx, arn, 'FAILED', { reason: 'because', patch: { osVersion: 'Debian 12.1' } }),
    );
    await assert.rejects(move(arn, 'AVAILABLE'), IllegalMoveError);
    const events = await api.catalog.db
      .selectFrom('outbox')
      .selectAll()
      .where('resource', '=', arn)
      .orderBy('seq')
      .execute();
    assert.deepEqual(
      events.map(({ previous_status, status }) => [previous_status, status]),
      [
        [null, 'PENDING'],
        ['PENDING', 'CREATING'],
        ['CREATING', 'BUILDING'],
        ['BUILDING', 'FAILED'],
      ],
    );
    assert.deepEqual(JSON.parse(events.at(-1)!.payload), {
      'previous-state': { status: 'BUILDING' },
      state: { status: 'FAILED', reason: 'because' },
    });
    const failed = (await api.client.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
    assert.deepEqual(failed.state, { status: 'FAILED', reason: 'because' });
    assert.equal(failed.osVersion, 'Debian 12.1');
    const failureOf = async () => (await getImage(api.catalog.db, arn))!.failureContext;
    assert.deepEqual(await failureOf(), { imageStatus: 'BUILDING' });
    await move(arn, 'PENDING');
    assert.equal(await failureOf(), undefined);
  });

  test('show their workflow executions, steps and packages', async () => {
    const arn = await image();
    const [wf, step] = ['wf-12345678-1234-1234-1234-123456789012', 'step-12345678-1234-1234-1234-123456789012'];
    await insertWorkflowExecution(api.catalog.db, {
      id: wf,
      image_arn: arn,
      workflow_arn: amazon('workflow/build/build-image/1.0.0/1'),
      type: 'BUILD',
      status: 'COMPLETED',
      message: null,
      parallel_group: null,
      position: 0,
      total_steps: 2,
      start_time: '2026-01-01T00:00:00.000Z',
      end_time: null,
    });
    for (const [position, status] of ['COMPLETED', 'SKIPPED'].entries()) {
      await insertStepExecution(api.catalog.db, {
        id: position === 0 ? step : step.replace('step-1', 'step-2'),
        workflow_execution_id: wf,
        image_arn: arn,
        position,
        name: `Step${position}`,
        action: 'LaunchInstance',
        description: null,
        status,
        rollback_status: null,
        message: null,
        inputs: '{}',
        outputs: null,
        on_failure: 'Abort',
        timeout_seconds: 60,
        start_time: null,
        end_time: null,
      });
    }
    await saveImagePackages(
      api.catalog.db,
      arn,
      Array.from({ length: 30 }, (_, index) => ({ name: `p${String(index).padStart(2, '0')}`, version: '1' })),
    );

    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: arn }),
    );
    assert.deepEqual(
      workflowExecutions!.map(({ workflowExecutionId, totalStepCount, totalStepsSucceeded, totalStepsSkipped }) => [
        workflowExecutionId,
        totalStepCount,
        totalStepsSucceeded,
        totalStepsSkipped,
      ]),
      [[wf, 2, 1, 1]],
    );
    assert.equal(
      (await api.client.send(new GetWorkflowExecutionCommand({ workflowExecutionId: wf }))).imageBuildVersionArn,
      arn,
    );
    const { steps } = await api.client.send(new ListWorkflowStepExecutionsCommand({ workflowExecutionId: wf }));
    assert.deepEqual(
      steps!.map(({ name, status }) => [name, status]),
      [
        ['Step0', 'COMPLETED'],
        ['Step1', 'SKIPPED'],
      ],
    );
    const read = await api.client.send(new GetWorkflowStepExecutionCommand({ stepExecutionId: step }));
    assert.equal(read.onFailure, 'Abort');
    assert.equal(read.timeoutSeconds, 60);
    const packages = await api.client.send(new ListImagePackagesCommand({ imageBuildVersionArn: arn }));
    assert.equal(packages.imagePackageList!.length, 25);
    const rest = await api.client.send(
      new ListImagePackagesCommand({ imageBuildVersionArn: arn, nextToken: packages.nextToken }),
    );
    assert.deepEqual(
      rest.imagePackageList!.map(({ packageName }) => packageName),
      ['p25', 'p26', 'p27', 'p28', 'p29'],
    );
    await fails(
      api.clientOf('other', REGION).send(new GetWorkflowExecutionCommand({ workflowExecutionId: wf })),
      'ResourceNotFoundException',
    );
  });
});
