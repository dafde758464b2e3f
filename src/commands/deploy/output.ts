/** The output of `build`: for people, or one JSON object per line. */
import type { StackOutput } from '../../catalog/stacks.ts';
import { timestamp } from '../../platform/clock.ts';
import type { ProgressRecord } from '../../resources/progress.ts';
import { buildView, type BuildView, type ViewMode } from '../terminal/view.ts';
import { fit, widthOf } from '../terminal/render.ts';
import { failedStep, type LastRun, type StepState } from '../terminal/progress-state.ts';
import { duration, plainLine, shellWord, wrap } from '../text.ts';
import { INGOT } from '../../platform/own-program.ts';

/** An AMI of a finished image. */
export interface AmiFile {
  readonly region: string;
  readonly id: string;
  readonly file: string;
}

/** A build or test instance that outlives its failed image. */
export interface KeptInstance {
  readonly instanceId: string;
  readonly purpose: string;
  /** ISO-8601. */
  readonly until: string;
}

/** The result of one build. */
export interface BuildResult {
  readonly status: string;
  readonly image: string;
  readonly amis: readonly AmiFile[];
  readonly kept: readonly KeptInstance[];
  readonly seconds: number;
  readonly reason?: string;
}

/** Where `build` reports its progress. */
export interface BuildOutput {
  /** A message of the command itself: resources, the server. */
  note(text: string): void;
  /** A build begins; its records follow. */
  begin(image: string): void;
  record(record: ProgressRecord): void;
  /** Durations of the previous build's parts. */
  last(run: LastRun): void;
  /** A build has ended. */
  result(result: BuildResult): void;
  /** Nothing was built, and why. */
  failed(reason: string): void;
  /** Ends the output. */
  end(): void;
  /** The deployment is complete. */
  deployed(stack: DeployedStack): void;
}

/** The result of deploying a template. */
interface DeployedStack {
  readonly name: string;
  /** Whether an image was built too. */
  readonly built: boolean;
  readonly outputs: readonly StackOutput[];
}

/** One record per line, and a result line per build. */
export function jsonOutput(): BuildOutput {
  const write = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  // The stack is printed before the last result, which must be the last line.
  let held: object | undefined;
  const flush = (): void => {
    if (held !== undefined) write(held);
    held = undefined;
  };
  const log = (text: string): void =>
    write({ v: 1, time: timestamp(), type: 'log', image: '', level: 'info', text } satisfies ProgressRecord);
  return {
    note: log,
    begin: flush,
    record: write,
    last: () => {},
    result: ({ status, image, amis, kept, seconds, reason }) => {
      flush();
      if (status === 'AVAILABLE') held = { type: 'result', status, image, amis, seconds };
      else
        write({
          type: 'result',
          status,
          image,
          reason: reason ?? status,
          ...(kept.length === 0 ? {} : { kept }),
          seconds,
        });
    },
    failed: (reason) => {
      flush();
      write({ type: 'result', status: 'FAILED', reason });
    },
    end: flush,
    deployed: ({ name, built, outputs }) => {
      if (built) write({ type: 'stack', stack: name, outputs });
      else held = { type: 'result', status: 'DEPLOYED', stack: name, outputs };
      flush();
    },
  };
}

/**
 * Output for people.
 * @param dataDirectory for commands in the output; absent if they find it themselves
 */
export function humanOutput(dataDirectory: string | undefined, mode: ViewMode, debug = false): BuildOutput {
  let view: BuildView | undefined;
  const print = (text: string): void => {
    if (view !== undefined) view.note(text);
    else if (mode !== 'quiet') process.stdout.write(`${text}\n`);
  };
  return {
    note: print,
    begin(image) {
      print(`building ${image}`);
      view = buildView(process.stdout, mode, debug);
    },
    // The view ends with its own summary.
    record(record) {
      if (record.summary !== true) view?.record(record);
    },
    last: (run) => {
      if (view !== undefined) view.state.last = run;
    },
    result(result) {
      view?.end();
      const done = view;
      view = undefined;
      process.stdout.write(
        result.status === 'AVAILABLE' ? success(result, done, dataDirectory) : failure(result, done, dataDirectory),
      );
    },
    failed(reason) {
      view?.end();
      view = undefined;
      process.stderr.write(`ingot: ${reason}\n`);
    },
    end: () => {},
    deployed({ name, built, outputs }) {
      if (!built) print(`Stack ${name} is deployed. The template has no image and no pipeline, so nothing was built.`);
      const lines = outputLines(outputs);
      if (lines.length > 0) print(['', `Outputs of stack ${name}:`, ...lines].join('\n'));
    },
  };
}

