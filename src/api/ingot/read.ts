/**
 * Reads the requests of Ingot's own routes. All faults are collected. Unknown members are faults, because only Ingot
 * defines these requests.
 */
import { invalidParameterValues, type ValueFault } from '../../resources/errors.ts';
import { decodeJsonObject, decodeQuery, type Structure } from '../codec.ts';

/** Reads members of an object and collects every fault. Call `done` at the end. */
export interface Reader {
  /** A string of 1 to `max` characters (default: 4096) without NUL that matches the pattern. */
  string(
    name: string,
    options?: { readonly max?: number; readonly pattern?: RegExp; readonly expected?: string },
  ): string | undefined;
  required(
    name: string,
    options?: { readonly max?: number; readonly pattern?: RegExp; readonly expected?: string },
  ): string;
  integer(name: string, min: number, max: number): number | undefined;
  boolean(name: string): boolean | undefined;
  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined;
  strings(
    name: string,
    options: { readonly min?: number; readonly maxItems: number; readonly max?: number },
  ): readonly string[];
  /** An object with string values. */
  map(name: string, maxEntries: number): Readonly<Record<string, string>>;
  /** A list of objects, each read by `read`. */
  objects<T>(name: string, maxItems: number, read: (reader: Reader) => T): readonly T[];
  /** A required string that may be empty. */
  text(name: string, max: number): string;
  /** An object with any content. */
  structure(name: string): Structure;
  fault(name: string, detail: string): void;
}

/**
 * Reads a body.
 * @throws {ApiError} SerializationException if it is not a JSON object, InvalidParameterValueException with all faults
 */
export function readBody<T>(body: Uint8Array, read: (reader: Reader) => T): T {
  return readObject(decodeJsonObject(body), read);
}

/** Reads a query: strings, and texts that are integers or booleans as such. */
export function readQuery<T>(query: string, read: (reader: Reader) => T): T {
  const pairs = decodeQuery(query).filter(([name]) => !/^x-amz-/i.test(name));
  return readObject(
    Object.fromEntries(
      pairs.map(([name, value]) => [name, /^(0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : value]),
    ),
    read,
  );
}

function readObject<T>(object: Structure, read: (reader: Reader) => T): T {
  const faults: ValueFault[] = [];
  const result = readWithin(object, '', faults, read);
  if (faults.length > 0) throw invalidParameterValues(faults);
  return result;
}

function readWithin<T>(object: Structure, prefix: string, faults: ValueFault[], read: (reader: Reader) => T): T {
  const known = new Set<string>();
  const at = (name: string): string => `${prefix}${name}`;
  const fault = (name: string, detail: string): void => void faults.push({ path: at(name), detail });
  const take = (name: string): unknown => {
    known.add(name);
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return value === null ? undefined : value;
  };
  const text = (
    name: string,
    value: unknown,
    { max = 4096, pattern, expected }: Parameters<Reader['string']>[1] = {},
  ): string | undefined => {
    const given = typeof value === 'number' && prefix === '' && pattern ? String(value) : value;
    if (typeof given !== 'string' || given === '' || given.includes('\0'))
      return void fault(name, 'It must be a string of at least one character, without NUL.');
    if (given.length > max) return void fault(name, `It must have at most ${max} characters.`);
    if (pattern && !pattern.test(given))
      return void fault(name, `It must be ${expected ?? `like ${String(pattern)}`}.`);
    return given;
  };
  const reader: Reader = {
    fault,
    string(name, options) {
      const value = take(name);
      return value === undefined ? undefined : text(name, value, options);
    },
    required(name, options) {
      const value = take(name);
      if (value === undefined) fault(name, 'It is required.');
      return (value === undefined ? undefined : text(name, value, options)) ?? '';
    },
    integer(name, min, max) {
      const value = take(name);
      if (value === undefined) return undefined;
      if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
      return void fault(name, `It must be an integer between ${min} and ${max}.`);
    },
    boolean(name) {
      const value = take(name);
      return value === undefined || typeof value === 'boolean' ? value : void fault(name, 'It must be true or false.');
    },
    oneOf(name, values) {
      const value = take(name);
      if (value === undefined) return undefined;
      return values.find((allowed) => allowed === value) ?? void fault(name, `It must be one of ${values.join(', ')}.`);
    },
    strings(name, { min = 0, maxItems, max }) {
      const value = take(name) ?? [];
      if (!Array.isArray(value) || value.length < min || value.length > maxItems) {
        fault(name, `It must be a list of ${min} to ${maxItems} strings.`);
        return [];
      }
      return value.map((item, index) =>
        item === '' ? '' : (text(`${name}[${index}]`, item, max === undefined ? {} : { max }) ?? ''),
      );
    },
    map(name, maxEntries) {
      const value = take(name) ?? {};
      if (typeof value !== 'object' || Array.isArray(value) || Object.keys(value as object).length > maxEntries) {
        fault(name, `It must be an object of at most ${maxEntries} strings.`);
        return {};
      }
      for (const [key, item] of Object.entries(value as object)) {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || typeof item !== 'string' || item.includes('\0'))
          fault(`${name}.${key}`, 'It must be a variable name and a string without NUL.');
      }
      return value as Readonly<Record<string, string>>;
    },
    text(name, max) {
      const value = take(name);
      if (value === '') return '';
      return (value === undefined ? void fault(name, 'It is required.') : text(name, value, { max })) ?? '';
    },
    structure(name) {
      const value = take(name);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Structure;
      fault(name, 'It must be an object.');
      return {};
    },
    objects(name, maxItems, read) {
      const value = take(name) ?? [];
      if (
        !Array.isArray(value) ||
        value.length > maxItems ||
        value.some((item) => typeof item !== 'object' || item === null || Array.isArray(item))
      ) {
        fault(name, `It must be a list of at most ${maxItems} objects.`);
        return [];
      }
      return value.map((item, index) => readWithin(item as Structure, `${at(name)}[${index}].`, faults, read));
    },
  };
  const result = read(reader);
  for (const name of Object.keys(object)) if (!known.has(name)) fault(name.slice(0, 64), 'Unknown member.');
  return result;
}
