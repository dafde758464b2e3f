import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCatalog } from '../../catalog/catalog.ts';
import { stepExecutionsOfWorkflow, workflowExecutionsOfImage } from '../../catalog/executions.ts';
import { recordedFailure } from '../../catalog/failure-context.ts';
import { parseWorkflowDocument } from '../../documents/workflow/parse.ts';
import { LayerStore } from '../../images/layer-store.ts';
import { openSecrets } from '../../secrets/open.ts';
import type { StepAction, StepContext } from '../actions/action.ts';
import { samplePlan } from '../../../test/harness/image-plan.ts';
import { CancelledError, failureDetails, StepError, withFailureDetails } from '../errors.ts';
import { newProgress } from '../machines/image-progress.ts';
import { runWorkflow, type RunningImage, type StageLimit } from './interpreter.ts';

const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-interpreter-'));
const catalog = await openCatalog(dataDirectory);
after(async () => {
  await catalog.close();
  rmSync(dataDirectory, { recursive: true });
});

let images = 0;
function newWork(signal: AbortSignal = new AbortController().signal): RunningImage {
  const arn = `arn:aws:imagebuilder:us-east-1:123456789012:image/interpreted/1.0.0/${++images}`;
  return {
    plan: samplePlan({
      arn,
      region: 'us-east-1',
      account: '123456789012',
      image: { arn, name: 'interpreted', version: `1.0.0/${images}`, type: 'AMI', platform: 'Linux' },
    }),
    progress: newProgress(),
    services: {
      catalog,
      dataDirectory,
      layers: new LayerStore(catalog, dataDirectory),
      secrets: openSecrets(dataDirectory, '123456789012', 'us-east-1'),
    },
    report: () => {},
    signal,
  };
}

/** Actions that record their calls. */
function recording(behaviour: Record<string, (context: StepContext) => Promise<Record<string, unknown>>>): {
  actions: Record<string, StepAction>;
  calls: string[];
} {
  const calls: string[] = [];
  const actions = Object.fromEntries(
    ['LaunchInstance', 'ExecuteComponents', 'TerminateInstance'].map((name) => [
      name,
      {
        name,
        async run(context: StepContext) {
          calls.push(`${name} ${JSON.stringify(context.inputs)}`);
          return (await behaviour[name]?.(context)) ?? (name === 'LaunchInstance' ? { instanceId: 'i-1' } : {});
        },
        async rollback() {
          calls.push(`rollback ${name}`);
        },
      } satisfies StepAction,
    ]),
  );
  return { actions, calls };
}

async function interpret(
  work: RunningImage,
  text: string,
  actions: Record<string, StepAction>,
  limit?: StageLimit,
): Promise<void> {
  const { document, faults } = parseWorkflowDocument(text, 'BUILD');
  assert.ok(document, JSON.stringify(faults));
  await runWorkflow(work, {
    document,
    arn: 'arn:w',
    name: 'w',
    type: 'BUILD',
    parameters: {},
    position: 0,
    actions,
    ...(limit === undefined ? {} : { limit }),
  });
}

async function recorded(work: RunningImage): Promise<{ workflow: string; steps: string[] }> {
  const [execution] = await workflowExecutionsOfImage(catalog.db, work.plan.arn);
  const steps = await stepExecutionsOfWorkflow(catalog.db, execution!.id);
  return {
    workflow: execution!.status,
    steps: steps.map((step) => `${step.name} ${step.status}${step.rollback_status ? ` ${step.rollback_status}` : ''}`),
  };
}

const THREE_STEPS = `
name: w
schemaVersion: 1.0
steps:
  - name: Launch
    action: LaunchInstance
    inputs: { waitFor: ssmAgent }
  - name: Apply
    action: ExecuteComponents
    inputs: { instanceId.$: $.stepOutputs.Launch.instanceId }
  - name: End
    action: TerminateInstance
    onFailure: Continue
    inputs: { instanceId.$: $.stepOutputs.Launch.instanceId }
outputs:
  - name: Instance
    value: $.stepOutputs.Launch.instanceId
`;

