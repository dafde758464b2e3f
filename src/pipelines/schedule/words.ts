/** Schedules in words. Pure. */

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth'];

/** `every 2 hours`, for a rate in milliseconds. */
export function rateWords(milliseconds: number): string {
  for (const [unit, size] of [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const) {
    const count = milliseconds / size;
    if (Number.isInteger(count)) return count === 1 ? `every ${unit}` : `every ${count} ${unit}s`;
  }
  return `every ${milliseconds} ms`;
}

/** The six fields of a valid cron expression in words: `every Sunday at 03:00`. */
export function cronWords(fields: readonly string[]): string {
  const [minute, hour, dayOfMonth, month, dayOfWeek, year] = fields as [string, string, string, string, string, string];
  const day = dayWords(dayOfMonth, dayOfWeek);
  const within = [
    ...(isAny(month) ? [] : [`in ${listed(month, monthName)}`]),
    ...(isAny(year) ? [] : [`in ${listed(year, (value) => value)}`]),
  ];
  const time = timeWords(minute, hour);
  const when = time.exact ? `${day || 'every day'} ${time.words}` : [time.words, day].filter(Boolean).join(', ');
  return [when, ...within].join(' ');
}

function isAny(field: string): boolean {
  return field === '*' || field === '?' || field === '*/1';
}

/** `exact` if the words name times of a day, so that the day must precede them. */
function timeWords(minute: string, hour: string): { readonly words: string; readonly exact: boolean } {
  const minutes = numbers(minute);
  const hours = numbers(hour);
  if (minutes !== undefined && hours !== undefined && minutes.length * hours.length <= 6) {
    const times = hours.flatMap((h) => minutes.map((m) => `${pad(h)}:${pad(m)}`));
    return { words: `at ${enumerated(times)}`, exact: true };
  }
  const within = isAny(hour) ? '' : ` ${hourWords(hour)}`;
  const step = /^(?:\*|0)\/(\d+)$/.exec(minute);
  if (isAny(minute)) return { words: `every minute${within}`, exact: false };
  if (step !== null && 60 % Number(step[1]) === 0) return { words: `every ${step[1]} minutes${within}`, exact: false };
  if (minute === '0' && hour === '*') return { words: 'every hour', exact: false };
  const stepped = /^(?:\*|0)\/(\d+)$/.exec(hour);
  if (minutes?.length === 1 && stepped !== null && 24 % Number(stepped[1]) === 0) {
    const at = minutes[0] === 0 ? '' : ` at minute ${minutes[0]}`;
    return { words: `every ${stepped[1]} hours${at}`, exact: false };
  }
  const at = `at minute ${listed(minute, (value) => value)}`;
  return { words: isAny(hour) ? `every hour ${at}` : `${at}${within}`, exact: false };
}

function hourWords(hour: string): string {
  const range = /^(\d+)-(\d+)$/.exec(hour);
  return range === null
    ? `of hour ${listed(hour, (value) => value)}`
    : `from ${pad(Number(range[1]))}:00 to ${pad(Number(range[2]))}:59`;
}

/** The numbers of a list, or `undefined` if the field is something else. */
function numbers(field: string): readonly number[] | undefined {
  const items = field.split(',');
  return items.every((item) => /^\d+$/.test(item)) ? items.map(Number).sort((a, b) => a - b) : undefined;
}

/** Empty for every day. If both fields are set, either day matches. */
function dayWords(dayOfMonth: string, dayOfWeek: string): string {
  const parts = [...(isAny(dayOfMonth) ? [] : [ofMonth(dayOfMonth)]), ...(isAny(dayOfWeek) ? [] : [ofWeek(dayOfWeek)])];
  return parts.join(' and ');
}

function ofMonth(field: string): string {
  const items = field.split(',').map((item) => {
    if (item === 'L') return 'the last day';
    if (item === 'LW') return 'the last weekday';
    if (item.startsWith('L-')) return `the day ${item.slice(2)} days before the last`.replace(/\b1 days/, '1 day');
    if (item.endsWith('W')) return `the weekday nearest to day ${Number(item.slice(0, -1))}`;
    return `day ${rangeWords(item, String)}`;
  });
  return `on ${enumerated(items)} of the month`;
}

function ofWeek(field: string): string {
  const items = field.split(',').map((item) => {
    if (item === 'L') return dayName('SUN');
    const nth = /^(\w+)#(\d)$/.exec(item);
    if (nth !== null) return `the ${ORDINALS[Number(nth[2]) - 1]} ${dayName(nth[1]!)} of the month`;
    if (item.length > 1 && item.endsWith('L')) return `the last ${dayName(item.slice(0, -1))} of the month`;
    return rangeWords(item, dayName);
  });
  return `${items[0]!.startsWith('the ') ? 'on' : 'every'} ${enumerated(items)}`;
}

function listed(field: string, name: (value: string) => string): string {
  return enumerated(field.split(',').map((item) => rangeWords(item, name)));
}

/** A range such as `2-4/2`, with names of days or months. */
function rangeWords(item: string, name: (value: string) => string): string {
  const [range, step] = item.split('/') as [string, string?];
  const [from, to] = range.split('-') as [string, string?];
  const words = from === '*' ? 'any' : to === undefined ? name(from) : `${name(from)} to ${name(to)}`;
  if (step === undefined) return words;
  return `${to === undefined && from !== '*' ? `${words} and on` : words}, each ${ordinal(Number(step))}`;
}

function ordinal(number: number): string {
  const ending = number % 100 >= 11 && number % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][number % 10] ?? 'th');
  return `${number}${ending}`;
}

function dayName(value: string): string {
  const index = DAY_NAMES.indexOf(value);
  return DAYS[index >= 0 ? index : Number(value) - 1]!;
}

function monthName(value: string): string {
  return MONTHS.find((month) => month.toUpperCase().startsWith(value)) ?? MONTHS[Number(value) - 1]!;
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

function enumerated(items: readonly string[]): string {
  return items.length === 1 ? items[0]! : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}
