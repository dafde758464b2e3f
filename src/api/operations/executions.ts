/**
 * Operations that read how an image was made: workflow executions, their steps, its packages. Source: reference,
 * `api-shapes.md`.
 */
import {
  getStepExecution,
  getWorkflowExecution,
  stepExecutionsOfWorkflow,
  workflowExecutionsOfImage,
  type StepExecution,
  type WorkflowExecution,
} from '../../catalog/executions.ts';
import { getImage } from '../../catalog/images.ts';
import { listImagePackages } from '../../catalog/packages.ts';
import { sliceOf } from '../../catalog/slices.ts';
import { answerStep, listWaitingSteps, waitingStep } from '../../catalog/waiting-steps.ts';
import { parseArn } from '../../resources/arns.ts';
import { invalidParameterValue, invalidRequest, resourceNotFound } from '../../resources/errors.ts';
import type { Handlers, OperationContext } from '../context.ts';
import type { OperationOutput } from '../model.ts';
import { openPage } from '../paging.ts';
import { compact, ownArn, placeOf } from './common.ts';

type WorkflowStatus = OperationOutput<'GetWorkflowExecution'>['status'];
type StepStatus = OperationOutput<'GetWorkflowStepExecution'>['status'];
type RollbackStatus = OperationOutput<'GetWorkflowStepExecution'>['rollbackStatus'];

/** Handlers. */
export const executionOperations = {
  async ListWorkflowExecutions(input, context) {
    await ownImage(context, input.imageBuildVersionArn);
    const page = openPage(input, context, ['number', 'string']);
    const found = sliceOf(await workflowExecutionsOfImage(context.db, input.imageBuildVersionArn), page, inOrder);
    const { items, nextToken } = page.cut(found, inOrder);
    const workflowExecutions = [];
    for (const execution of items)
      workflowExecutions.push({
        workflowBuildVersionArn: execution.workflow_arn,
        ...(await described(context, execution)),
      });
    return { workflowExecutions, imageBuildVersionArn: input.imageBuildVersionArn, nextToken };
  },

  async GetWorkflowExecution(input, context) {
    const execution = await ownExecution(context, input.workflowExecutionId);
    return {
      workflowBuildVersionArn: execution.workflow_arn,
      imageBuildVersionArn: execution.image_arn,
      ...(await described(context, execution)),
    };
  },

  async ListWorkflowStepExecutions(input, context) {
    const execution = await ownExecution(context, input.workflowExecutionId);
    const page = openPage(input, context, ['number', 'string']);
    const found = sliceOf(await stepExecutionsOfWorkflow(context.db, execution.id), page, inOrder);
    const { items, nextToken } = page.cut(found, inOrder);
    return {
      steps: items.map(describedStep),
      workflowBuildVersionArn: execution.workflow_arn,
      workflowExecutionId: execution.id,
      imageBuildVersionArn: execution.image_arn,
      nextToken,
    };
  },

  async GetWorkflowStepExecution(input, context) {
    const step = await getStepExecution(context.db, input.stepExecutionId);
    if (step === undefined || !isOwn(context, step.image_arn)) throw resourceNotFound(input.stepExecutionId);
    const execution = await ownExecution(context, step.workflow_execution_id);
    return {
      ...describedStep(step),
      workflowBuildVersionArn: execution.workflow_arn,
      workflowExecutionId: execution.id,
      imageBuildVersionArn: step.image_arn,
      onFailure: step.on_failure,
      timeoutSeconds: step.timeout_seconds,
    };
  },

  async ListWaitingWorkflowSteps(input, context) {
    const page = openPage(input, context, ['string', 'string']);
    const { items, nextToken } = page.cut(
      await listWaitingSteps(context.db, placeOf(context), page),
      ({ since, step_id }) => [since, step_id],
    );
    return {
      steps: items.map((step) =>
        compact({
          stepExecutionId: step.step_id,
          imageBuildVersionArn: step.image_arn,
          workflowExecutionId: step.workflow_execution_id,
          workflowBuildVersionArn: step.workflow_arn,
          name: step.name,
          action: step.action,
          startTime: step.start_time ?? undefined,
        }),
      ),
      nextToken,
    };
  },

  async SendWorkflowStepAction({ stepExecutionId, imageBuildVersionArn, action, reason }, context) {
    const step = await getStepExecution(context.db, stepExecutionId);
    if (step === undefined || !isOwn(context, step.image_arn)) throw resourceNotFound(stepExecutionId);
    if (step.image_arn !== imageBuildVersionArn)
      throw invalidParameterValue(
        'imageBuildVersionArn',
        `The step '${stepExecutionId}' is not one of '${imageBuildVersionArn}'.`,
      );
    const waiting = await waitingStep(context.db, stepExecutionId);
    if (waiting === undefined)
      throw invalidRequest(
        `The step '${stepExecutionId}' (${step.action}) is ${step.status} and does not wait for an answer.`,
      );
    if (waiting.action !== null)
      throw invalidRequest(`The step '${stepExecutionId}' has already been answered: ${waiting.action}.`);
    await answerStep(context.db, stepExecutionId, action, reason);
    context.afterCommit(context.services.wakeWorker);
    return { stepExecutionId, imageBuildVersionArn };
  },

  async ListImagePackages(input, context) {
    await ownImage(context, input.imageBuildVersionArn);
    const page = openPage(input, context, ['string', 'string']);
    const found = await listImagePackages(context.db, input.imageBuildVersionArn, page);
    const { items, nextToken } = page.cut(found, ({ name, version }) => [name, version]);
    return {
      imagePackageList: items.map(({ name, version }) => ({ packageName: name, packageVersion: version })),
      nextToken,
    };
  },
} satisfies Partial<Handlers>;

