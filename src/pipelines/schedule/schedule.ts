/**
 * Schedule expressions. The library `croner` evaluates them after a translation to its syntax. Pure: the caller passes
 * the time. Source: reference, `resources.md` section 10 and `newer-members.md`.
 */
import { Cron } from 'croner';
import { cronFields, lacksYear, rateMilliseconds, scheduleFault } from '../../resources/schedules.ts';
import { cronWords, rateWords } from './words.ts';

/** A parsed schedule. Times are milliseconds since 1970. */
export interface Schedule {
  /** The first due time after `time`, or `undefined` if there is none. */
  next(time: number): number | undefined;
  /** `every Sunday at 03:00, Europe/Berlin`. */
  readonly words: string;
}

/** The schedule of a pipeline. */
export interface ScheduleText {
  /** `cron(…)` or `rate(…)`. */
  readonly expression: string;
  /** IANA name (default: UTC). */
  readonly timezone?: string | undefined;
}

/** Maximum number of cached schedules: the same expressions are read again and again. */
const KEPT = 20_000;
const kept = new Map<string, Schedule>();

/**
 * Parses a schedule.
 * @param anchor what a `rate` counts from, in milliseconds since 1970; a cron expression needs none
 * @throws {RangeError} with the fault as a sentence; validated expressions have none
 */
export function readSchedule({ expression, timezone = 'UTC' }: ScheduleText, anchor = 0): Schedule {
  const every = rateMilliseconds(expression);
  if (every !== undefined && scheduleFault(expression) === undefined)
    return {
      next: (time) => anchor + Math.max(1, Math.floor((time - anchor) / every) + 1) * every,
      words: rateWords(every),
    };
  const key = `${timezone}\0${expression}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  if (kept.size >= KEPT) kept.clear();
  const schedule = readCron(expression, timezone);
  kept.set(key, schedule);
  return schedule;
}

function readCron(expression: string, timezone: string): Schedule {
  const fault = scheduleFault(expression);
  const fields = cronFields(expression);
  if (fault !== undefined || fields === undefined)
    throw new RangeError(fault ?? `'${expression}' is not a valid schedule.`);
  const words = `${cronWords(fields)}, ${timezone}`;
  const plain = (days: string): Schedule['next'] => {
    const changed = fields.with(2, days);
    const cron = new Cron(`0 ${asCroner(changed, lacksYear(expression))}`, {
      alternativeWeekdays: true,
      sloppyRanges: true,
      mode: '7-part',
      paused: true,
      timezone,
    });
    return (time) => cron.nextRun(new Date(time))?.getTime();
  };
  // The library does not know days before the last of a month: each is a schedule of its own.
  const items = fields[2]!.split(',');
  const others = items.filter((item) => !item.startsWith('L-'));
  if (others.length === items.length) return { next: plain(fields[2]!), words };
  const all = items
    .filter((item) => item.startsWith('L-'))
    .map((item) => beforeLast(Number(item.slice(2)), timezone, plain));
  if (others.length > 0) all.push(plain(others.join(',')));
  return {
    next(time) {
      const found = all.map((next) => next(time)).filter((each) => each !== undefined);
      return found.length === 0 ? undefined : Math.min(...found);
    },
    words,
  };
}

/**
 * The due times on the day that is a number of days before the last one of its month: those of the days that it can be,
 * if that is the day of this month.
 */
function beforeLast(count: number, timezone: string, plain: (days: string) => Schedule['next']): Schedule['next'] {
  const next = plain(`${Math.max(1, 28 - count)}-${31 - count}`);
  const local = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  return (time) => {
    for (let due = next(time); due !== undefined; ) {
      const parts = Object.fromEntries(local.formatToParts(due).map(({ type, value }) => [type, Number(value)]));
      const { year, month, day, hour, minute } = parts as Readonly<Record<string, number>>;
      if (day === new Date(Date.UTC(year!, month!, 0)).getUTCDate() - count) return due;
      // To the end of that day, less what daylight saving may take from it.
      const left = (24 - hour!) * 60 - minute! - DAYLIGHT_MINUTES;
      due = next(due + Math.max(0, left) * 60_000);
    }
    return undefined;
  };
}

/** The most by which a day's length differs from 24 hours. */
const DAYLIGHT_MINUTES = 120;

/**
 * Translates to croner's syntax. `L` alone as a day of the week is Sunday, according to EC2 Image Builder's
 * documentation. If five fields set both days, croner accepts either of them, as cron does.
 */
function asCroner(fields: readonly string[], five: boolean): string {
  const [minute, hour, dayOfMonth, month, dayOfWeek, year] = fields as [string, string, string, string, string, string];
  const weekdays = dayOfWeek
    .split(',')
    .map((item) => (item === 'L' ? 'SUN' : item))
    .join(',');
  const days = five && dayOfMonth === '*' && weekdays !== '*' ? '?' : dayOfMonth;
  return [minute, hour, days, month, weekdays, year].join(' ');
}

/**
 * Explains the fault of a schedule to its author: what is wrong, how the fields were read, and what was probably meant.
 * `undefined` if the schedule is valid.
 * @param time a schedule that is never due after it is invalid too
 */
export function explainFault({ expression, timezone }: ScheduleText, time: number): string | undefined {
  const fault = scheduleFault(expression);
  if (fault !== undefined) return [fault, fieldsRead(expression), meant({ expression, timezone })].join('').trimEnd();
  const schedule = readSchedule({ expression, timezone }, time);
  if (schedule.next(time) !== undefined) return undefined;
  return `'${expression}' is ${schedule.words}: no such time is to come.`;
}

const FIELD_NAMES = ['minute', 'hour', 'day of month', 'month', 'day of week', 'year'];

function fieldsRead(expression: string): string {
  const fields = cronFields(expression);
  return fields === undefined
    ? ' '
    : ` It was read as: ${fields.map((field, index) => `${FIELD_NAMES[index]} ${field}`).join(', ')}. `;
}

/** A valid schedule that is similar to an invalid one. */
function meant({ expression, timezone }: ScheduleText): string {
  const bare = /^\s*(?:cron\()?([^()]+?)\)?\s*$/i.exec(expression)?.[1]?.split(/\s+/);
  const candidates: string[] = [];
  if (bare?.length === 5 || bare?.length === 6) {
    const [minute, hour, dayOfMonth, month, dayOfWeek, year = '*'] = bare as [string, string, string, string, string];
    const weekly = dayOfWeek !== '*' && dayOfWeek !== '?';
    for (const days of weekly
      ? [
          ['?', dayOfWeek],
          [dayOfMonth, '?'],
        ]
      : [[dayOfMonth, '?']])
      candidates.push(
        `cron(${[minute, hour, days[0]!.replace(/^\?$/, weekly ? '?' : '*'), month, days[1], year].join(' ')})`,
      );
  }
  const rate = /^\s*rate\(\s*(\d{1,6})\s*(minute|hour|day|week)s?\s*\)\s*$/i.exec(expression);
  if (rate !== null) {
    const weeks = rate[2]!.toLowerCase() === 'week';
    const count = Math.max(1, Number(rate[1])) * (weeks ? 7 : 1);
    candidates.push(`rate(${count} ${weeks ? 'day' : rate[2]!.toLowerCase()}${count === 1 ? '' : 's'})`);
  }
  const right = candidates.find((each) => each !== expression && scheduleFault(each) === undefined);
  return right === undefined ? '' : `${right} is ${readSchedule({ expression: right, timezone }).words}.`;
}
