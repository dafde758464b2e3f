/**
 * The interpreter of workflow documents. Each step is recorded before it runs. Deadlines, conditions, failures and
 * rollback follow the reference, `workflows.md` sections 2 to 5.
 */
import {
  insertStepExecution,
  insertWorkflowExecution,
  stepExecutionsOfImage,
  stepExecutionsOfWorkflow,
  updateStepExecution,
  updateWorkflowExecution,
  type StepExecution,
} from '../../catalog/executions.ts';
import { endWaiting } from '../../catalog/waiting-steps.ts';
import { evaluateCondition } from '../../documents/workflow/conditions.ts';
import type { WorkflowDocument, WorkflowStep } from '../../documents/workflow/document.ts';
import { resolveWorkflowValue, UnresolvedReferenceError } from '../../documents/workflow/references.ts';
import { whyNotRunnable } from '../../documents/workflow/runnable.ts';
import { InstanceError } from '../../instances/instance.ts';
import { sleep, timestamp, withDeadline } from '../../platform/clock.ts';
import { newStepExecutionId, newWorkflowExecutionId } from '../../platform/ids.ts';
import { patient } from '../../platform/patience.ts';
import { within, type Report } from '../../resources/progress.ts';
import type { StepAction, StepOutputs } from '../actions/action.ts';
import { stepActions } from '../actions/register.ts';
import { CancelledError, Interruption, StepError, Suspension } from '../errors.ts';
import type { ImageProgress, ImageServices, StepControl } from '../machines/image-progress.ts';
import { replaceLost, takeLayer, type LayerFacts } from '../machines/instances.ts';
import { keyOfItsOwn } from '../machines/layer-key.ts';
import { keepPoint } from '../machines/saved-work.ts';
import type { ImagePlan, Stage } from '../planning/image-plan.ts';
import { systemVariables } from './system-variables.ts';

const ROLLBACK_SECONDS = 60;
/** Last lines of a console in the log, above the failure. The log also has the whole console as it was printed. */
const CONSOLE_SHOWN = 30;
/** Maximum characters of a step's message. */
const LONGEST_MESSAGE = 16 << 10;

/**
 * The image whose workflows run. Only the interpreter receives the whole plan and progress, and gives each step the
 * members that it needs.
 */
export interface RunningImage extends StepControl {
  readonly plan: ImagePlan;
  readonly progress: ImageProgress;
  readonly services: ImageServices;
}

/** A workflow to run for an image. */
export interface WorkflowRun {
  readonly document: WorkflowDocument;
  /** ARN of the workflow's build version. */
  readonly arn: string;
  readonly name: string;
  readonly type: Stage;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Order within the image, from 0. */
  readonly position: number;
  /** The time limit of its stage, if it has one. */
  readonly limit?: StageLimit;
  /** Name of the group that it runs in. */
  readonly parallelGroup?: string | undefined;
  /** Aborted with the work, or to end this workflow alone (default: the work's signal). */
  readonly signal?: AbortSignal;
  /** Whether the work on the image can be suspended while a step waits. */
  readonly mayLeave?: boolean;
  /** Id of its execution, if it began before: it was left while a step waited, or interrupted. */
  readonly resumed?: string | undefined;
  /** Its step actions (default: the register). */
  readonly actions?: Readonly<Record<string, StepAction>>;
}

/** A time limit for a whole stage, in addition to those of its steps. */
export interface StageLimit {
  /** Milliseconds since 1970. */
  readonly endsAt: number;
  /** The image's reason when the time is over. */
  readonly message: string;
}

/** The stage's time is over: no step of it continues, whatever its `onFailure` says. */
class StageTimeout extends Error {
  override readonly name = 'StageTimeout';
}

/** A failed workflow. The message is the image's reason in AWS's form. */
export class WorkflowFailure extends Error {
  override readonly name = 'WorkflowFailure';
}

/** Whether a workflow failed because of its stage's time limit. */
export function isStageTimeout(error: Error): boolean {
  return error instanceof WorkflowFailure && error.cause instanceof StageTimeout;
}

interface RanStep {
  readonly step: WorkflowStep;
  readonly executionId: string;
  readonly outputs: StepOutputs;
}

/**
 * Runs a workflow to its end and records its outputs for later workflows.
 * @throws {WorkflowFailure} if a step with `onFailure: Abort` failed; rollback is done
 * @throws the abort's reason if the work was canceled
 */
