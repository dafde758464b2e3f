import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import {
  CancelImageCreationCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  GetImageCommand,
  ListWaitingWorkflowStepsCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowStepExecutionsCommand,
  SendWorkflowStepActionCommand,
  type WorkflowStepExecution,
} from '@aws-sdk/client-imagebuilder';
import { suspendedImages } from '../../src/catalog/suspended-images.ts';
import { until } from '../../src/platform/clock.ts';
import { sweepAtStart } from '../../src/storage/sweeper.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { DEBIAN, startApi, type TestApi } from './server.ts';

const WAIT = (name: string, more = ''): string => `  - name: ${name}\n    action: WaitForAction\n${more}`;

describe('an image that waits for an answer', () => {
  let api: TestApi;
  let worker: Worker;
  let recipe: string;
  let infrastructure: string;
  let serial = 0;
  before(async () => {
    api = await startApi();
    recipe = (
      await api.client.send(
        new CreateImageRecipeCommand({ name: 'waits', semanticVersion: '1.0.0', parentImage: DEBIAN }),
      )
    ).imageRecipeArn!;
    infrastructure = (
      await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'waits', instanceProfileName: 'p' }))
    ).infrastructureConfigurationArn!;
  });
  after(() => api.close());
  // One place: what waits has to leave it to others.
  beforeEach(() => (worker = startWorker(api.catalog, { atOnce: 1, keepFreeBytes: 0 })));
  afterEach(() => worker.stop('the test is over'));

  async function image(steps: string): Promise<string> {
    const workflows = [];
    for (const [type, text] of [
      ['BUILD', steps],
      ['DISTRIBUTION', WAIT('Last')],
    ] as const) {
      const { workflowBuildVersionArn } = await api.client.send(
        new CreateWorkflowCommand({
          name: `waits ${++serial}`,
          semanticVersion: '1.0.0',
          type,
          data: `schemaVersion: 1.0\nsteps:\n${text}`,
        }),
      );
      workflows.push({ workflowArn: workflowBuildVersionArn!.replace(/1\.0\.0\/1$/, 'x.x.x') });
    }
    const { imageBuildVersionArn } = await api.client.send(
      new CreateImageCommand({
        imageRecipeArn: recipe,
        infrastructureConfigurationArn: infrastructure,
        workflows,
        executionRole: 'role',
      }),
    );
    worker.wake();
    return imageBuildVersionArn!;
  }

  const stepOf = (arn: string, name: string): Promise<WorkflowStepExecution> =>
    until(`${name} to wait`, 30_000, async () => {
      const { steps } = await api.client.send(new ListWaitingWorkflowStepsCommand({}));
      return steps!.find((step) => step.imageBuildVersionArn === arn && step.name === name);
    });
  const suspended = (arn: string): Promise<boolean> =>
    until(
      'the work to be left',
      30_000,
      async () => (await suspendedImages(api.catalog.db)).includes(arn) || undefined,
    );
  const answer = async (arn: string, name: string, action: 'RESUME' | 'STOP'): Promise<void> => {
    const { stepExecutionId } = await stepOf(arn, name);
    await api.client.send(
      new SendWorkflowStepActionCommand({ stepExecutionId, imageBuildVersionArn: arn, action, reason: `${name}!` }),
    );
    worker.wake();
  };
  const ended = (arn: string) =>
    until('the image to end', 30_000, async () => {
      const { image: found } = await api.client.send(new GetImageCommand({ imageBuildVersionArn: arn }));
      return ['AVAILABLE', 'FAILED', 'CANCELLED'].includes(found!.state!.status!) ? found : undefined;
    });

  test('leaves its place to others, outlives restarts and goes on with what it knew', async () => {
    const first = await image(
      `${WAIT('One')}${WAIT('Two', '    if:\n      stringEquals: One!\n      value: $.stepOutputs.One.reason\n')}`,
    );
    await suspended(first);
    const second = await image(WAIT('One'));
    await suspended(second);
    await worker.stop('restart');
    await sweepAtStart(api.catalog);
    await api.restart();
    worker = startWorker(api.catalog, { atOnce: 1, keepFreeBytes: 0 });
    await answer(first, 'One', 'RESUME');
    await answer(first, 'Two', 'RESUME');
    await answer(first, 'Last', 'RESUME');
    assert.equal((await ended(first)).state!.status, 'AVAILABLE');
    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: first }),
    );
    assert.deepEqual(
      workflowExecutions!.map(({ type, status, totalStepsSucceeded }) => [type, status, totalStepsSucceeded]),
      [
        ['BUILD', 'COMPLETED', 2],
        ['DISTRIBUTION', 'COMPLETED', 1],
      ],
    );
    await answer(second, 'One', 'STOP');
    const { state } = await ended(second);
    assert.equal(state!.status, 'FAILED');
    assert.match(state!.reason!, /stopped by SendWorkflowStepAction \(STOP\): One!/);
    assert.deepEqual(await suspendedImages(api.catalog.db), []);
  });

  test('is cancelled while others use all places', async () => {
    const waits = await image(WAIT('One'));
    await suspended(waits);
    await api.client.send(new CancelImageCreationCommand({ imageBuildVersionArn: waits }));
    worker.wake();
    assert.equal((await ended(waits)).state!.status, 'CANCELLED');
  });

  test('fails when its time is over', async () => {
    const waits = await image(WAIT('One', '    timeoutSeconds: 1\n'));
    const { state } = await ended(waits);
    assert.match(state!.reason!, /Step One timed out/);
    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: waits }),
    );
    const { workflowExecutionId } = workflowExecutions![0]!;
    const { steps } = await api.client.send(new ListWorkflowStepExecutionsCommand({ workflowExecutionId }));
    assert.deepEqual(
      steps!.map(({ name, status }) => [name, status]),
      [['One', 'FAILED']],
    );
  });
});
