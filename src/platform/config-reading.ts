/** Reading the parts of `config.yaml`: each fault goes on a list, with its place. Pure. */

/** A map with known members; empty where it is absent or wrong. */
export function section(value: unknown, place: string, known: readonly string[], faults: string[]): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    faults.push(`${place === '' ? 'the file' : place}: must be a map`);
    return {};
  }
  for (const name of Object.keys(value)) if (!known.includes(name)) faults.push(`${place === '' ? '' : `${place}.`}${name}: there is no such setting; there are ${known.join(', ')}`);
  return value as Readonly<Record<string, unknown>>;
}

/** A map whose keys are the user's; empty where it is absent or wrong. */
export function map(value: unknown, place: string, faults: string[]): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  faults.push(`${place}: must be a map`);
  return {};
}

/** A list; empty where it is absent or wrong. */
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

/** A text that is there and not empty, or `undefined` with a fault where it has to be there. */
export function text(value: unknown, place: string, faults: string[], required = false): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  if (value !== undefined || required) faults.push(value === undefined ? `${place}: is required` : `${place}: must be a text`);
  return undefined;
}
