/** A build as lines of text for a terminal. Pure. */
import { duration } from '../text.ts';
import { currentStep, type BuildState, type StepState } from './progress-state.ts';

const SHOWN_LINES = 5;
const BAR_WIDTH = 24;
const MARKS: Readonly<Record<StepState['status'], string>> = {
  running: '>',
  done: '+',
  failed: 'x',
  ignored: '!',
  skipped: '-',
  cancelled: 'x',
};
const COLOURS: Readonly<Record<StepState['status'], number>> = {
  running: 36,
  done: 32,
  failed: 31,
  ignored: 33,
  skipped: 90,
  cancelled: 33,
};

/** How a frame is to look. */
export interface FrameOptions {
  /** Columns; no line is wider. */
  readonly width: number;
  /** Rows; the newest lines are kept. No limit when absent. */
  readonly height?: number;
  readonly colour: boolean;
}

/**
 * The frame of a build: its steps with how long they took, the progress and last lines of the one that runs, and where
 * the build is.
 * @param now milliseconds since the epoch
 */
export function render(state: BuildState, options: FrameOptions, now: number): string[] {
  const lines: string[] = [];
  const current = currentStep(state);
  for (const step of state.steps) {
    lines.push(stepLine(step, options, now));
    if (step !== current) continue;
    const indent = '  '.repeat(step.depth + 2);
    if (step.progress !== undefined)
      lines.push(fit(`${indent}${bar(step.progress.done, step.progress.total)} ${step.progress.text}`, options.width));
    for (const line of step.lines.slice(-SHOWN_LINES))
      lines.push(paint(fit(`${indent}| ${line}`, options.width), 90, options.colour));
  }
  const elapsed = state.startedAt === undefined ? '' : `, ${duration(Math.max(0, (now - state.startedAt) / 1000))}`;
  const footer = paint(fit(`  ${state.status}${elapsed}`, options.width), 1, options.colour);
  const room = options.height === undefined ? lines.length : Math.max(0, options.height - 1);
  return [...(room === 0 ? [] : lines.slice(-room)), footer];
}

function stepLine(step: StepState, { width, colour }: FrameOptions, now: number): string {
  const time =
    step.seconds !== undefined
      ? duration(step.seconds)
      : step.status === 'running'
        ? duration(Math.max(0, (now - step.startedAt) / 1000))
        : step.status;
  const left = `${'  '.repeat(step.depth)}${MARKS[step.status]} ${step.label}`;
  const column = Math.min(width - 12, 64);
  if (column < 12) return paint(fit(left, width), COLOURS[step.status], colour);
  const label = fit(left, column);
  return `${paint(label, COLOURS[step.status], colour)}${' '.repeat(column - widthOf(label))} ${time.padStart(10)}`;
}

/** `[######------]  50 %`. */
export function bar(done: number, total: number): string {
  const part = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const filled = Math.floor(part * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(part * 100)).padStart(3)} %`;
}

function paint(text: string, code: number, colour: boolean): string {
  return colour ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Cuts a line to a number of columns. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let result = '';
  let used = 0;
  for (const character of text) {
    const columns = columnsOf(character);
    if (used + columns > width - 1) break;
    result += character;
    used += columns;
  }
  return `${result}…`;
}

/** Columns that a text takes. */
export function widthOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

function columnsOf(character: string): number {
  if (/^\p{M}|^\u200d|^\ufe0f/u.test(character)) return 0;
  return /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u.test(
    character,
  )
    ? 2
    : 1;
}