export async function runWorkflow(work: RunningImage, run: WorkflowRun): Promise<void> {
  const id = run.resumed ?? newWorkflowExecutionId();
  const db = work.services.catalog.db;
  const report = within(work.report, { workflow: run.name });
  const earlier = run.resumed === undefined ? [] : await stepExecutionsOfWorkflow(db, run.resumed);
  refuseOtherSteps(run, earlier);
  if (run.resumed === undefined) await recordWorkflow(work, run, id);
  report({ type: 'log', text: `workflow ${run.name} (${id})${run.resumed === undefined ? '' : ' goes on'}` });

  const ran: RanStep[] = [];
  const outputs = new Map<string, StepOutputs>();
  const lookup = (path: string): unknown => lookUp(work, run, outputs, path);
  for (const { position, status, outputs: given } of earlier)
    if (status === 'COMPLETED')
      outputs.set(run.document.steps[position]!.name, JSON.parse(given ?? '{}') as StepOutputs);
  for (const [position, step] of run.document.steps.entries()) {
    const before = earlier.find((each) => each.position === position);
    if (before?.status === 'COMPLETED') ran.push({ step, executionId: before.id, outputs: outputs.get(step.name)! });
    if (before?.status === 'FAILED' && step.onFailure !== 'Continue')
      throw await abort(work, run, id, position, new Error(before.message ?? 'the step failed'), ran, lookup, report);
    if (before !== undefined && before.status !== 'RUNNING' && !runsAgain(work, run, id, before, earlier, lookup))
      continue;
    try {
      if (work.signal.reason instanceof Interruption) throw work.signal.reason;
      const result = await runStep(work, run, id, position, step, lookup, report, before);
      if (result === undefined) continue;
      outputs.set(step.name, result.outputs);
      if (before?.status !== 'COMPLETED') ran.push(result);
    } catch (error) {
      if (error instanceof Suspension || error instanceof Interruption) throw error;
      if (step.onFailure === 'Continue' && !signalOf(work, run).aborted && !(error instanceof StageTimeout)) continue;
      const failure = await abort(work, run, id, position, error as Error, ran, lookup, report);
      throw failure;
    }
  }
  const results: Record<string, unknown> = {};
  for (const output of run.document.outputs) {
    try {
      results[output.name] = resolveWorkflowValue(output.value, lookup);
      work.progress.workflowOutputs.set(output.name, results[output.name]);
    } catch (error) {
      // The output refers to a step that was skipped. That is an error only for a later workflow that uses it.
      if (!(error instanceof UnresolvedReferenceError)) throw error;
    }
  }
  await work.services.catalog.transaction(async (trx) => {
    await updateWorkflowExecution(trx, id, {
      status: 'COMPLETED',
      outputs: JSON.stringify(results),
      end_time: timestamp(),
    });
    await keepPoint(trx, work);
  });
}

/** @throws {Error} when a workflow that goes on has other steps than those that ran: another version brought others */
function refuseOtherSteps({ document, name }: WorkflowRun, earlier: readonly StepExecution[]): void {
  const other = earlier.find((each) => document.steps[each.position]?.name !== each.name);
  if (other !== undefined)
    throw new Error(
      `the workflow ${name} has other steps than when the image began: ${other.name} was its step ` +
        `${other.position + 1}. Start the build again`,
    );
}

/**
 * Whether a step that is finished runs again: what it did was in an instance that was lost, no layer holds it, and a
 * step that is not finished needs that instance.
 */
function runsAgain(
  { progress }: Pick<RunningImage, 'progress'>,
  run: WorkflowRun,
  workflowId: string,
  before: StepExecution,
  earlier: readonly StepExecution[],
  lookup: (path: string) => unknown,
): boolean {
  const effect = actionOf(run, before)?.effect;
  if (before.status !== 'COMPLETED' || effect === undefined) return false;
  const instance = instanceOf(JSON.parse(before.inputs ?? '{}') as Record<string, unknown>);
  if (instance === undefined || !progress.replaced.has(instance)) return false;
  const held = progress.replaced.get(instance);
  if (effect !== 'machine' && held?.workflowId === workflowId && before.position <= held.position) return false;
  return run.document.steps.some((step, position) => {
    if (position <= before.position || step.action === 'TerminateInstance') return false;
    const status = earlier.find((each) => each.position === position)?.status;
    if (status !== undefined && status !== 'RUNNING') return false;
    try {
      return instanceOf(resolveWorkflowValue(step.inputs, lookup) as Record<string, unknown>) === instance;
    } catch {
      return false;
    }
  });
}

/** The name of the instance that a step's inputs name. */
function instanceOf(inputs: Readonly<Record<string, unknown>>): string | undefined {
  const given = inputs['instanceId'];
  return typeof given === 'string' ? given : undefined;
}

/**
 * Launches the instance of a step again, if it was lost.
 * @throws {StepError} when another workflow left in it what no layer holds
 */
