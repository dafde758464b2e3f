/**
 * Runs a component document against an instance: phases and steps in order, attempts, time limits, reboots, what a failure means for the rest.
 * Source: reference, `awstoe.md` sections 1, 3, 6 and 7.
 */
import type { ComponentDocument, InputValue, Phase, Step } from '../documents/component/document.ts';
import { InstanceError, type Instance } from '../instances/instance.ts';
import { sleep, timestamp } from '../platform/clock.ts';
import { within, type Report } from '../resources/progress.ts';
import { COMMAND_ENVIRONMENT, DEFAULT_WORKING_DIRECTORY } from './environment.ts';
import { Capture, LineTail, lineSplitter, LogLimit } from './lines.ts';
import {
  InputError, StepTimeout,
  type AttemptContext, type AttemptResult, type ModuleCommand, type ModuleCommandResult, type Outputs, type StepFailure,
} from './module.ts';
import { modules } from './modules.ts';
import { parameterScope } from './parameters.ts';
import { DocumentResult } from './document-result.ts';
import { ChainedSteps, resolveInputs } from './step-inputs.ts';

const STDOUT_KEPT = 1024 * 1024;
const STDERR_KEPT = 8 * 1024;
const TAIL_LINES = 20;
const DEFAULT_MAX_REBOOTS = 25;

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
  /** Cancels: the running command is ended and the run rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How often the document may restart the machine. Default 25. */
  readonly maxReboots?: number;
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
}

/**
 * Runs the phases of a document.
 * @returns how it went; a step that fails is an outcome, not an error
 * @throws {ParameterError} when a parameter has no value, or one that is not allowed; nothing has run then
 * @throws the signal's reason when cancelled
 */
export async function runDocument(run: DocumentRun): Promise<DocumentOutcome> {
  const scope = parameterScope(run.document, run.name, run.parameters);
  const state: RunState = {
    run,
    workingDirectory: run.workingDirectory ?? DEFAULT_WORKING_DIRECTORY,
    scope,
    chained: new ChainedSteps(),
    reboots: 0,
    result: new DocumentResult(),
  };
  for (const phase of run.document.phases) {
    if (!run.phases.includes(phase.name)) continue;
    state.result.startPhase(phase.name);
    if (await runPhase(state, phase) === 'stop') break;
  }
  return state.result.outcome();
}

interface RunState {
  readonly run: DocumentRun;
  readonly workingDirectory: string;
  /** Parameters and constants. */
  readonly scope: ReadonlyMap<string, string>;
  /** What has run, for chaining. */
  readonly chained: ChainedSteps;
  reboots: number;
  workingDirectoryMade?: boolean;
  readonly result: DocumentResult;
}

async function runPhase(state: RunState, phase: Phase): Promise<'go on' | 'stop'> {
  for (const step of phase.steps) {
    state.run.signal?.throwIfAborted();
    const report = within(state.run.report, { component: state.run.name, phase: phase.name, documentStep: step.name, action: step.action });
    report({ type: 'step', status: 'Running', text: `${phase.name}: ${step.name} (${step.action})` });
    const startTime = timestamp();
    const started = performance.now();
    const ended = await runStep(state, phase, step, report);
    const seconds = Math.round(performance.now() - started) / 1000;

    const status: StepStatus = ended.failure === undefined ? 'Success' : step.onFailure === 'Ignore' && !ended.instanceLost ? 'IgnoredFailure' : 'Failed';
    state.result.addStep(
      {
        name: step.name,
        action: step.action,
        status,
        attempts: ended.attempts,
        startTime,
        endTime: timestamp(),
        outputs: keptOutputs(ended.outputs),
        ...(ended.failure === undefined ? {} : { failureMessage: ended.failure.message }),
      },
      ended.failure === undefined ? undefined : {
        phase: phase.name,
        step: step.name,
        action: step.action,
        ...ended.failure,
        outputTail: ended.outputTail,
        ...(ended.instanceLost ? { instanceLost: true as const } : {}),
      },
      ended.timedOut,
    );
    report({
      type: 'step',
      status,
      seconds,
      level: status === 'Failed' ? 'error' : status === 'IgnoredFailure' ? 'warn' : 'info',
      text: ended.failure === undefined ? `${phase.name}: ${step.name} succeeded` : describeFailure(phase.name, step, status, ended.failure),
    });
    if (status === 'Failed' && (step.onFailure === 'Abort' || ended.instanceLost)) return 'stop';
  }
  return 'go on';
}