function inOrder({ position, id }: { readonly position: number; readonly id: string }): readonly (string | number)[] {
  return [position, id];
}

async function ownImage(context: OperationContext, arn: string): Promise<void> {
  ownArn(context, arn, 'image', 'imageBuildVersionArn');
  if ((await getImage(context.db, arn)) === undefined) throw resourceNotFound(arn);
}

function isOwn(context: OperationContext, imageArn: string): boolean {
  const arn = parseArn(imageArn);
  return arn?.owner === context.account && arn.region === context.region;
}

async function ownExecution(context: OperationContext, id: string): Promise<WorkflowExecution> {
  const execution = await getWorkflowExecution(context.db, id);
  if (execution === undefined || !isOwn(context, execution.image_arn)) throw resourceNotFound(id);
  return execution;
}

async function described(context: OperationContext, execution: WorkflowExecution) {
  const steps = await stepExecutionsOfWorkflow(context.db, execution.id);
  const count = (status: string): number => steps.filter((step) => step.status === status).length;
  return compact({
    workflowExecutionId: execution.id,
    type: execution.type,
    status: execution.status as WorkflowStatus,
    message: execution.message?.slice(0, 500),
    totalStepCount: execution.total_steps,
    totalStepsSucceeded: count('COMPLETED'),
    totalStepsFailed: count('FAILED'),
    totalStepsSkipped: count('SKIPPED'),
    startTime: execution.start_time ?? undefined,
    endTime: execution.end_time ?? undefined,
    parallelGroup: execution.parallel_group ?? undefined,
    retried: execution.retried === 1 ? true : undefined,
  });
}

function describedStep(step: StepExecution) {
  return compact({
    stepExecutionId: step.id,
    name: step.name,
    description: step.description ?? undefined,
    action: step.action,
    status: step.status as StepStatus,
    rollbackStatus: (step.rollback_status ?? undefined) as RollbackStatus,
    message: step.message?.slice(0, 500),
    inputs: step.inputs ?? undefined,
    outputs: step.outputs ?? undefined,
    startTime: step.start_time ?? undefined,
    endTime: step.end_time ?? undefined,
    // Documents cannot request another attempt yet.
    attemptNumber: step.status === 'PENDING' || step.status === 'SKIPPED' ? undefined : 1,
    maxAttempts: 1,
  });
}
