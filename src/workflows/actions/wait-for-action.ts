/**
 * `WaitForAction`: waits for an answer with `SendWorkflowStepAction`. The work on the image is suspended meanwhile, if
 * possible. Source: reference, `workflows.md` section 4.
 */
import { beginWaiting, waitingStep } from '../../catalog/waiting-steps.ts';
import { getWorkflowExecution } from '../../catalog/executions.ts';
import { writeEvent } from '../../catalog/outbox.ts';
import { sleep, timestamp } from '../../platform/clock.ts';
import { StepError, Suspension } from '../errors.ts';
import type { StepAction, StepNeeds, StepOutputs } from './action.ts';

/** Time between checks for the answer, in milliseconds: another process writes it to the records. */
const LOOK_MS = 250;

/** Detail type of the event that a step waits. */
const STEP_WAITING = 'EC2 Image Builder Workflow Step Waiting';

const WITHOUT_EFFECT = ['lambdaFunctionName'];

export const waitForAction: StepAction = { name: 'WaitForAction', waits: true, run };

async function run({
  plan: { arn, account, region },
  services: { catalog },
  inputs,
  execution,
  report,
  signal,
}: StepNeeds<'arn' | 'account' | 'region', never, 'catalog'>): Promise<StepOutputs> {
  // A step that was interrupted may have come to this before.
  const begun = execution.resumed && (await waitingStep(catalog.db, execution.stepId)) !== undefined;
  if (!begun) {
    for (const input of WITHOUT_EFFECT)
      if (inputs[input] !== undefined)
        report({ type: 'log', level: 'warn', text: `the input ${input} has no effect yet: no notification is sent` });
    const workflow = await getWorkflowExecution(catalog.db, execution.workflowId);
    const { snsTopicArn, payload } = inputs;
    await catalog.transaction(async (trx) => {
      await beginWaiting(trx, { step_id: execution.stepId, image_arn: arn, account, region, since: timestamp() });
      await writeEvent(trx, {
        type: STEP_WAITING,
        resource: arn,
        moreResources: workflow === undefined ? [] : [workflow.workflow_arn],
        status: 'WAITING',
        topic: typeof snsTopicArn === 'string' ? { arn: snsTopicArn, payload: payloadText(payload) } : undefined,
        payload: {
          'workflow-execution-id': execution.workflowId,
          'workflow-step-execution-id': execution.stepId,
          'workflow-step-name': execution.stepName,
        },
      });
    });
    report({
      type: 'log',
      text:
        `waits for an answer: aws imagebuilder send-workflow-step-action --step-execution-id ${execution.stepId} ` +
        `--image-build-version-arn ${arn} --action RESUME (or STOP)`,
    });
  }
  // The answer stays on record until the step's end is: an interruption loses none.
  for (;;) {
    const { action, reason } = (await waitingStep(catalog.db, execution.stepId)) ?? { action: null, reason: null };
    const outputs = { action, reason: reason ?? undefined };
    if (action === 'RESUME') return outputs;
    if (action === 'STOP')
      throw new StepError(`stopped by SendWorkflowStepAction (STOP)${reason === null ? '' : `: ${reason}`}`, {
        outputs,
      });
    signal.throwIfAborted();
    if (execution.mayLeave) throw new Suspension(execution);
    await sleep(LOOK_MS, signal);
  }
}

/** The text for the topic's `customPayload`. */
function payloadText(payload: unknown): string | undefined {
  return payload === undefined || typeof payload === 'string' ? payload : JSON.stringify(payload);
}
