/** Log events. */
import type { PipelineLogRecord } from '../catalog/log-groups.ts';
import type { ProgressRecord } from '../resources/progress.ts';

/** The position of an event in the order of all events of a group. */
export interface EventPlace {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Key of its source: 16 hexadecimal digits. */
  readonly source: string;
  /** Offset of its first byte in a file, or its number in a table. */
  readonly at: number;
}

/** One event. */
export interface LogEvent extends EventPlace {
  /** Where the next event of its source begins. */
  readonly end: number;
  readonly stream: string;
  readonly message: string;
  /** The record that JSON patterns are matched with. */
  readonly record: unknown;
}

/** Compares two positions: negative if `a` is before `b`. */
export function comparePlaces(a: EventPlace, b: EventPlace): number {
  return a.time - b.time || (a.source < b.source ? -1 : a.source > b.source ? 1 : a.at - b.at);
}

/** The key of the last source as 20 digits: a page has many events of few sources. */
let lastSource = { key: '', digits: '' };

/** The id of an event: 56 digits, the length of AWS's. */
export function eventId({ time, source, at }: EventPlace): string {
  if (lastSource.key !== source) lastSource = { key: source, digits: String(BigInt(`0x${source}`)).padStart(20, '0') };
  return `3${String(time).padStart(15, '0')}${lastSource.digits}${String(at).padStart(20, '0')}`;
}

/**
 * The text of a record of an image's log. Output of commands has AWS's form (`Stdout: …`). All other text begins with
 * the level, so that the usual patterns (`ERROR`, `?WARN ?ERROR`) find it.
 * @returns `undefined` for records that these logs leave out: the serial console, debug messages, and progress of
 * transfers
 */
export function messageOf(record: ProgressRecord): string | undefined {
  const { type, level, stream, text, workflow, step, component, phase, documentStep } = record;
  if (level === 'debug' || type === 'progress') return undefined;
  if (type === 'output')
    return `${stream === 'stderr' ? 'Stderr' : stream === 'console' ? 'Console' : 'Stdout'}: ${text}`;
  const inDocument = [component, phase, documentStep].filter((part) => part !== undefined).join('/');
  const where = [workflow, step, inDocument].filter((part) => part !== undefined && part !== '').join(' ');
  return `${level.toUpperCase()} ${where === '' ? '' : `[${where}] `}${text}`;
}

/** The text of a record of a pipeline's log. */
export function pipelineMessage({ level, text }: PipelineLogRecord): string {
  return `${level.toUpperCase()} ${text}`;
}
