/** A build as lines of text for a terminal. Pure. */
import { duration } from '../text.ts';
import { currentStep, type BuildState, type Place, type StepState } from './progress-state.ts';

const SHOWN_LINES = 5;
const BAR_WIDTH = 24;
/** Columns for the duration in the last build: ` (last 12 min 05 s)`. */
const LAST_COLUMNS = 20;
const MARKS: Readonly<Record<StepState['status'], string>> = {
  running: '>',
  done: '+',
  failed: 'x',
  ignored: '!',
  skipped: '-',
  cancelled: '~',
  cached: '=',
};
const COLOURS: Readonly<Record<StepState['status'], number>> = {
  running: 36,
  done: 32,
  failed: 31,
  ignored: 33,
  skipped: 90,
  cancelled: 33,
  cached: 34,
};
/** Words in place of a duration. */
const WORDS: Readonly<Partial<Record<StepState['status'], string>>> = {
  skipped: 'skipped',
  cached: 'cached',
};

/** The appearance of a frame. */
export interface FrameOptions {
  /** Maximum columns of a line. */
  readonly width: number;
  /** Maximum rows (default: no limit). Successful steps are folded first, then the newest are kept. */
  readonly height?: number;
  /** Shows everything, even if it is higher. */
  readonly complete?: boolean;
  readonly colour: boolean;
}

/** A line of a frame before it is drawn. */
interface Row {
  readonly text: string;
  readonly status: StepState['status'];
  readonly time?: string;
  readonly last?: number | undefined;
}

/**
 * The frame of a build: its steps with durations, progress and last lines of the running one, and the position in the
 * build.
 * @param now milliseconds since 1970
 */
export function render(state: BuildState, options: FrameOptions, now: number): string[] {
  const most = options.height === undefined ? Infinity : Math.max(1, options.height) - 1;
  const footer = footerLine(state, options, now);
  for (const folded of [false, true]) {
    const lines = stepLines(state, options, now, folded);
    if (lines.length <= most) return [...lines, footer];
    if (folded && options.complete === true) return [...lines, footer];
    if (folded) return [...(most === 0 ? [] : shortened(lines, most, options)), footer];
  }
  return [footer];
}

/** The newest lines, below one with the number of hidden lines. */
function shortened(lines: readonly string[], most: number, { width, colour }: FrameOptions): string[] {
  if (most < 4) return lines.slice(-most);
  return [paint(fit(`  … ${lines.length - most + 1} lines above`, width), 90, colour), ...lines.slice(1 - most)];
}

/** @param folded whether successful steps of a component are one line */
function stepLines(state: BuildState, options: FrameOptions, now: number, folded: boolean): string[] {
  const current = currentStep(state);
  const lines: (Row | string)[] = [];
  for (const [index, step] of state.steps.entries()) {
    const before = state.steps[index - 1];
    if (folded && step.component !== undefined && step.status !== 'cached') {
      if (before?.component !== step.component || before.status === 'cached')
        lines.push(groupRow(state, groupFrom(state.steps, index), now));
      if (step.status === 'done') continue;
    }
    lines.push(stepRow(state, step, folded, now));
    if (step !== current) continue;
    const indent = '  '.repeat(step.depth + (folded && step.depth === 1 ? 3 : 2));
    if (step.progress !== undefined)
      lines.push(fit(`${indent}${bar(step.progress.done, step.progress.total)} ${step.progress.text}`, options.width));
    for (const line of step.lines.slice(-SHOWN_LINES))
      lines.push(paint(fit(`${indent}| ${line}`, options.width), 90, options.colour));
  }
  const withLast = lines.some((line) => typeof line !== 'string' && line.last !== undefined);
  return lines.map((line) => (typeof line === 'string' ? line : drawn(line, options, withLast)));
}

/** The steps of one component's document, from this one on. */
function groupFrom(steps: readonly StepState[], first: number): readonly StepState[] {
  const { component } = steps[first]!;
  const end = steps.findIndex((step, index) => index > first && step.component !== component);
  return steps.slice(first, end === -1 ? undefined : end);
}

