/**
 * Runs one step: its `if`, its attempts, the iterations of its loop, and the restarts that it requests. Source:
 * reference, `awstoe.md` sections 1, 4, 5 and 7.
 */
import type { InputValue, Step, StepCondition } from '../documents/component/document.ts';
import { planLoop, type LoopIteration } from '../documents/component/loops.ts';
import { secretReferencesIn } from '../documents/component/references.ts';
import { shorten } from '../documents/nodes.ts';
import { InstanceError } from '../instances/instance.ts';
import { TooMuchOutput } from '../instances/output.ts';
import { isDiskFull } from '../platform/disk-full.ts';
import { ProcessError } from '../platform/processes.ts';
import type { Report } from '../resources/progress.ts';
import { SecretError } from '../secrets/provider.ts';
import { attemptContext, StepTimer } from './attempt-context.ts';
import { conditionOutcome } from './kit/condition-probe.ts';
import { rebootMarked } from '../guest/first-boot.ts';
import { LineTail } from '../guest/lines.ts';
import { LoopOutputs, LoopRecords } from './loop-outputs.ts';
import {
  InputError,
  rebootExitCode,
  StepTimeout,
  type AttemptResult,
  type Outputs,
  type StepFailure,
} from './module.ts';
import { modules } from './modules.ts';
import { RestartWanted, RunInterrupted } from './restart.ts';
import type { RunState } from './run-state.ts';
import { resolveCondition, resolveInputs, resolveText, type Values } from './step-inputs.ts';

const TAIL_LINES = 20;
const DEFAULT_MAX_REBOOTS = 25;

/** The result of a step. */
export interface StepEnd {
  readonly attempts: number;
  /** The outputs of the last attempt for chaining. */
  readonly outputs: Outputs;
  /** The results of documents that the step ran. */
  readonly detailedOutput?: readonly object[];
  readonly failure?: StepFailure;
  /** Its `if` was false, so that it did not run. */
  readonly skipped?: true;
  readonly timedOut: boolean;
  readonly instanceLost: boolean;
  /** The last lines of its last attempt's output. */
  readonly outputTail: readonly string[];
}

const NOTHING: StepEnd = { attempts: 0, outputs: {}, timedOut: false, instanceLost: false, outputTail: [] };

/** Runs a step to its end. Its outputs can be chained afterwards. @throws the signal's reason if it is canceled */
export async function runStep(state: RunState, phase: string, step: Step, report: Report): Promise<StepEnd> {
  const module = modules.get(step.action);
  if (module === undefined)
    return { ...NOTHING, failure: { message: `the action ${step.action} is not yet supported` } };
  const { platform } = state.run.instance.capabilities;
  if (!module.platforms.includes(platform))
    return { ...NOTHING, failure: { message: `${step.action} does not run on ${platform}` } };

  const { from } = state.run;
  const again = from !== undefined && from.phase === phase && from.step === step.name;
  if (again && from.resume === 'next-step') return { ...NOTHING, attempts: 1 };
  const decided = step.if === undefined || again ? undefined : await decide(state, step, step.if, report);
  if (decided !== undefined) {
    state.chained.set(phase, step.name, decided.skipped ? 'skipped' : 'failed');
    return decided;
  }
  let work: StepWork;
  try {
    await loadSecrets(state, [step.inputs, step.loop], report);
    state.chained.checkRoom();
    work = planWork(telling(state, report), step);
  } catch (error) {
    state.chained.set(phase, step.name, 'failed');
    return { ...NOTHING, ...failedBy(error, state, report) };
  }
  for (let attempt = 1; ; attempt++) {
    const tail = new LineTail(TAIL_LINES);
    const ended = await runAttempt(state, step, work, report, tail);
    state.chained.set(phase, step.name, { inputs: ended.inputs, outputs: ended.outputs });
    const end: StepEnd = { attempts: attempt, ...ended, outputTail: tail.lines() };
    if (ended.failure === undefined || ended.instanceLost || ended.final || attempt >= step.maxAttempts) return end;
    report({
      type: 'log',
      level: 'warn',
      text: `attempt ${attempt} of ${step.maxAttempts} failed: ${ended.failure.message}; trying again`,
    });
  }
}

/** @throws {InputError} if one of them is not available */
async function loadSecrets(state: RunState, named: unknown, report: Report): Promise<void> {
  const references = secretReferencesIn(named);
  if (references.length === 0) return;
  await state.secrets.load(references, report, state.run.signal).catch((error: unknown) => {
    throw error instanceof SecretError ? new InputError(error.message, { cause: error }) : error;
  });
}

/**
 * Evaluates the `if`, once for all attempts and restarts. Returns the step's result, or `undefined` if the step runs.
 */
