/** Durations in users' notation: an integer and a unit, such as `90m` or `7d`. */

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The seconds of a duration such as `45s`, `90m`, `24h` or `7d`; `undefined` for anything else. */
export function durationSeconds(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * UNITS[unit!]!;
}

/**
 * The message for an invalid duration.
 * @param what the option or the tag: `--keep-for`
 * @param also other possible values: `on, off`
 */
export function durationFault(what: string, value: string, also?: string): string {
  return (
    `invalid value '${value}' for ${what}: expected ${also === undefined ? '' : `${also} or `}a duration such as ` +
    '90m or 7d'
  );
}
