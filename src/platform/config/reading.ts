/** Helpers that parse parts of `config.yaml`. Each fault is added to a list, with its path. Pure. */

/** A map with known members; empty if it is absent or invalid. */
export function section(
  value: unknown,
  place: string,
  known: readonly string[],
  faults: string[],
): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    faults.push(`${place === '' ? 'the file' : place}: must be a map`);
    return {};
  }
  for (const name of Object.keys(value))
    if (!known.includes(name))
      faults.push(`${place === '' ? '' : `${place}.`}${name}: unknown setting; expected one of ${known.join(', ')}`);
  return value as Readonly<Record<string, unknown>>;
}

/** A map with arbitrary keys; empty if it is absent or invalid. */
export function map(value: unknown, place: string, faults: string[]): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  faults.push(`${place}: must be a map`);
  return {};
}

/** A list; empty if it is absent or invalid. */
export function list(value: unknown, place: string, faults: string[]): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value as unknown[];
  faults.push(`${place}: must be a list`);
  return [];
}

/** A list of texts. */
export function strings(value: unknown, place: string, faults: string[]): readonly string[] {
  return list(value, place, faults).flatMap((item, index) => {
    if (typeof item === 'string' && item !== '') return [item];
    faults.push(`${place}[${index}]: must be a text`);
    return [];
  });
}

/** In a list of accounts: every account. */
const EVERY_ACCOUNT = '*';

/** The accounts that may use something: a list, or a single one (default: `home`). */
export function accounts(value: unknown, place: string, faults: string[], home: string): readonly string[] {
  if (value === undefined || value === null) return [home];
  const given = Array.isArray(value) ? (value as readonly unknown[]) : [value];
  if (given.length > 0 && given.every((each) => typeof each === 'string' && /^(\d{12}|\*)$/.test(each))) {
    return given as readonly string[];
  }
  faults.push(`${place}: must be a list of accounts, each 12 digits in quotes, or '*' for every account`);
  return [];
}

/** Whether a list of accounts includes this one. */
export function isFor(list: readonly string[], account: string): boolean {
  return list.includes(account) || list.includes(EVERY_ACCOUNT);
}

/** A part of `config.yaml` belongs to other accounts. The message names it, and how the operator can grant it. */
export class NotGranted extends Error {
  override readonly name = 'NotGranted';

  /**
   * @param what `the instance profile 'builds'`
   * @param place path of its list in `config.yaml`: `instanceProfiles.builds.accounts`
   */
  constructor(what: string, account: string, place: string) {
    super(
      `${what} is not open to account ${account}: the operator of this server can add '${account}' to ` +
        `${place} in config.yaml`,
    );
  }
}

/** A text that is not empty; `undefined` otherwise, with a fault if it is required. */
export function text(value: unknown, place: string, faults: string[], required = false): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  if (value !== undefined || required)
    faults.push(value === undefined ? `${place}: is required` : `${place}: must be a text`);
  return undefined;
}
