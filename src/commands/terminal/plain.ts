/** A record as a plain line, for output other than a terminal, and for `logs`. */
import type { ProgressRecord } from '../../resources/progress.ts';
import { duration, plainLine } from '../text.ts';

/** Lines of a serial console that are shown if the machine did not start. */
const CONSOLE_LINES = 20;

/** One line: time of day, place, text. `undefined` for records that only move a progress bar. */
export function plainRecord(record: ProgressRecord): string | undefined {
  if (record.type === 'progress') return undefined;
  const where =
    record.component !== undefined
      ? [record.component, record.phase, record.documentStep].filter((part) => part !== undefined).join('/')
      : (record.step ?? record.workflow ?? '');
  const text = plainLine(record.text);
  // The first word of a workflow's step is its name.
  const named = record.type === 'step' && (text === where || text.startsWith(`${where}:`));
  const prefix = `${record.time.slice(11, 19)} ${where === '' || named ? '' : `${plainLine(where)} `}`;
  if (record.type === 'output') return `${prefix}${record.stream === 'stderr' ? '! ' : '| '}${text}`;
  if (record.type === 'state') return `${prefix}== ${text}`;
  if (record.type === 'step')
    return `${prefix}-- ${text}${record.seconds === undefined ? '' : ` (${duration(record.seconds)})`}`;
  return `${prefix}${record.level === 'info' ? '' : `${record.level}: `}${text}`;
}

/**
 * Makes a function that turns the records of a log into lines for people. Without `debug`, debug records and the serial
 * console are left out; if an instance did not start, the last lines of its console come before the failure.
 */
export function plainLines(debug: boolean): (record: ProgressRecord) => readonly string[] {
  let console: string[] = [];
  return (record) => {
    const { type, level, stream, status = '', action, documentStep } = record;
    const line = plainRecord(record);
    if (line === undefined) return [];
    if (debug) return [line];
    if (type === 'output' && stream === 'console' && level === 'debug') {
      if (record.text.trim() !== '') console = [...console.slice(1 - CONSOLE_LINES), line];
      return [];
    }
    if (level === 'debug') return [];
    // Its last lines are already in the log as a warning.
    if (stream === 'console') console = [];
    if (type !== 'step' || documentStep !== undefined) return [line];
    const tail = status === 'FAILED' && action === 'LaunchInstance' ? console : [];
    console = [];
    return [...tail, line];
  };
}
