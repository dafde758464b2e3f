/**
 * Runs a component document on an instance: phases and steps in order, attempts, time limits, reboots, and the effect
 * of a failure on the rest. Source: reference, `awstoe.md` sections 1, 3, 6 and 7.
 */
import type { Phase, Step } from '../documents/component/document.ts';
import { timestamp } from '../platform/clock.ts';
import type { SecretReference } from '../documents/component/secret-references.ts';
import { ReferencesTooLargeError, resolveReferences, secretReferencesIn } from '../documents/component/references.ts';
import { within } from '../resources/progress.ts';
import { SecretError } from '../secrets/provider.ts';
import { Secrets } from '../secrets/secrets.ts';
import { DocumentResult } from './document-result.ts';
import { DEFAULT_WORKING_DIRECTORY } from '../resources/working-directory.ts';
import type { Outputs, StepFailure } from './module.ts';
import type { DocumentOutcome, StepStatus } from './outcome.ts';
import { parameterScope, ParameterError } from './parameters.ts';
import { RestartWanted, RunInterrupted, type StepBefore } from './restart.ts';
import { runStep, type StepEnd } from './run-step.ts';
import type { DocumentRun, RunState } from './run-state.ts';
import { ChainedSteps } from './step-inputs.ts';

const NO_SECRETS = new Secrets({ providers: async () => [], account: '', region: '' });

/**
 * Runs the phases of a document.
 * @returns the outcome; a failed step is an outcome, not an error
 * @throws {ParameterError} if a parameter has no value, an invalid one, or a secret that is not available; nothing has
 * run then
 * @throws {RunInterrupted} if it stops for a restart
 * @throws the signal's reason if it is canceled
 */
export async function runDocument(given: DocumentRun): Promise<DocumentOutcome> {
  const secrets = given.secrets ?? NO_SECRETS;
  const run: DocumentRun = { ...given, report: secrets.masked(given.report) };
  const scope = await withSecrets(parameterScope(run.document, run.name, run.parameters), run, secrets);
  const state: RunState = {
    run,
    secrets,
    workingDirectory: run.workingDirectory ?? DEFAULT_WORKING_DIRECTORY,
    scope,
    chained: new ChainedSteps(),
    reboots: run.from?.reboots ?? 0,
    result: new DocumentResult(),
    before: [],
    awaited: [...(run.from?.before ?? [])],
  };
  for (const phase of run.document.phases) {
    if (!run.phases.includes(phase.name)) continue;
    state.result.startPhase(phase.name);
    if ((await runPhase(state, phase)) === 'stop') break;
  }
  return state.result.outcome();
}

/**
 * Secrets are only resolved in documents and recipes. What a step passes to a document that it runs is not searched,
 * because a command may have printed it.
 */
async function withSecrets(
  scope: ReadonlyMap<string, string>,
  run: DocumentRun,
  secrets: Secrets,
): Promise<ReadonlyMap<string, string>> {
  const own = [...scope].filter(([name]) => run.above === undefined || !Object.hasOwn(run.parameters, name));
  const references = secretReferencesIn(own.map(([, value]) => value));
  if (references.length === 0) return scope;
  await secrets.load(references, run.report, run.signal).catch((error: unknown) => {
    throw error instanceof SecretError
      ? new ParameterError(`component ${run.name}: ${error.message}`, { cause: error })
      : error;
  });
  const lookup = {
    name: () => undefined,
    chain: ({ text }: { text: string }) => text,
    secret: (reference: SecretReference) => secrets.value(reference),
  };
  try {
    const { value } = resolveReferences(Object.fromEntries(own), lookup);
    return new Map([...scope, ...Object.entries(value as Readonly<Record<string, string>>)]);
  } catch (error) {
    throw error instanceof ReferencesTooLargeError
      ? new ParameterError(`component ${run.name}: ${error.message}`, { cause: error })
      : error;
  }
}

