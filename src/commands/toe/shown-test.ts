/**
 * The display of `ingot toe test` on stderr: the view of a build. The result goes to stdout, or JSON with the records
 * before it.
 */
import { timestamp } from '../../platform/clock.ts';
import { PROGRESS_VERSION, type ProgressRecord, type Report } from '../../resources/progress.ts';
import { buildView, type ViewMode } from '../terminal/view.ts';

/** The display of a test. */
export interface ShownTest {
  readonly report: Report;
  /** A line of the command itself. */
  note(text: string): void;
  /** Ends the live region: the table of the result follows, or nothing after an interrupt. It can be repeated. */
  end(interrupted?: boolean): void;
}

/** Shows one run of a document. */
export function shownTest(mode: ViewMode | 'json'): ShownTest {
  const recordOf = (event: Parameters<Report>[0]): ProgressRecord => ({
    v: PROGRESS_VERSION,
    time: timestamp(),
    image: '',
    level: 'info',
    ...event,
  });
  const write = (text: string): void => void process.stderr.write(`${text}\n`);
  if (mode === 'json')
    return {
      report: (event) => void process.stdout.write(`${JSON.stringify(recordOf(event))}\n`),
      note: write,
      end: () => {},
    };
  const view = buildView(process.stderr, mode);
  view.state.status = 'RUNNING';
  let ended = false;
  const end = (interrupted = false): void => {
    if (ended) return;
    ended = true;
    if (interrupted) view.record(recordOf({ type: 'state', status: 'CANCELLED', text: 'CANCELLED' }));
    view.end(interrupted ? 'frame' : 'nothing');
    // Plain lines showed them at their positions.
    if (mode !== 'plain') for (const text of new Set(view.state.warnings)) process.stderr.write(`note: ${text}\n`);
  };
  return { report: (event) => view.record(recordOf(event)), note: mode === 'tty' ? view.note : write, end };
}