async function replaceInstance(
  work: RunningImage,
  run: WorkflowRun,
  workflowId: string,
  name: string,
  control: StepControl,
): Promise<void> {
  const lost = work.progress.lost.get(name);
  if (lost === undefined) return;
  for (const each of await stepExecutionsOfImage(work.services.catalog.db, work.plan.arn)) {
    if (each.workflow_execution_id === workflowId || each.type === 'BUILD' || each.status !== 'COMPLETED') continue;
    if (actionOf(run, each)?.effect === undefined) continue;
    if (instanceOf(JSON.parse(each.inputs ?? '{}') as Record<string, unknown>) === name)
      throw new StepError(
        `the work was interrupted, and ${name} ended, in which the step ${each.name} of another workflow had been ` +
          'done. Start the tests again (RetryImage)',
      );
  }
  await replaceLost(work, name, control);
}

async function recordWorkflow(work: RunningImage, run: WorkflowRun, id: string): Promise<void> {
  await insertWorkflowExecution(work.services.catalog.db, {
    id,
    image_arn: work.plan.arn,
    workflow_arn: run.arn,
    type: run.type,
    status: 'RUNNING',
    message: null,
    parallel_group: run.parallelGroup ?? null,
    position: run.position,
    total_steps: run.document.steps.length,
    outputs: null,
    start_time: timestamp(),
    end_time: null,
  });
}

async function runStep(
  work: RunningImage,
  run: WorkflowRun,
  workflowExecutionId: string,
  position: number,
  step: WorkflowStep,
  lookup: (path: string) => unknown,
  outer: Report,
  before: StepExecution | undefined,
): Promise<RanStep | undefined> {
  const db = work.services.catalog.db;
  const report = within(outer, { step: step.name });
  const place = { done: position + 1, total: run.document.steps.length };
  const action = actionOf(run, step);
  const { timeoutSeconds } = step;
  const executionId = before?.id ?? newStepExecutionId();
  const record = {
    id: executionId,
    workflow_execution_id: workflowExecutionId,
    image_arn: work.plan.arn,
    position,
    name: step.name,
    action: step.action,
    description: step.description ?? null,
    rollback_status: null,
    message: null,
    outputs: null,
    on_failure: step.onFailure.toUpperCase(),
    timeout_seconds: timeoutSeconds,
    end_time: null,
  };
  const { plan, progress, services } = work;
  const context = { plan, progress, services, stage: run.type, report, workSignal: work.signal, timeoutSeconds };

  const applies = step.if === undefined || evaluateCondition(step.if, lookup);
  const nothingToDo =
    before !== undefined
      ? undefined
      : applies
        ? action?.skip?.({ ...context, signal: signalOf(work, run) })
        : 'its condition is false';
  if (nothingToDo !== undefined) {
    const now = timestamp();
    await insertStepExecution(db, {
      ...record,
      status: 'SKIPPED',
      inputs: JSON.stringify(step.inputs),
      message: nothingToDo,
      start_time: now,
      end_time: now,
    });
    report({
      type: 'step',
      action: step.action,
      status: 'SKIPPED',
      ...place,
      text: `${step.name}: skipped, ${nothingToDo}`,
    });
    return undefined;
  }

  // The time of what waits goes on, that of what was interrupted begins again.
  const started = before !== undefined && action?.waits === true ? Date.parse(before.start_time!) : Date.now();
  if (before === undefined)
    await insertStepExecution(db, {
      ...record,
      status: 'RUNNING',
      inputs: JSON.stringify(step.inputs),
      start_time: timestamp(),
    });
  else
    await updateStepExecution(db, executionId, {
      status: 'RUNNING',
      message: null,
      end_time: null,
      start_time: new Date(started).toISOString(),
    });
  report({ type: 'step', action: step.action, status: 'RUNNING', ...place, text: step.name });
  const stageLeft = run.limit === undefined ? Infinity : Math.max(0, run.limit.endsAt - Date.now());
  const endsAt = Math.min(started + timeoutSeconds * 1000, Date.now() + stageLeft);
  const deadline = withDeadline(signalOf(work, run), Math.max(0, endsAt - Date.now()));
  const { signal } = deadline;
  try {
    if (step.waitSeconds > 0 && before === undefined) await sleep(step.waitSeconds * 1000, signal);
    const inputs = resolveWorkflowValue(step.inputs, lookup) as Record<string, unknown>;
    await updateStepExecution(db, executionId, { inputs: JSON.stringify(inputs) });
    const name = instanceOf(inputs);
    const disk = name !== undefined && progress.finished?.instance === name ? progress.finished : undefined;
    const takeFinished = disk === undefined ? undefined : action?.finished;
    if (name !== undefined && step.action !== 'TerminateInstance' && takeFinished === undefined)
      await replaceInstance(work, run, workflowExecutionId, name, { report, signal });
    if (action === undefined)
      throw new Error(
        `the step has the action ${step.action}, ${whyNotRunnable(step.action)}. Supported actions: ` +
          `${Object.keys(run.actions ?? stepActions).join(', ')}`,
      );
    const whole = {
      ...context,
      signal,
      inputs,
      execution: {
        workflowId: workflowExecutionId,
        stepId: executionId,
        stepName: step.name,
        position,
        resumed: before !== undefined,
        mayLeave: run.mayLeave === true && Date.now() < endsAt,
      },
    };
    const given = takeFinished === undefined ? await action.run(whole) : await takeFinished(whole, disk!);
    if (action.effect === 'layer' && run.type === 'BUILD' && name !== undefined)
      await holdEffect(work, name, executionId, { report, at: { workflowId: workflowExecutionId, position } });
    const outputs = work.services.secrets.mask.deep(given);
    await work.services.catalog.transaction(async (trx) => {
      await endWaiting(trx, executionId);
      await updateStepExecution(trx, executionId, {
        status: 'COMPLETED',
        outputs: JSON.stringify(outputs),
        end_time: timestamp(),
      });
      await keepPoint(trx, work);
    });
    report({
      type: 'step',
      action: step.action,
      status: 'COMPLETED',
      seconds: seconds(started),
      ...place,
      text: `${step.name}: done`,
    });
    return { step, executionId, outputs };
  } catch (cause) {
    if (cause instanceof Suspension) {
      cause.wakeAt = endsAt;
      throw cause;
    }
    if (work.signal.reason instanceof Interruption) throw work.signal.reason;
    const cancelled = signalOf(work, run).aborted;
    const timedOut = !cancelled && deadline.expired();
    const error = withoutSecrets(
      work.services,
      cancelled
        ? (signalOf(work, run).reason as Error)
        : timedOut
          ? timeoutError(run, step, stageLeft, cause)
          : (cause as Error),
    );
    const status = cancelled ? 'CANCELLED' : 'FAILED';
    // The console's last lines are logged right above the message that the machine did not start.
    if (!cancelled && cause instanceof InstanceError)
      for (const text of cause.console.slice(-CONSOLE_SHOWN))
        report({ type: 'output', stream: 'console', level: 'warn', text });
    const outputs = work.services.secrets.mask.deep({
      ...(cause instanceof StepError ? cause.outputs : {}),
      error: error.message,
    });
    await work.services.catalog.transaction(async (trx) => {
      await endWaiting(trx, executionId);
      await updateStepExecution(trx, executionId, {
        status,
        message: error.message,
        outputs: JSON.stringify(outputs),
        end_time: timestamp(),
      });
    });
    report({
      type: 'step',
      action: step.action,
      status,
      level: cancelled ? 'warn' : 'error',
      seconds: seconds(started),
      ...place,
      text: `${step.name}: ${error.message}`,
    });
    throw error;
  } finally {
    deadline.end();
  }
}

