/** Where a build is shown: a live region on a terminal, else plain lines. */
import { stripVTControlCharacters } from 'node:util';
import type { ProgressRecord } from '../../resources/progress.ts';
import { plainRecord } from './plain.ts';
import { applyRecord, newBuildState, type BuildState } from './progress-state.ts';
import { render, widthOf } from './render.ts';

/** Shows one build. */
export interface BuildView {
  readonly state: BuildState;
  record(record: ProgressRecord): void;
  /** A line of the command's own, above what is live. */
  note(text: string): void;
  /** The last frame; nothing is live after it. Safe to repeat. */
  end(): void;
}

type Output = NodeJS.WriteStream;

/**
 * Whether a stream is a terminal that can be drawn on. `NO_COLOR` takes colours away and nothing else: no-color.org.
 */
function canDraw(output: Output): boolean {
  return output.isTTY === true && process.env['TERM'] !== 'dumb';
}

/** A view on this stream, live where it can be. */
export function buildView(output: Output): BuildView {
  return canDraw(output) ? liveView(output) : plainView(output);
}

function plainView(output: Output): BuildView {
  const state = newBuildState();
  return {
    state,
    record(record) {
      applyRecord(state, record);
      const line = plainRecord(record);
      if (line !== undefined) output.write(`${line}\n`);
    },
    note: (text) => void output.write(`${text}\n`),
    end: () => {},
  };
}

function liveView(output: Output): BuildView {
  const state = newBuildState();
  const colour = !process.env['NO_COLOR'];
  let drawn: readonly string[] = [];
  let ended = false;
  const erase = (): string => (drawn.length === 0 ? '' : `\u001b[${rowsOf(drawn, output.columns ?? 80)}A\r\u001b[J`);
  const draw = (above = '', height: number = Math.max(3, (output.rows ?? 24) - 1)): void => {
    const frame = render(state, { width: Math.max(20, (output.columns ?? 80) - 1), height, colour }, Date.now());
    output.write(`${erase()}${above}${frame.join('\n')}\n`);
    drawn = frame;
  };
  const timer = setInterval(() => draw(), 120);
  timer.unref();
  const onResize = (): void => draw();
  output.on('resize', onResize);
  return {
    state,
    record: (record) => applyRecord(state, record),
    note: (text) => (ended ? void output.write(`${text}\n`) : draw(`${text}\n`)),
    end() {
      if (ended) return;
      ended = true;
      clearInterval(timer);
      output.off('resize', onResize);
      // All of it once: while it was live only what fitted was shown.
      if (state.steps.length > 0) {
        output.write(erase());
        drawn = [];
        draw('', Infinity);
      } else output.write(erase());
    },
  };
}

/**
 * Rows that lines take on a terminal of so many columns: one that was made narrower has broken those that were drawn
 * before.
 */
export function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce(
    (rows, line) => rows + Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / columns)),
    0,
  );
}