test('a workflow that is aborted alone is CANCELLED, with the name of its group', async () => {
  const work = newWork();
  const alone = new AbortController();
  const { actions } = recording({
    async ExecuteComponents({ signal }) {
      alone.abort(new Error('another one failed'));
      signal.throwIfAborted();
      return {};
    },
  });
  const { document } = parseWorkflowDocument(THREE_STEPS, 'BUILD');
  const run = runWorkflow(work, {
    document: document!,
    arn: 'arn:w',
    name: 'w',
    type: 'BUILD',
    parameters: {},
    position: 0,
    actions,
    parallelGroup: 'g',
    signal: alone.signal,
  });
  await assert.rejects(run, /another one failed/);
  assert.deepEqual(await recorded(work), {
    workflow: 'CANCELLED',
    steps: ['Launch COMPLETED COMPLETED', 'Apply CANCELLED', 'End CANCELLED'],
  });
  assert.equal((await workflowExecutionsOfImage(catalog.db, work.plan.arn))[0]!.parallel_group, 'g');
});

test('steps run in order, chained, and record their outputs', async () => {
  const work = newWork();
  const { actions, calls } = recording({});
  await interpret(work, THREE_STEPS, actions);
  assert.deepEqual(calls, [
    'LaunchInstance {"waitFor":"ssmAgent"}',
    'ExecuteComponents {"instanceId":"i-1"}',
    'TerminateInstance {"instanceId":"i-1"}',
  ]);
  assert.equal(work.progress.workflowOutputs.get('Instance'), 'i-1');
  assert.deepEqual(await recorded(work), {
    workflow: 'COMPLETED',
    steps: ['Launch COMPLETED', 'Apply COMPLETED', 'End COMPLETED'],
  });
});

test('a step is recorded before it runs', async () => {
  const work = newWork();
  const seen: string[] = [];
  const { actions } = recording({
    async ExecuteComponents() {
      seen.push(...(await recorded(work)).steps);
      return {};
    },
  });
  await interpret(work, THREE_STEPS, actions);
  assert.deepEqual(seen, ['Launch COMPLETED', 'Apply RUNNING']);
});

test("a failure aborts, rolls back in reverse order and gives the reason in AWS's form", async () => {
  const work = newWork();
  const { actions, calls } = recording({
    async ExecuteComponents() {
      throw new Error('Document arn:c failed!');
    },
  });
  await assert.rejects(
    interpret(work, THREE_STEPS, actions),
    /^WorkflowFailure: Workflow Execution ID: 'wf-[0-9a-f-]{36}' failed with reason: Document arn:c failed!$/,
  );
  assert.equal(calls.at(-1), 'rollback LaunchInstance');
  assert.deepEqual(await recorded(work), {
    workflow: 'ROLLBACK_COMPLETED',
    steps: ['Launch COMPLETED COMPLETED', 'Apply FAILED', 'End SKIPPED'],
  });
});

test("a failed step is recorded with its outputs, and the error's class survives the masking of a secret", async () => {
  const work = newWork();
  work.services.secrets.mask.add('a-secret-of-the-user');
  const { actions } = recording({
    async ExecuteComponents() {
      throw new StepError('it printed a-secret-of-the-user', {
        outputs: { status: 'Failed', line: 'a-secret-of-the-user' },
      });
    },
  });
  const failure = await interpret(work, THREE_STEPS, actions).then(
    () => assert.fail('it did not fail'),
    (error: Error) => error,
  );
  const [execution] = await workflowExecutionsOfImage(catalog.db, work.plan.arn);
  const step = (await stepExecutionsOfWorkflow(catalog.db, execution!.id)).find(({ name }) => name === 'Apply');

  assert.deepEqual(JSON.parse(step!.outputs!), { status: 'Failed', line: '***', error: 'it printed ***' });
  assert.ok(failure.cause instanceof StepError, String(failure.cause));
  assert.doesNotMatch(`${failure.message} ${String((failure.cause as Error).stack)}`, /a-secret/);
});

