/** Schedule expressions of pipelines. Source: reference, `resources.md` section 10. */

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of values, the first for `min`. */
  readonly names?: readonly string[];
  /** The form of other values of a field, besides numbers, ranges, steps and `*`. */
  readonly special?: RegExp;
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31, special: /^(L|LW|L-([1-9]|[12]\d|30)|(0?[1-9]|[12]\d|3[01])W)$/ },
  {
    name: 'month',
    min: 1,
    max: 12,
    names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  },
  {
    name: 'day of week',
    min: 1,
    max: 7,
    names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
    special: /^(L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5]))$/,
  },
  { name: 'year', min: 1970, max: 2199 },
];

/**
 * Whether a schedule expression is a cron expression with five fields, without the year. EC2 Image Builder requires six
 * today; its own CLI reference and public configurations have five.
 */
export function lacksYear(expression: string): boolean {
  return /^cron\(\S+(?: \S+){4}\)$/.test(expression);
}

/**
 * The six fields of a cron expression in upper case, in AWS's order: minute, hour, day of month, month, day of week,
 * year. With five fields the year is `*`. `undefined` for anything else.
 */
export function cronFields(expression: string): readonly string[] | undefined {
  const written = /^cron\((\S+(?: \S+){4,5})\)$/.exec(expression)?.[1]?.toUpperCase().split(' ');
  return written?.length === 5 ? [...written, '*'] : written;
}

/** Milliseconds between two runs of a `rate()`; `undefined` for anything else. */
export function rateMilliseconds(expression: string): number | undefined {
  const rate = /^rate\((\d{1,9}) (minute|hour|day)s?\)$/.exec(expression);
  if (rate === null) return undefined;
  return Number(rate[1]) * { minute: 60_000, hour: 3_600_000, day: 86_400_000 }[rate[2] as 'minute' | 'hour' | 'day'];
}

/** The fault of a schedule expression, as a sentence; `undefined` if it is valid. */
export function scheduleFault(expression: string): string | undefined {
  const rate = /^rate\((\d{1,9}) (minute|hour|day)(s?)\)$/.exec(expression);
  if (rate !== null) {
    if (Number(rate[1]) === 0) return 'A rate is at least 1.';
    return (Number(rate[1]) === 1) === (rate[3] === '')
      ? undefined
      : `It is 'rate(1 ${rate[2]})' and 'rate(2 ${rate[2]}s)'.`;
  }
  const five = lacksYear(expression);
  const fields = cronFields(expression);
  if (fields === undefined)
    return `'${expression}' is neither cron(minute hour day-of-month month day-of-week year) nor rate(number unit).`;
  const [dayOfMonth, dayOfWeek] = [fields[2], fields[4]];
  // Without the year, both may be given, as in `cron(0 0 * * SUN)`.
  if (five && dayOfMonth === '?' && dayOfWeek === '?') return 'One of day of month and day of week must not be ?.';
  if (!five && (dayOfMonth === '?') === (dayOfWeek === '?'))
    return 'One of day of month and day of week, and not both, must be ?.';
  for (const [index, field] of FIELDS.entries()) {
    const text = fields[index]!;
    if (text === '?' && (index === 2 || index === 4)) continue;
    const wrong = text.split(',').find((item) => !isItem(item, field));
    if (wrong !== undefined)
      return (
        `'${wrong}' is not ${field.name === 'hour' ? 'an' : 'a'} ${field.name}: ${field.min} to ` +
        `${field.max}${field.names === undefined ? '' : ` or ${field.names[0]} to ${field.names.at(-1)}`}, with , ` +
        '- * and /.'
      );
  }
  return undefined;
}

function isItem(item: string, field: Field): boolean {
  if (field.special?.test(item)) return true;
  const match = /^(?:\*|([A-Z]{3}|\d{1,4})(?:-([A-Z]{3}|\d{1,4}))?)(?:\/(\d{1,4}))?$/.exec(item);
  if (match === null) return false;
  const [, fromText, toText, step] = match as unknown as [string, string?, string?, string?];
  const from = fromText === undefined ? field.min : valueOf(fromText, field);
  const to = toText === undefined ? field.max : valueOf(toText, field);
  return (
    from !== undefined &&
    to !== undefined &&
    from <= to &&
    (step === undefined || (Number(step) >= 1 && Number(step) <= field.max))
  );
}

function valueOf(text: string, { min, max, names }: Field): number | undefined {
  const named = names?.indexOf(text) ?? -1;
  const value = named >= 0 ? named + min : /^\d+$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}