/** Takes a layer that holds what a step did in an instance. */
async function holdEffect(
  work: RunningImage,
  name: string,
  executionId: string,
  facts: Pick<LayerFacts, 'report' | 'at'>,
): Promise<void> {
  const entry = work.progress.instances.get(name);
  if (entry?.layer === undefined || entry.stopped || work.plan.container !== undefined) return;
  // Layers on it hold what no key names: no other build may find them.
  const keyOf = (parent: string) => ({ key: keyOfItsOwn(parent, executionId), record: { parent, step: executionId } });
  await takeLayer(work, entry, keyOf, facts);
}

/** The error without secrets in its message, of the same class: what is done about it depends on that. */
function withoutSecrets({ secrets }: Pick<ImageServices, 'secrets'>, error: Error): Error {
  const masked = secrets.mask.text(error.message);
  // The message may contain output of an instance.
  const message =
    masked.length <= LONGEST_MESSAGE
      ? masked
      : `${masked.slice(0, LONGEST_MESSAGE)} … [cut: it has ${masked.length} characters]`;
  if (message === error.message) return error;
  const members = {
    ...Object.getOwnPropertyDescriptors(error),
    // The cause has the original message.
    ...Object.getOwnPropertyDescriptors({ message, stack: `${error.name}: ${message}`, cause: undefined }),
  };
  return Object.create(Object.getPrototypeOf(error) as object, members) as Error;
}