test('a failure is recorded for programs: the step, its workflow, and details of its action', async () => {
  const work = newWork();
  const details = { componentFailure: { phaseName: 'build', stepName: 'Install', errorMessage: 'exit status 1' } };
  const { actions } = recording({
    async ExecuteComponents() {
      throw withFailureDetails(new StepError('it broke'), details);
    },
  });
  const failure = await interpret(work, THREE_STEPS, actions).catch((error: unknown) => error);
  assert.deepEqual(failureDetails(failure), details);
  const [execution] = await workflowExecutionsOfImage(catalog.db, work.plan.arn);
  const steps = await stepExecutionsOfWorkflow(catalog.db, execution!.id);
  assert.deepEqual(await recordedFailure(catalog.db, work.plan.arn, 'BUILDING'), {
    imageStatus: 'BUILDING',
    failedStep: 'Apply',
    stepExecutionId: steps[1]!.id,
    workflowArn: 'arn:w',
    workflowExecutionId: execution!.id,
  });
});

test('onFailure Continue continues without rollback', async () => {
  const work = newWork();
  const { actions, calls } = recording({
    async TerminateInstance() {
      throw new Error('busy');
    },
  });
  await interpret(work, THREE_STEPS, actions);
  assert.ok(!calls.some((call) => call.startsWith('rollback')));
  assert.deepEqual((await recorded(work)).steps, ['Launch COMPLETED', 'Apply COMPLETED', 'End FAILED']);
});

test('rollbackEnabled false keeps the results of the step', async () => {
  const work = newWork();
  const { actions, calls } = recording({
    async ExecuteComponents() {
      throw new Error('no');
    },
  });
  await assert.rejects(
    interpret(
      work,
      THREE_STEPS.replace('action: LaunchInstance', 'action: LaunchInstance\n    rollbackEnabled: false'),
      actions,
    ),
  );
  assert.ok(!calls.includes('rollback LaunchInstance'));
});

test('a false condition skips a step, without resolving its inputs', async () => {
  const work = newWork();
  const { actions } = recording({});
  const text = THREE_STEPS.replace(
    'action: ExecuteComponents',
    'action: ExecuteComponents\n    if: { stringEquals: Windows, value: $.imagebuilder.platform }',
  );
  await interpret(work, text, actions);
  const [execution] = await workflowExecutionsOfImage(catalog.db, work.plan.arn);
  const [, apply] = await stepExecutionsOfWorkflow(catalog.db, execution!.id);
  assert.equal(apply!.status, 'SKIPPED');
  assert.equal(apply!.inputs, '{"instanceId.$":"$.stepOutputs.Launch.instanceId"}');
});

test('a step past its deadline fails with its name', async () => {
  const work = newWork();
  const { actions } = recording({
    ExecuteComponents: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  });
  await assert.rejects(
    interpret(
      work,
      THREE_STEPS.replace('action: ExecuteComponents', 'action: ExecuteComponents\n    timeoutSeconds: 1'),
      actions,
    ),
    /failed with reason: Step Apply timed out/,
  );
});

test('a stage past its limit runs no further step, not even after one that may fail', async () => {
  const work = newWork();
  const { actions } = recording({
    ExecuteComponents: ({ signal }) =>
      new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason as Error);
        else signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  });
  const text = THREE_STEPS.replace('action: ExecuteComponents', 'action: ExecuteComponents\n    onFailure: Continue');
  await assert.rejects(
    interpret(work, text, actions, { endsAt: Date.now(), message: 'the tests did not end' }),
    /failed with reason: Step Apply timed out: the tests did not end/,
  );
  assert.deepEqual(await recorded(work), {
    workflow: 'ROLLBACK_COMPLETED',
    steps: ['Launch COMPLETED COMPLETED', 'Apply FAILED', 'End SKIPPED'],
  });
});

test('a cancellation ends the step, the workflow and the launched instances', async () => {
  const controller = new AbortController();
  const work = newWork(controller.signal);
  const { actions, calls } = recording({
    ExecuteComponents: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        controller.abort(new CancelledError('The image was cancelled.'));
      }),
  });
  await assert.rejects(interpret(work, THREE_STEPS, actions), CancelledError);
  assert.equal(calls.at(-1), 'rollback LaunchInstance');
  assert.deepEqual(await recorded(work), {
    workflow: 'CANCELLED',
    steps: ['Launch COMPLETED COMPLETED', 'Apply CANCELLED', 'End CANCELLED'],
  });
});
