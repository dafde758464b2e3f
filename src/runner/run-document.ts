/**
 * Runs a component document against an instance: phases and steps in order, attempts, time limits, reboots, what a failure means for the rest.
 * Source: reference, `awstoe.md` sections 1, 3, 6 and 7.
 */
import type { ComponentDocument, InputValue, Phase, Step } from '../documents/component/document.ts';
import type { Instance } from '../instances/instance.ts';
import { timestamp } from '../platform/clock.ts';
import type { SecretReference } from '../documents/component/secret-references.ts';
import { ReferencesTooLargeError, resolveReferences, secretReferencesIn } from '../documents/component/references.ts';
import type { S3Access } from '../platform/s3-requests.ts';
import { within, type Report } from '../resources/progress.ts';
import { SecretError } from '../secrets/provider.ts';
import { Secrets } from '../secrets/secrets.ts';
import { DocumentResult } from './document-result.ts';
import { DEFAULT_WORKING_DIRECTORY } from '../guest/environment.ts';
import type { Outputs, StepFailure } from './module.ts';
import { parameterScope, ParameterError } from './parameters.ts';
import { RestartWanted, RunInterrupted, type RestartPoint, type StepBefore } from './restart.ts';
import { runStep, type StepEnd } from './run-step.ts';
import type { RunState } from './run-state.ts';
import { ChainedSteps } from './step-inputs.ts';

const NO_SECRETS = new Secrets({ providers: async () => [], account: '', region: '' });

/** One run of a document. */
export interface DocumentRun {
  readonly document: ComponentDocument;
  /** The component's name, for the log and for failures. */
  readonly name: string;
  /** Which phases run; they run in the document's order. Phases that the document lacks are none. */
  readonly phases: readonly string[];
  /** Values by parameter name; defaults fill in. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly instance: Instance;
  /** Absolute path in the instance, made when absent. Default `/tmp`. */
  readonly workingDirectory?: string;
  readonly report: Report;
  /** Credentials of the instance profile, asked for when a step needs them: those that IMDS gives the instance, never the worker's own. */
  readonly s3Access?: () => Promise<S3Access | undefined>;
  /** Where `{{ resolve:… }}` is looked up. Without it every secret is missing. */
  readonly secrets?: Secrets;
  /** Environment variables of every command, beside those that documents count on. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The document of a component, by its ARN, for steps that run documents; `undefined` when there is none. */
  readonly componentText?: (arn: string) => Promise<string | undefined>;
  /** What the documents are known by that this one is run by, the first one first. */
  readonly above?: readonly string[];
  /** Cancels: the running command is ended and the run rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How often the document may restart the machine. Default 25. */
  readonly maxReboots?: number;
  /** The machine is not restarted by the instance, but by whoever called: the run then ends with `RunInterrupted`. */
  readonly leaveForRestart?: true;
  /** Goes on where an earlier run was interrupted. */
  readonly from?: RestartPoint;
}

export type StepStatus = 'Success' | 'Failed' | 'IgnoredFailure' | 'Skipped';
export type PhaseStatus = 'Success' | 'Failed' | 'SuccessWithIgnoredFailure';

/** How a step went. */
export interface StepOutcome {
  readonly name: string;
  readonly action: string;
  readonly status: StepStatus;
  /** Attempts made; a run after exit code 194 is not one. */
  readonly attempts: number;
  /** ISO-8601. */
  readonly startTime: string;
  readonly endTime: string;
  /** What the last attempt gave for chaining; of a list of items, joined by newlines. Values above 1 MiB are absent. */
  readonly outputs: Readonly<Record<string, string>>;
  /** As its module got them; as the document has them when it did not come so far. */
  readonly inputs: InputValue;
  /** Of a step that ran a document: how that went, in the shape that `detailedoutput.json` has. */
  readonly detailedOutput?: readonly object[];
  readonly failureMessage?: string;
}

export interface PhaseOutcome {
  readonly name: string;
  readonly status: PhaseStatus;
  /** Steps that were reached. */
  readonly steps: readonly StepOutcome[];
}

/** The first step that failed, and what is known of it. */
export interface DocumentFailure {
  readonly phase: string;
  readonly step: string;
  readonly action: string;
  readonly message: string;
  readonly exitCode?: number;
  /** The failing command, as far as it is known. */
  readonly command?: string;
  /** The last 20 lines that the step printed, on either stream, oldest first. */
  readonly outputTail: readonly string[];
  /** The instance no longer answers: nothing more can be run in it. */
  readonly instanceLost?: true;
  /** What the journal says of the services that the step speaks of; of all since the component began where it names none. */
  readonly journal?: { readonly units: readonly string[]; readonly lines: readonly string[] };
}

/** How a document went. */
export interface DocumentOutcome {
  /** `timedOut` when the first step that failed did so by its time limit. */
  readonly status: 'success' | 'failed' | 'timedOut';
  readonly phases: readonly PhaseOutcome[];
  readonly failedStepCount: number;
  /** Steps that ran, whatever became of them. */
  readonly executedStepCount: number;
  readonly ignoredFailedStepCount: number;
  readonly skippedStepCount: number;
  readonly failure?: DocumentFailure;
  /** The steps that failed and were ignored, in order. */
  readonly ignored: readonly DocumentFailure[];
}

/**
 * Runs the phases of a document.
 * @returns how it went; a step that fails is an outcome, not an error
 * @throws {ParameterError} when a parameter has no value, one that is not allowed, or one that is a secret which is not to be had; nothing has run then
 * @throws {RunInterrupted} where it leaves for a restart
 * @throws the signal's reason when cancelled
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

/** A secret is named by a document or a recipe: what a step gives to the document that it runs is not searched, since a command may have printed it. */
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
  for (const step of phase.steps) {
    state.run.signal?.throwIfAborted();
    if (wasRunBefore(state, phase.name, step)) continue;
    const report = within(state.run.report, {
      component: state.run.name,
      phase: phase.name,
      documentStep: step.name,
      action: step.action,
    });
    report({ type: 'step', status: 'Running', text: `${phase.name}: ${step.name} (${step.action})` });
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
        ...(ended.detailedOutput === undefined ? {} : { detailedOutput: ended.detailedOutput }),
        ...(ended.failure === undefined ? {} : { failureMessage: ended.failure.message }),
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
      ...(chained === undefined ? {} : { chained }),
    });
    report({
      type: 'step',
      status,
      seconds,
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

function addStep(state: RunState, phase: string, step: Omit<StepBefore, 'phase'>): void {
  state.result.addStep(step.outcome, step.failure, step.timedOut);
  state.before.push({ phase, ...step });
}

/** Takes over a step that ended before the restart that this run comes from. */
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
  return `${phase}: ${step.name} failed${status === 'IgnoredFailure' ? ' and is ignored' : ''}: ${failure.message}${command}`;
}

/** One text for each: what several items gave is joined by newlines, as the iterations of a loop are. */
function keptOutputs(outputs: Outputs): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([name, value]) => {
      const values = [value].flat();
      return values.includes(undefined) ? [] : [[name, values.join('\n')]];
    }),
  );
}
