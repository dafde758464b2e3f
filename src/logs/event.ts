/** Events of logs. */
import type { PipelineLogRecord } from '../catalog/log-groups.ts';
import type { ProgressRecord } from '../resources/progress.ts';

/** Where an event is in the order of all events of a group. */
export interface EventPlace {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Key of its source: 16 hexadecimal digits. */
  readonly source: string;
  /** Its first byte in a file, or its number in a table. */
  readonly at: number;
}

/** One event. */
export interface LogEvent extends EventPlace {
  /** Where the next one of its source begins. */
  readonly end: number;
  readonly stream: string;
  readonly message: string;
  /** What JSON patterns look into. */
  readonly record: unknown;
}

/** Negative when `a` is before `b`. */
export function comparePlaces(a: EventPlace, b: EventPlace): number {
  return a.time - b.time || (a.source < b.source ? -1 : a.source > b.source ? 1 : a.at - b.at);
}

/** An event's id, as long as AWS's: 56 digits. */
export function eventId({ time, source, at }: EventPlace): string {
  const digits = (value: bigint | number, length: number): string => String(value).padStart(length, '0');
  return `3${digits(time, 15)}${digits(BigInt(`0x${source}`), 20)}${digits(at, 20)}`;
}

/**
 * The text of a record of an image's log. Output of commands is as AWS has it (`Stdout: …`), the rest begins with the
 * level, so that the usual patterns (`ERROR`, `?WARN ?ERROR`) find it.
 * @returns `undefined` for what these logs leave out: the serial console, debugging, and how far a transfer is
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
