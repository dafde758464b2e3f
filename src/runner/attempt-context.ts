/** The context of an action module for one attempt. */
import type { InputValue, Step } from '../documents/component/document.ts';
import { shorten } from '../documents/nodes.ts';
import { sleep } from '../platform/clock.ts';
import type { Report } from '../resources/progress.ts';
import { commandEnvironment } from '../guest/environment.ts';
import { Capture, type LineTail, lineSplitter, LogLimit, MAX_LINE } from '../guest/lines.ts';
import {
  InputError,
  OUTPUT_KEPT,
  StepTimeout,
  type AttemptContext,
  type ModuleCommand,
  type ModuleCommandResult,
} from './module.ts';
import { commandProblem } from './kit/command-limits.ts';
import { runNested } from './nested.ts';
import type { RunState } from './run-state.ts';

const STDERR_KEPT = 8 * 1024;

/** The time limit of a step: for one attempt with all iterations of its loop, and again after a restart. */
export class StepTimer {
  readonly #seconds: number;
  #deadline = Infinity;

  /** @param seconds -1 means no limit */
  constructor(seconds: number) {
    this.#seconds = seconds;
    this.restart();
  }

  restart(): void {
    this.#deadline = this.#seconds === -1 ? Infinity : performance.now() + this.#seconds * 1000;
  }

  /** Seconds left; 0 or less once the limit is reached. */
  left(): number {
    return (this.#deadline - performance.now()) / 1000;
  }
}

/**
 * The context for a step's module: commands run within the step's time limit, their output is logged, and its end is
 * kept in `tail`.
 */
export function attemptContext(
  state: RunState,
  step: Step,
  inputs: InputValue,
  timer: StepTimer,
  report: Report,
  tail: LineTail,
): AttemptContext & { readonly ranOutOfMemory: () => boolean } {
  const { instance, signal } = state.run;
  let outOfMemory = false;
  const timedOut = (what: string): StepTimeout =>
    new StepTimeout(
      `step ${step.name} timed out: ${what} did not finish within the step's timeoutSeconds of ${step.timeoutSeconds}`,
    );
  const left = (what: string): number => {
    const seconds = timer.left();
    if (seconds <= 0) throw timedOut(what);
    return seconds;
  };

  return {
    inputs,
    instance,
    workingDirectory: state.workingDirectory,
    componentText: state.run.componentText,
    sourceFile: state.run.sourceFile,
    parsed: state.run.parsed,
    runNested: (nested) => runNested(state, { ...nested, inLoop: step.loop !== undefined }, report),
    s3Access: state.run.s3Access,
    async command(request: ModuleCommand): Promise<ModuleCommandResult> {
      const what = request.what ?? request.argv?.[0] ?? 'the script';
      const called =
        request.argumentName ??
        ((index: number) => `${shorten(what)}: ${request.own === true ? 'a value' : `argument ${index}`}`);
      const problem = commandProblem(request.argv ?? [], instance.capabilities.platform, called);
      if (problem !== undefined) throw new InputError(problem);
      const seconds = request.graceSeconds ?? left(what);
      const stdout = new Capture(OUTPUT_KEPT);
      const stderr = new EndOf(STDERR_KEPT);
      const logged = new LogLimit();
      const { hidden = '' } = request;
      const shown = (text: string): string => (hidden === '' ? text : text.replaceAll(hidden, ''));
      const lines = (stream: 'stdout' | 'stderr') =>
        lineSplitter(
          (printed) => {
            if (request.quiet) return;
            const text = shown(printed);
            tail.add(text);
            if (logged.admits(text)) report({ type: 'output', stream, text });
          },
          MAX_LINE,
          state.secrets.mask,
        );
      const splitters = { stdout: lines('stdout'), stderr: lines('stderr') };
      const ended = await instance
        .run({
          argv: request.argv,
          script: request.script,
          stdin: request.stdin,
          own: request.own,
          signal,
          ...(seconds === Infinity ? {} : { timeoutSeconds: seconds }),
          env: {
            ...commandEnvironment(instance.capabilities.platform),
            // AWS's own documents write there: "an environment variable defined by EC2 Image Builder".
            WORKING_DIRECTORY: state.workingDirectory,
            ...state.run.environment,
            ...request.env,
          },
          cwd: state.workingDirectory,
          onOutput(stream, chunk) {
            (stream === 'stdout' ? stdout : stderr).add(chunk);
            splitters[stream].add(chunk);
          },
        })
        .finally(() => {
          splitters.stdout.end();
          splitters.stderr.end();
          const left = logged.leftOut();
          if (left === undefined) return;
          report({ type: 'log', level: 'warn', text: left });
          for (const text of tail.lines()) report({ type: 'output', stream: 'stdout', text });
        });
      if (ended.timedOut) throw timedOut(what);
      outOfMemory ||= ended.outOfMemory === true;
      return {
        exitCode: ended.exitCode,
        signal: ended.signal,
        ...(ended.outOfMemory ? { outOfMemory: true } : {}),
        stdout: stdout.text(),
        stdoutBytes: stdout.bytes(),
        stderr: shown(stderr.text()),
      };
    },
    async pause(seconds) {
      const remaining = left('a pause');
      await sleep(Math.min(seconds, remaining) * 1000, signal);
      if (seconds > remaining) throw timedOut('a pause');
    },
    log: (text, level = 'info') => report({ type: 'log', level, text }),
    /** Whether a command of the attempt was killed because the instance had no memory left. */
    ranOutOfMemory: () => outOfMemory,
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
