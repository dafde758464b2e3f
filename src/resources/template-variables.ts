/**
 * Template variables in AMI names, descriptions and tags: `{{ imagebuilder:buildDate }}`, the same with a date pattern
 * (`{{imagebuilder:buildDate:yyyyMMHHss}}`), and `{{ imagebuilder:buildVersion }}`. Spaces inside the braces are
 * ignored.
 */

/** The values of the variables. */
export interface TemplateValues {
  /** ISO-8601, UTC, with at most nanoseconds and `Z`: `2022-10-26T22:30:05.912Z`. */
  readonly buildDate: string;
  /** The number at the end of the image's ARN. */
  readonly buildVersion: number;
}

/** A variable is unknown, or a date pattern is invalid. The message names it. */
export class TemplateVariableError extends Error {
  override readonly name = 'TemplateVariableError';
}

const VARIABLE = /\{\{\s*imagebuilder:([^{}]*)\}\}/g;
const BUILD_DATE = /\{\{\s*imagebuilder:buildDate(?::[^{}]*|\s*)\}\}/;

/** A date in the format of AWS's AMI names: `2022-10-26T22-30-05.912619Z`. Missing digits are zeros. */
export function formatBuildDate(date: string): string {
  const { year, month, day, hour, minute, second, fraction } = dateParts(date);
  return `${year}-${month}-${day}T${hour}-${minute}-${second}.${fraction.slice(0, 6)}Z`;
}

/** Whether a text contains the build date, with or without a pattern. AMI names must, so that builds do not collide. */
export function namesBuildDate(text: string): boolean {
  return BUILD_DATE.test(text);
}

/**
 * Resolves variables; everything else is unchanged.
 * @throws {TemplateVariableError} for an unknown `imagebuilder:` variable
 */
export function substituteVariables(text: string, values: TemplateValues): string {
  return text.replace(VARIABLE, (whole, inside: string) => {
    const variable = inside.trimEnd();
    if (variable === 'buildDate') return formatBuildDate(values.buildDate);
    if (variable === 'buildVersion') return String(values.buildVersion);
    if (variable.startsWith('buildDate:'))
      return formatDate(variable.slice('buildDate:'.length).trim(), values.buildDate);
    throw new TemplateVariableError(
      `${whole} is an unknown variable; expected {{ imagebuilder:buildDate }}, {{ imagebuilder:buildDate:PATTERN }} ` +
        'or {{ imagebuilder:buildVersion }}',
    );
  });
}

/** The fault of the variables in a text, for validation at create; `undefined` if it is valid. */
export function variableFault(text: string): string | undefined {
  try {
    substituteVariables(text, { buildDate: '2000-01-01T00:00:00.000Z', buildVersion: 1 });
    return undefined;
  } catch (error) {
    if (error instanceof TemplateVariableError) return error.message;
    throw error;
  }
}

/**
 * Formats a date with a pattern like Java's date formats, which the service's examples use: `yyyy yy MM dd HH hh mm ss
 * SSS a DDD`; text in single quotes is literal.
 * @throws {TemplateVariableError} for other letters
 */
function formatDate(pattern: string, date: string): string {
  if (pattern === '')
    throw new TemplateVariableError('{{ imagebuilder:buildDate: }} has a colon and no date pattern after it');
  const { year, month, day, hour, minute, second, fraction } = dateParts(date);
  const hour12 = String(Number(hour) % 12 || 12);
  const dayOfYear = String(
    (Date.UTC(Number(year), Number(month) - 1, Number(day)) - Date.UTC(Number(year), 0, 0)) / 86_400_000,
  );
  return pattern.replace(
    /'([^']*)'|([A-Za-z])\2*/g,
    (run: string, quoted: string | undefined, letter: string | undefined) => {
      if (quoted !== undefined) return quoted === '' ? "'" : quoted;
      const padded = (value: string): string => String(Number(value)).padStart(run.length, '0');
      switch (letter) {
        case 'y':
        case 'Y':
          return run.length === 2 ? year.slice(-2) : padded(year);
        case 'M':
          if (run.length <= 2) return padded(month);
          break;
        case 'd':
          return padded(day);
        case 'D':
          return padded(dayOfYear);
        case 'H':
          return padded(hour);
        case 'h':
          return padded(hour12);
        case 'm':
          return padded(minute);
        case 's':
          return padded(second);
        case 'S':
          return fraction.slice(0, run.length).padEnd(run.length, '0');
        case 'a':
          return Number(hour) < 12 ? 'AM' : 'PM';
      }
      throw new TemplateVariableError(
        `'${run}' in the date pattern '${pattern}' is not supported: y, MM, d, D, H, h, m, s, S and a are, and ` +
          'text in single quotes',
      );
    },
  );
}

interface DateParts {
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  /** Nine digits. */
  readonly fraction: string;
}

function dateParts(date: string): DateParts {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/.exec(date);
  if (parts === null) throw new RangeError(`'${date}' is not an ISO-8601 date in UTC`);
  const [, year, month, day, hour, minute, second, fraction = ''] = parts as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  return { year, month, day, hour, minute, second, fraction: fraction.padEnd(9, '0') };
}
