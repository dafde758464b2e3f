/** Displays of a build: a live region on a terminal, plain lines, or nothing before its result. */
import { withoutEscapes } from '../../resources/escapes.ts';
import type { ProgressRecord } from '../../resources/progress.ts';
import { plainLines } from './plain.ts';
import { applyRecord, newBuildState, type BuildState } from './progress-state.ts';
import { render, widthOf } from './render.ts';

/** Shows one build. */
export interface BuildView {
  readonly state: BuildState;
  /** Whether it shows the steps with their durations. */
  readonly showsSteps: boolean;
  record(record: ProgressRecord): void;
  /** A line of the command itself, above the live region. */
  note(text: string): void;
  /**
   * Ends the live region. It can be repeated.
   * @param last `frame`: with the last frame; `nothing`: later output shows the result
   */
  end(last?: 'frame' | 'nothing'): void;
}

type Output = NodeJS.WriteStream;

/** The kinds of display. */
export type ViewMode = 'tty' | 'plain' | 'quiet';

/**
 * Rows of the window that a frame leaves free. A frame of full height would make the terminal scroll each time, and
 * terminals that keep a screen that is erased from its first line on (tmux) would keep each frame.
 */
const FREE_ROWS = 3;
/** Rows of a build's result: the last frame folds components to leave them free, so that both are visible. */
const RESULT_ROWS = 10;
const REDRAW_MS = 120;

/**
 * A view on this stream.
 * @param debug whether plain lines include debug records
 */
export function buildView(output: Output, mode: ViewMode, debug = false): BuildView {
  if (mode === 'tty') return liveView(output);
  return mode === 'plain' ? plainView(output, debug) : quietView();
}

function plainView(output: Output, debug: boolean): BuildView {
  const state = newBuildState();
  const linesOf = plainLines(debug);
  return {
    state,
    showsSteps: false,
    record(record) {
      applyRecord(state, record);
      for (const line of linesOf(record)) output.write(`${line}\n`);
    },
    note: (text) => void output.write(`${text}\n`),
    end: () => {},
  };
}

function quietView(): BuildView {
  const state = newBuildState();
  return {
    state,
    showsSteps: true,
    record: (record) => applyRecord(state, record),
    note: () => {},
    end: () => {},
  };
}

function liveView(output: Output): BuildView {
  const state = newBuildState();
  // `NO_COLOR` removes colors and nothing else: no-color.org.
  const colour = !process.env['NO_COLOR'];
  let drawn: readonly string[] = [];
  let ended = false;
  const columns = (): number => output.columns || 80;
  const frame = (freeRows: number, complete = false): string[] =>
    render(
      state,
      { width: Math.max(20, columns() - 1), height: Math.max(4, (output.rows || 24) - freeRows), colour, complete },
      Date.now(),
    );
  /** Each line is overwritten in place: nothing is erased first, so that nothing flickers or scrolls. */
  const replace = (above: readonly string[], lines: readonly string[]): void => {
    const up = rowsOf(drawn, columns());
    const text = [...above, ...lines].map((line) => `${line}\u001b[K\n`).join('');
    output.write(`${up === 0 ? '' : `\u001b[${up}A\r`}${text}\u001b[J`);
    drawn = lines;
  };
  const redraw = (): void => replace([], frame(FREE_ROWS));
  const timer = setInterval(redraw, REDRAW_MS);
  timer.unref();
  output.on('resize', redraw);
  return {
    state,
    showsSteps: true,
    record: (record) => applyRecord(state, record),
    note: (text) => (ended ? void output.write(`${text}\n`) : replace(text.split('\n'), frame(FREE_ROWS))),
    end(last = 'frame') {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      output.off('resize', redraw);
      replace([], last === 'frame' && state.steps.length > 0 ? frame(RESULT_ROWS, true) : []);
      drawn = [];
    },
  };
}

/** Rows of lines on a terminal with this many columns: making it narrower has wrapped lines that were drawn before. */
export function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(withoutEscapes(line)) / columns)), 0);
}