/** The timeout error of the step or of its stage. */
function timeoutError(
  { limit }: WorkflowRun,
  { name, timeoutSeconds }: WorkflowStep,
  stageLeftMs: number,
  cause: unknown,
): Error {
  if (limit !== undefined && stageLeftMs < timeoutSeconds * 1000)
    return new StageTimeout(`Step ${name} timed out: ${limit.message}`, { cause });
  return new Error(`Step ${name} timed out: it did not finish within its timeoutSeconds of ${timeoutSeconds}`, {
    cause,
  });
}

async function abort(
  work: RunningImage,
  run: WorkflowRun,
  id: string,
  failedAt: number,
  error: Error,
  ran: readonly RanStep[],
  lookup: (path: string) => unknown,
  report: Report,
): Promise<Error> {
  const db = work.services.catalog.db;
  const cancelled = signalOf(work, run).aborted;
  const now = timestamp();
  const known = new Set((await stepExecutionsOfWorkflow(db, id)).map(({ position }) => position));
  for (const [position, step] of run.document.steps.entries()) {
    if (position <= failedAt || known.has(position)) continue;
    await insertStepExecution(db, {
      id: newStepExecutionId(),
      workflow_execution_id: id,
      image_arn: work.plan.arn,
      position,
      name: step.name,
      action: step.action,
      description: step.description ?? null,
      status: cancelled ? 'CANCELLED' : 'SKIPPED',
      rollback_status: null,
      message: null,
      inputs: JSON.stringify(step.inputs),
      outputs: null,
      on_failure: step.onFailure.toUpperCase(),
      timeout_seconds: step.timeoutSeconds,
      start_time: now,
      end_time: now,
    });
  }
  await updateWorkflowExecution(db, id, { status: 'ROLLBACK_IN_PROGRESS', message: error.message });
  for (const { step, executionId, outputs } of ran.toReversed()) {
    const rollback = actionOf(run, step)?.rollback;
    if (rollback === undefined || !rollbackEnabled(step, lookup)) continue;
    const deadline = withDeadline(new AbortController().signal, patient(ROLLBACK_SECONDS) * 1000);
    try {
      await updateStepExecution(db, executionId, { rollback_status: 'RUNNING' });
      await rollback(
        {
          plan: work.plan,
          progress: work.progress,
          services: work.services,
          stage: run.type,
          workSignal: work.signal,
          report: within(report, { step: step.name }),
          signal: deadline.signal,
          timeoutSeconds: ROLLBACK_SECONDS,
        },
        outputs,
      );
      await updateStepExecution(db, executionId, { rollback_status: 'COMPLETED' });
    } catch (cause) {
      await updateStepExecution(db, executionId, { rollback_status: 'FAILED' });
      report({ type: 'log', level: 'error', text: `rollback of ${step.name}: ${(cause as Error).message}` });
    } finally {
      deadline.end();
    }
  }
  await updateWorkflowExecution(db, id, {
    status: cancelled ? 'CANCELLED' : 'ROLLBACK_COMPLETED',
    end_time: timestamp(),
  });
  if (error instanceof CancelledError || cancelled) return error;
  return new WorkflowFailure(`Workflow Execution ID: '${id}' failed with reason: ${error.message}`, { cause: error });
}

function signalOf(work: RunningImage, run: WorkflowRun): AbortSignal {
  return run.signal ?? work.signal;
}

function actionOf(run: WorkflowRun, step: Pick<WorkflowStep, 'action'>): StepAction | undefined {
  const actions: Readonly<Record<string, StepAction>> = run.actions ?? stepActions;
  return Object.hasOwn(actions, step.action) ? actions[step.action] : undefined;
}

function rollbackEnabled(step: WorkflowStep, lookup: (path: string) => unknown): boolean {
  const value = typeof step.rollbackEnabled === 'string' ? lookup(step.rollbackEnabled) : step.rollbackEnabled;
  return value !== false && value !== 'false';
}

function lookUp(
  work: RunningImage,
  run: WorkflowRun,
  outputs: ReadonlyMap<string, StepOutputs>,
  path: string,
): unknown {
  const [node, ...rest] = path.replace(/^\$\./, '').split('.');
  switch (node) {
    case 'parameters':
      return run.parameters[rest[0]!];
    case 'stepOutputs':
      return outputs.get(rest[0]!)?.[rest.slice(1).join('.')];
    case 'workflowOutputs':
      return work.progress.workflowOutputs.get(rest[0]!);
    case 'imagebuilder':
      return systemVariables(work.plan, run.type)[rest[0]!];
    default:
      return undefined;
  }
}

function seconds(started: number): number {
  return Math.round((Date.now() - started) / 100) / 10;
}