/** Outputs, one per line. */
export function outputLines(outputs: readonly StackOutput[]): readonly string[] {
  const width = Math.max(0, ...outputs.map(({ name }) => name.length));
  return outputs.map(
    ({ name, value, exportName }) =>
      `  ${plainLine(name).padEnd(width)}  ${plainLine(value)}` +
      `${exportName === undefined ? '' : `  (exported as ${plainLine(exportName)})`}`,
  );
}

function success(result: BuildResult, view: BuildView | undefined, dataDirectory: string | undefined): string {
  const lines = [''];
  for (const warning of new Set(view?.state.warnings)) lines.push(`note: ${warning}`);
  if (view?.showsSteps === false) {
    lines.push('Steps:');
    for (const step of view.state.steps)
      lines.push(
        `  ${'  '.repeat(step.depth)}${step.label.padEnd(48 - 2 * step.depth)} ` +
          `${step.seconds === undefined ? step.status : duration(step.seconds)}`,
      );
  }
  lines.push(`${result.status} in ${duration(result.seconds)}`, `  image  ${result.image}`);
  for (const ami of result.amis) lines.push(`  AMI    ${ami.id}  ${ami.region}  ${ami.file}`);
  const first = result.amis[0];
  const data = dataOption(dataDirectory);
  if (first !== undefined) lines.push('', `To launch it:  ${INGOT} launch ${first.id} --publish 8080:80${data}`);
  return `${lines.join('\n')}\n`;
}

function failure(result: BuildResult, view: BuildView | undefined, dataDirectory: string | undefined): string {
  const width = Math.min(process.stdout.columns ?? 120, 120);
  const lines = ['', `${result.status} after ${duration(result.seconds)}: ${result.image}`];
  // AWS's beginning of a reason is useless to a person who sees the build.
  if (result.reason !== undefined)
    lines.push(
      ...wrapped(`Reason: ${result.reason.replace(/^Workflow Execution ID: '[^']*' failed with reason: /, '')}`, width),
    );
  const step = view === undefined ? undefined : failedStep(view.state);
  if (step !== undefined && step.depth === 1) {
    const why = step.message === undefined ? '' : `: ${step.message.replace(/^\w+: \S+ failed: /, '')}`;
    lines.push('', ...wrapped(`What failed: ${step.label}${why}`, width));
    lines.push(...lastLines(step));
  } else if (step !== undefined && step.lines.length > 0)
    lines.push('', `The last lines of ${step.label}:`, ...lastLines(step));
  const data = dataOption(dataDirectory);
  for (const { instanceId, purpose, until } of result.kept) {
    lines.push(
      '',
      `The ${purpose} instance is kept in its current state until ${new Date(until).toLocaleString('sv')}:`,
      `  open a shell:  ${INGOT} shell ${instanceId}${data}`,
      `  terminate it:  ${INGOT} terminate ${instanceId}${data}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/**
 * The last output of a step. On a terminal only the very last lines are complete, so that earlier ones do not push the
 * reason out of view.
 */
function lastLines(step: StepState): readonly string[] {
  const lines = step.lines.slice(-10).map((line) => `  | ${line}`);
  const columns = process.stdout.isTTY === true ? process.stdout.columns : undefined;
  return columns === undefined
    ? lines
    : lines.map((line, index) => (index >= lines.length - 3 ? line : fit(line, columns)));
}

/** Wraps text at spaces to a number of columns, with later lines indented. */
function wrapped(text: string, width: number): readonly string[] {
  const lines = text.split('\n').flatMap((paragraph) => wrap(plainLine(paragraph), width - 2, widthOf));
  return lines.map((line, index) => (index === 0 ? line : `  ${line}`));
}

/** The option for commands that the reader may copy. */
function dataOption(dataDirectory: string | undefined): string {
  return dataDirectory === undefined ? '' : ` --data ${shellWord(dataDirectory)}`;
}