async function decide(
  state: RunState,
  step: Step,
  decision: StepCondition,
  report: Report,
): Promise<StepEnd | undefined> {
  const tail = new LineTail(TAIL_LINES);
  try {
    await loadSecrets(state, decision.condition, report);
    const condition = resolveCondition(decision.condition, telling(state, report));
    await makeWorkingDirectory(state);
    const context = attemptContext(state, step, condition, new StepTimer(step.timeoutSeconds), report, tail);
    const outcome = await conditionOutcome(context, condition);
    state.run.signal?.throwIfAborted();
    const action = outcome.holds ? decision.then : decision.else;
    report({ type: 'log', level: 'info', text: `if: ${outcome.explanation}: ${action}` });
    if (action === 'Execute') return undefined;
    if (action === 'Skip') return { ...NOTHING, skipped: true };
    return { ...NOTHING, failure: { message: `the step's if says Abort: ${outcome.explanation}` } };
  } catch (error) {
    const ended = failedBy(error, state, report);
    const failure = { ...ended.failure, message: `the step's if could not be evaluated: ${ended.failure.message}` };
    return { ...NOTHING, ...ended, failure, outputTail: tail.lines() };
  }
}

/** The values of a run. A reference to a skipped step is reported once, not in each iteration of a loop. */
function telling(state: RunState, report: Report): Values {
  const told = new Set<string>();
  return {
    ...state,
    warn(text) {
      if (!told.has(text)) report({ type: 'log', level: 'warn', text });
      told.add(text);
    },
  };
}

/** What an attempt runs: the module once, or once per iteration of a loop. */
interface StepWork {
  /** @throws {InputError} */
  readonly inputs: (turn?: LoopIteration) => InputValue;
  readonly turns?: () => Iterable<LoopIteration>;
}

/** @throws {InputError} if a reference has no value, or an invalid one */
function planWork(values: Values, step: Step): StepWork {
  const { loop } = step;
  if (loop === undefined) {
    const inputs = resolveInputs(step, values);
    return { inputs: () => inputs };
  }
  const plan = planLoop(loop, (text) => resolveText(text, values));
  if ('problem' in plan) throw new InputError(plan.problem);
  return { inputs: (turn) => resolveInputs(step, values, turn), turns: plan.iterations };
}

interface ModuleEnd {
  readonly outputs: Outputs;
  readonly detailedOutput?: readonly object[];
  readonly failure?: StepFailure;
  readonly timedOut: boolean;
  readonly instanceLost: boolean;
  /** Whether another attempt would end in the same way. */
  readonly final: boolean;
}

interface AttemptEnd extends ModuleEnd {
  /** As the module received them; for a loop, those of the last iteration. */
  readonly inputs: InputValue;
}

const PLAIN = { outputs: {}, timedOut: false, instanceLost: false, final: false } as const;

/** Runs one attempt. A loop ends at the first failed iteration; the outputs of earlier ones are kept. */
async function runAttempt(
  state: RunState,
  step: Step,
  work: StepWork,
  report: Report,
  tail: LineTail,
): Promise<AttemptEnd> {
  const timer = new StepTimer(step.timeoutSeconds);
  if (work.turns === undefined) {
    const inputs = work.inputs();
    return { ...(await runModule(state, step, inputs, timer, report, tail)), inputs };
  }
  const collected = new LoopOutputs();
  const records = new LoopRecords();
  let inputs: InputValue = {};
  for (const turn of work.turns()) {
    state.run.signal?.throwIfAborted();
    const value = turn.value === String(turn.index) ? '' : ` (value '${shorten(turn.value)}')`;
    report({ type: 'log', level: 'info', text: `loop, iteration ${turn.index}${value}` });
    let ended: ModuleEnd;
    try {
      inputs = work.inputs(turn);
      ended = await runModule(state, step, inputs, timer, report, tail);
    } catch (error) {
      ended = failedBy(error, state, report);
    }
    const leftOut = records.add(ended.detailedOutput);
    if (leftOut !== undefined) report({ type: 'log', level: 'warn', text: leftOut });
    if (ended.failure === undefined) {
      collected.add(ended.outputs);
      continue;
    }
    const where = ended.timedOut
      ? `the loop timed out in iteration ${turn.index}${value}`
      : `iteration ${turn.index} of the loop${value} failed`;
    return {
      ...ended,
      inputs,
      outputs: collected.outputs(),
      detailedOutput: records.all(),
      failure: { ...ended.failure, message: `${where}: ${ended.failure.message}` },
    };
  }
  return { ...PLAIN, inputs, outputs: collected.outputs(), detailedOutput: records.all() };
}

/**
 * Converts an error of an attempt to the step's failure. An error only fails its own step: the document's `onFailure`
 * applies, and the failure names its position.
 * @throws errors of this host (see `ofThisHost`), and the signal's reason if it is canceled
 */
