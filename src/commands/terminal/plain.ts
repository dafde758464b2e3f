/** A record as a plain line, for what is not a terminal, and for `logs`. */
import type { ProgressRecord } from '../../resources/progress.ts';
import { duration, plainLine } from '../text.ts';

/** One line: time of day, where, what. `undefined` for records that only move a progress bar. */
export function plainRecord(record: ProgressRecord): string | undefined {
  if (record.type === 'progress') return undefined;
  const where =
    record.component !== undefined
      ? [record.component, record.phase, record.documentStep].filter((part) => part !== undefined).join('/')
      : (record.step ?? record.workflow ?? '');
  const prefix = `${record.time.slice(11, 19)} ${where === '' ? '' : `${plainLine(where)} `}`;
  const text = plainLine(record.text);
  if (record.type === 'output') return `${prefix}${record.stream === 'stderr' ? '! ' : '| '}${text}`;
  if (record.type === 'state') return `${prefix}== ${text}`;
  if (record.type === 'step')
    return `${prefix}-- ${text}${record.seconds === undefined ? '' : ` (${duration(record.seconds)})`}`;
  return `${prefix}${record.level === 'info' ? '' : `${record.level}: `}${text}`;
}