function groupRow(state: BuildState, group: readonly StepState[], now: number): Row {
  const newest = group.at(-1)!;
  const running = group.some(({ status }) => status === 'running');
  const worst = (['running', 'failed', 'cancelled', 'ignored'] as const).find((status) =>
    group.some((step) => step.status === status),
  );
  const { place } = newest;
  const count = group.length === 1 ? '1 step' : `${group.length} steps`;
  const seconds = group.reduce((sum, step) => sum + secondsOf(step, now), 0);
  const last = group.reduce((sum, { key }) => sum + (state.last?.steps.get(key) ?? 0), 0);
  const steps = running && place !== undefined ? ofMany('step', place) : count;
  return {
    text: `  ${MARKS[worst ?? 'done']} ${newest.component}, ${steps}`,
    status: worst ?? 'done',
    time: duration(seconds),
    // Only of those that ran so far, which is comparable.
    last: last === 0 ? undefined : last,
  };
}

function ofMany(word: string, { number, total }: Place): string {
  return `${word} ${number} of ${total}`;
}

function stepRow(state: BuildState, step: StepState, folded: boolean, now: number): Row {
  const { status, key, title } = step;
  const [depth, label] = folded && title !== undefined ? [2, title] : [step.depth, step.label];
  return {
    text: `${'  '.repeat(depth)}${MARKS[status]} ${label}${status === 'cached' ? ', from a layer' : ''}`,
    status,
    time:
      WORDS[status] ??
      (step.seconds === undefined && status !== 'running' ? status : duration(secondsOf(step, state.endedAt ?? now))),
    last: state.last?.steps.get(key),
  };
}

function secondsOf(step: StepState, now: number): number {
  if (step.seconds !== undefined) return step.seconds;
  return step.status === 'running' ? Math.max(0, (now - step.startedAt) / 1000) : 0;
}

function drawn({ text, status, time = '', last }: Row, { width, colour }: FrameOptions, withLast: boolean): string {
  const rest = withLast && width >= 60 ? LAST_COLUMNS : 0;
  const timeText = time.padStart(10);
  const column = Math.min(width - rest - 1 - Math.max(11, timeText.length), 64);
  if (column < 12) return paint(fit(text, width), COLOURS[status], colour);
  const label = fit(text, column);
  const lastText = rest === 0 || last === undefined ? '' : paint(fit(` (last ${duration(last)})`, rest), 90, colour);
  return `${paint(label, COLOURS[status], colour)}${' '.repeat(column - widthOf(label))} ${timeText}${lastText}`;
}

/** The position in the build: `BUILDING, stage 1 of 3, step 2 of 9, 12 s (last build 31 s)`. */
function footerLine(state: BuildState, { width, colour }: FrameOptions, now: number): string {
  const step = state.endedAt === undefined ? state.steps.findLast(({ depth }) => depth === 0) : undefined;
  const parts = [
    state.status,
    ...(state.stage === undefined ? [] : [ofMany('stage', state.stage)]),
    ...(step?.place === undefined ? [] : [ofMany('step', step.place)]),
    ...(state.startedAt === undefined
      ? []
      : [duration(Math.max(0, ((state.endedAt ?? now) - state.startedAt) / 1000))]),
  ];
  const last = state.last === undefined ? '' : ` (last build ${duration(state.last.seconds)})`;
  return paint(fit(`  ${parts.join(', ')}${last}`, width), 1, colour);
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

/** Columns that a text needs. */
export function widthOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

/** Characters that need two columns on a terminal: East Asian scripts and emoji. */
const WIDE = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
] as const;

function columnsOf(character: string): number {
  if (/^\p{M}|^\u200d|^\ufe0f/u.test(character)) return 0;
  const code = character.codePointAt(0)!;
  return WIDE.some(([first, last]) => first <= code && code <= last) ? 2 : 1;
}