function describeFailure(phase: string, step: Step, status: StepStatus, failure: StepFailure): string {
  const command = failure.command === undefined ? '' : `; command: ${failure.command}`;
  return `${phase}: ${step.name} failed${status === 'IgnoredFailure' ? ' and is ignored' : ''}: ${failure.message}${command}`;
}

/** One text for each: what several items gave is joined by newlines, as the iterations of a loop are. */
function keptOutputs(outputs: Outputs): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(outputs).flatMap(([name, value]) => {
    const values = [value].flat();
    return values.includes(undefined) ? [] : [[name, values.join('\n')]];
  }));
}

interface StepEnd {
  readonly attempts: number;
  readonly outputs: Outputs;
  readonly failure?: StepFailure;
  readonly timedOut: boolean;
  readonly instanceLost: boolean;
  readonly outputTail: readonly string[];
}

async function runStep(state: RunState, phase: Phase, step: Step, report: Report): Promise<StepEnd> {
  const nothing = { attempts: 0, outputs: {}, timedOut: false, instanceLost: false, outputTail: [] };
  const module = modules.get(step.action);
  if (module === undefined) return { ...nothing, failure: { message: `the action ${step.action} is not yet supported` } };
  const { platform } = state.run.instance.capabilities;
  if (!module.platforms.includes(platform)) return { ...nothing, failure: { message: `${step.action} does not run on ${platform}` } };

  let inputs: InputValue;
  try {
    inputs = resolveInputs(step, state.scope, state.chained);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...nothing, failure: { message: error.message } };
  }

  for (let attempt = 1; ; attempt++) {
    const tail = new LineTail(TAIL_LINES);
    const ended = await runAttempt(state, step, inputs, report, tail);
    state.chained.set(phase.name, step.name, { inputs, outputs: ended.outputs });
    const end: StepEnd = { attempts: attempt, ...ended, outputTail: tail.lines() };
    if (ended.failure === undefined || ended.instanceLost || ended.final || attempt >= step.maxAttempts) return end;
    report({ type: 'log', level: 'warn', text: `attempt ${attempt} of ${step.maxAttempts} failed: ${ended.failure.message}; trying again` });
  }
}

interface AttemptEnd {
  readonly outputs: Outputs;
  readonly failure?: StepFailure;
  readonly timedOut: boolean;
  readonly instanceLost: boolean;
  /** Another attempt could not end differently. */
  readonly final: boolean;
}

/** One attempt with the restarts that it asks for. */
async function runAttempt(state: RunState, step: Step, inputs: InputValue, report: Report, tail: LineTail): Promise<AttemptEnd> {
  const maxReboots = state.run.maxReboots ?? DEFAULT_MAX_REBOOTS;
  const plain = { outputs: {}, timedOut: false, instanceLost: false, final: false };
  for (;;) {
    let result: AttemptResult;
    try {
      await makeWorkingDirectory(state);
      result = await modules.get(step.action)!.attempt(attemptContext(state, step, inputs, report, tail));
      state.run.signal?.throwIfAborted();
    } catch (error) {
      state.run.signal?.throwIfAborted();
      if (error instanceof StepTimeout) return { ...plain, failure: { message: error.message }, timedOut: true };
      if (error instanceof InputError) return { ...plain, failure: { message: error.message }, final: true };
      if (error instanceof InstanceError) return lost(error, report);
      throw error;
    }
    if (result.result === 'success') return { ...plain, outputs: result.outputs ?? {} };
    if (result.result === 'failed') {
      const { result: _, outputs, ...failure } = result;
      return { ...plain, outputs: outputs ?? {}, failure };
    }

    if (!state.run.instance.capabilities.reboots) {
      return { ...plain, final: true, failure: { message: 'the step asks for a restart, which this kind of instance cannot do' } };
    }
    if (state.reboots >= maxReboots) {
      return { ...plain, final: true, failure: { message: `the step asks for a restart, and the document has restarted the machine ${maxReboots} times already` } };
    }
    state.reboots++;
    report({
      type: 'log',
      level: 'info',
      text: `restarting the machine${result.resume === 'same-step' ? `; ${step.name} then runs again (exit code ${asksAgain(state)})` : ''}`,
    });
    const started = performance.now();
    try {
      await state.run.instance.reboot(state.run.signal === undefined ? {} : { signal: state.run.signal });
    } catch (error) {
      state.run.signal?.throwIfAborted();
      if (error instanceof InstanceError) return lost(error, report);
      throw error;
    }
    state.workingDirectoryMade = false;
    report({ type: 'log', level: 'info', text: `the machine is up again after ${Math.round((performance.now() - started) / 100) / 10} s` });
    if (result.resume === 'next-step') return plain;
  }
}