async function runPhase(state: RunState, phase: Phase): Promise<'go on' | 'stop'> {
  const total = stepCount(state.run);
  for (const step of phase.steps) {
    state.run.signal?.throwIfAborted();
    if (wasRunBefore(state, phase.name, step)) continue;
    const report = within(state.run.report, {
      component: state.run.name,
      phase: phase.name,
      documentStep: step.name,
      action: step.action,
    });
    const place = { done: state.before.length + 1, total };
    report({ type: 'step', status: 'Running', ...place, text: `${phase.name}: ${step.name} (${step.action})` });
    const startTime = timestamp();
    const started = performance.now();
    const ended = await runStep(state, phase.name, step, report).catch((error: unknown) => {
      if (!(error instanceof RestartWanted)) throw error;
      throw new RunInterrupted({
        phase: phase.name,
        step: step.name,
        resume: error.resume,
        reboots: error.reboots,
        before: state.secrets.mask.deep(state.before),
      });
    });
    const seconds = Math.round(performance.now() - started) / 1000;

    const status = statusOf(step, ended);
    const chained = state.chained.get(phase.name, step.name);
    const { mask } = state.secrets;
    addStep(state, phase.name, {
      outcome: mask.deep({
        name: step.name,
        action: step.action,
        status,
        attempts: ended.attempts,
        startTime,
        endTime: timestamp(),
        outputs: keptOutputs(ended.outputs),
        inputs: typeof chained !== 'object' ? step.inputs : chained.inputs,
        detailedOutput: ended.detailedOutput,
        failureMessage: ended.failure?.message,
      }),
      ...(ended.failure === undefined
        ? {}
        : {
            failure: mask.deep({
              phase: phase.name,
              step: step.name,
              action: step.action,
              ...ended.failure,
              outputTail: ended.outputTail,
              ...(ended.instanceLost ? { instanceLost: true as const } : {}),
            }),
          }),
      timedOut: ended.timedOut,
      chained,
    });
    report({
      type: 'step',
      status,
      seconds,
      ...place,
      level: status === 'Failed' ? 'error' : status === 'IgnoredFailure' ? 'warn' : 'info',
      text:
        ended.failure === undefined
          ? `${phase.name}: ${step.name} ${status === 'Skipped' ? 'skipped' : 'succeeded'}`
          : describeFailure(phase.name, step, status, ended.failure),
    });
    if (status === 'Failed' && (step.onFailure === 'Abort' || ended.instanceLost)) return 'stop';
  }
  return 'go on';
}

/** Number of steps in all phases of a run. */
function stepCount({ document, phases }: DocumentRun): number {
  return document.phases.reduce((count, { name, steps }) => count + (phases.includes(name) ? steps.length : 0), 0);
}

function addStep(state: RunState, phase: string, step: Omit<StepBefore, 'phase'>): void {
  state.result.addStep(step.outcome, step.failure, step.timedOut);
  state.before.push({ phase, ...step });
}

/** Takes over the result of a step that ended before the restart. */
function wasRunBefore(state: RunState, phase: string, step: Step): boolean {
  const next = state.awaited[0];
  if (next === undefined || next.phase !== phase || next.outcome.name !== step.name) return false;
  state.awaited.shift();
  if (next.chained !== undefined) state.chained.set(phase, step.name, next.chained);
  addStep(state, phase, next);
  return true;
}

function statusOf(step: Step, ended: StepEnd): StepStatus {
  if (ended.failure === undefined) return ended.skipped === true ? 'Skipped' : 'Success';
  return step.onFailure === 'Ignore' && !ended.instanceLost ? 'IgnoredFailure' : 'Failed';
}

function describeFailure(phase: string, step: Step, status: StepStatus, failure: StepFailure): string {
  const command = failure.command === undefined ? '' : `; command: ${failure.command}`;
  return (
    `${phase}: ${step.name} failed${status === 'IgnoredFailure' ? ' and is ignored' : ''}: ` +
    `${failure.message}${command}`
  );
}

/** One text per output: values of several items are joined by newlines, as those of a loop's iterations are. */
function keptOutputs(outputs: Outputs): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([name, value]) => {
      const values = [value].flat();
      return values.includes(undefined) ? [] : [[name, values.join('\n')]];
    }),
  );
}