function failedBy(error: unknown, state: RunState, report: Report): ModuleEnd & { readonly failure: StepFailure } {
  state.run.signal?.throwIfAborted();
  if (error instanceof StepTimeout)
    return { ...PLAIN, failure: { message: error.message, code: 'time-limit' }, timedOut: true };
  const final = error instanceof InputError || error instanceof TooMuchOutput;
  if (final) return { ...PLAIN, failure: { message: error.message }, final };
  if (!(error instanceof InstanceError)) {
    if (ofThisHost(error)) throw error;
    const { message, stack = '' } = error as Error;
    report({ type: 'log', level: 'debug', text: `what failed: ${stack}` });
    return { ...PLAIN, failure: { message } };
  }
  // The console's text is logged separately from the step's output.
  for (const text of error.console) report({ type: 'output', stream: 'console', level: 'warn', text });
  const code = error.code === undefined ? {} : { code: error.code };
  return { ...PLAIN, instanceLost: true, final: true, failure: { message: error.message, ...code } };
}

/** Whether an error is independent of the step: the host's disk is full, its database fails, or Ingot has a bug. */
function ofThisHost(error: unknown): boolean {
  if (!(error instanceof Error) || isDiskFull(error)) return true;
  if (error instanceof ProcessError) return false;
  const { code } = error as { readonly code?: unknown };
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RestartWanted ||
    error instanceof RunInterrupted ||
    code === 'ERR_SQLITE_ERROR' ||
    code === 'ERR_ASSERTION'
  );
}

/** Runs the module once, with the restarts that it requests. */
async function runModule(
  state: RunState,
  step: Step,
  inputs: InputValue,
  timer: StepTimer,
  report: Report,
  tail: LineTail,
): Promise<ModuleEnd> {
  const maxReboots = state.run.maxReboots ?? DEFAULT_MAX_REBOOTS;
  for (;;) {
    let result: AttemptResult;
    const context = attemptContext(state, step, inputs, timer, report, tail);
    try {
      await makeWorkingDirectory(state);
      result = await modules.get(step.action)!.attempt(context);
      state.run.signal?.throwIfAborted();
    } catch (error) {
      return failedBy(error, state, report);
    }
    if (result.result === 'success')
      return {
        ...PLAIN,
        outputs: result.outputs ?? {},
        detailedOutput: result.detailedOutput,
      };
    if (result.result === 'failed') {
      const { result: _, outputs, detailedOutput, ...given } = result;
      const failure = context.ranOutOfMemory() ? { code: 'out-of-memory' as const, ...given } : given;
      return { ...PLAIN, outputs: outputs ?? {}, failure, detailedOutput };
    }

    const leave = state.run.leaveForRestart === true;
    if (leave && step.loop !== undefined) {
      return {
        ...PLAIN,
        final: true,
        failure: {
          message:
            'the step requests a restart in a loop, which cannot continue after a restart of this host; it can in an ' +
            'instance',
        },
      };
    }
    if (!leave && !state.run.instance.capabilities.reboots) {
      return {
        ...PLAIN,
        final: true,
        failure: { message: 'the step requests a restart, which this kind of instance does not support' },
      };
    }
    if (state.reboots >= maxReboots) {
      return {
        ...PLAIN,
        final: true,
        failure: {
          message:
            'the step requests a restart, but the document has already restarted the machine ' + `${maxReboots} times`,
        },
      };
    }
    state.reboots++;
    if (leave) throw new RestartWanted(result.resume, state.reboots);
    const code = rebootExitCode(state.run.instance.capabilities.platform);
    const again = `; ${step.name} then runs again (exit code ${code})`;
    report({
      type: 'log',
      level: 'info',
      text: `restarting the machine${result.resume === 'same-step' ? again : ''}`,
    });
    const started = performance.now();
    try {
      await rebootMarked(state.run.instance, state.run.signal);
    } catch (error) {
      return failedBy(error, state, report);
    }
    state.workingDirectoryMade = false;
    timer.restart();
    report({
      type: 'log',
      level: 'info',
      text: `the machine is up again after ${Math.round((performance.now() - started) / 100) / 10} s`,
    });
    if (result.resume === 'next-step') return PLAIN;
  }
}

/** Directories below `/tmp` may be deleted by a restart. */
async function makeWorkingDirectory(state: RunState): Promise<void> {
  if (state.workingDirectoryMade) return;
  const { instance, signal } = state.run;
  const made = await instance.run({
    argv: ['mkdir', '-p', '--', state.workingDirectory],
    own: true,
    timeoutSeconds: 60,
    signal,
  });
  if (made.exitCode !== 0)
    throw new InputError(`the working directory ${state.workingDirectory} could not be made in the instance`);
  state.workingDirectoryMade = true;
}