function asksAgain(state: RunState): string {
  return state.run.instance.capabilities.platform === 'Windows' ? '3010' : '194';
}

/** What the console said stands in the log, apart from what the step printed. */
function lost(error: InstanceError, report: Report): AttemptEnd {
  for (const text of error.console) report({ type: 'output', stream: 'console', level: 'warn', text });
  return { outputs: {}, timedOut: false, instanceLost: true, final: true, failure: { message: error.message } };
}

/** Folders below `/tmp` may go with a restart. */
async function makeWorkingDirectory(state: RunState): Promise<void> {
  if (state.workingDirectoryMade) return;
  const { instance, signal } = state.run;
  const made = await instance.run({ argv: ['mkdir', '-p', '--', state.workingDirectory], timeoutSeconds: 60, ...(signal === undefined ? {} : { signal }) });
  if (made.exitCode !== 0) throw new InputError(`the working directory ${state.workingDirectory} could not be made in the instance`);
  state.workingDirectoryMade = true;
}

function attemptContext(state: RunState, step: Step, inputs: InputValue, report: Report, tail: LineTail): AttemptContext {
  const { instance, signal } = state.run;
  const limit = step.timeoutSeconds;
  const deadline = limit === -1 ? Infinity : performance.now() + limit * 1000;
  const left = (what: string): number => {
    const ms = deadline - performance.now();
    if (ms <= 0) throw timedOut(what);
    return ms / 1000;
  };
  const timedOut = (what: string): StepTimeout =>
    new StepTimeout(`step ${step.name} timed out: ${what} did not end within the step's timeoutSeconds of ${limit}`);

  return {
    inputs,
    instance,
    workingDirectory: state.workingDirectory,
    async command(request: ModuleCommand): Promise<ModuleCommandResult> {
      const what = request.what ?? request.argv?.[0] ?? 'the script';
      const seconds = request.graceSeconds ?? left(what);
      const stdout = new Capture(STDOUT_KEPT);
      const stderr = new EndOf(STDERR_KEPT);
      const logged = new LogLimit();
      const lines = (stream: 'stdout' | 'stderr') => lineSplitter((text) => {
        if (request.quiet) return;
        tail.add(text);
        if (logged.admits(text)) report({ type: 'output', stream, text });
      });
      const splitters = { stdout: lines('stdout'), stderr: lines('stderr') };
      const ended = await instance.run({
        ...(request.argv === undefined ? {} : { argv: request.argv }),
        ...(request.script === undefined ? {} : { script: request.script }),
        ...(request.stdin === undefined ? {} : { stdin: request.stdin }),
        ...(request.own === undefined ? {} : { own: request.own }),
        ...(signal === undefined ? {} : { signal }),
        ...(seconds === Infinity ? {} : { timeoutSeconds: seconds }),
        env: { ...COMMAND_ENVIRONMENT, ...request.env },
        cwd: state.workingDirectory,
        onOutput(stream, chunk) {
          (stream === 'stdout' ? stdout : stderr).add(chunk);
          splitters[stream].add(chunk);
        },
      }).finally(() => {
        splitters.stdout.end();
        splitters.stderr.end();
        const left = logged.leftOut();
        if (left === undefined) return;
        report({ type: 'log', level: 'warn', text: left });
        for (const text of tail.lines()) report({ type: 'output', stream: 'stdout', text });
      });
      if (ended.timedOut) throw timedOut(what);
      return { exitCode: ended.exitCode, signal: ended.signal, stdout: stdout.text(), stdoutBytes: stdout.bytes(), stderr: stderr.text() };
    },
    async pause(seconds) {
      const remaining = left('a pause');
      await sleep(Math.min(seconds, remaining) * 1000, signal);
      if (seconds > remaining) throw timedOut('a pause');
    },
    log: (text, level = 'info') => report({ type: 'log', level, text }),
  };
}

/** The end of a stream. */
class EndOf {
  private kept = Buffer.alloc(0);
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(chunk: Buffer): void {
    this.kept = Buffer.concat([this.kept, chunk]).subarray(-this.limit);
  }

  text(): string {
    return this.kept.toString('utf8').trimEnd();
  }
}
