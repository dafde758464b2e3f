/**
 * The constraints of the wire model (required members, lengths, patterns, ranges, enumerations, sizes of lists and
 * maps). They come from the copy of the service's API data in `data/` and are checked on a decoded input. All faults of
 * a request are reported at once.
 */
import { caseFault, sameButForCase } from '../policies/tag-keys.ts';
import { readFileSync } from 'node:fs';
import { ApiError, invalidParameterValues, type ValueFault } from '../resources/errors.ts';
import { withNewerMembers } from '../resources/newer-members.ts';
import type { Structure } from './codec.ts';
import type { OperationName } from './model.ts';

/** A shape of the API data. */
export interface Shape {
  readonly type: 'structure' | 'list' | 'map' | 'string' | 'integer' | 'long' | 'double' | 'boolean' | 'timestamp';
  readonly required?: readonly string[];
  readonly members?: Readonly<
    Record<string, { readonly shape: string; readonly location?: string; readonly locationName?: string }>
  >;
  readonly member?: string;
  readonly key?: string;
  readonly value?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly min?: number;
  readonly max?: number;
  readonly exception?: boolean;
  readonly error?: { readonly httpStatusCode: number };
}

/** The API data. */
export interface ApiData {
  readonly operations: Readonly<
    Record<
      OperationName,
      {
        readonly http: { readonly method: string; readonly requestUri: string };
        readonly input: string;
        readonly output: string;
        readonly errors: readonly string[];
      }
    >
  >;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** The API data, read from the files that come with Ingot, with the newer members. */
export const API_DATA = readApiData();

function readApiData(): ApiData {
  const data = JSON.parse(
    readFileSync(new URL('../../data/imagebuilder-api.json', import.meta.url), 'utf8'),
  ) as ApiData;
  return { ...data, shapes: withNewerMembers(data.shapes) };
}

/**
 * Maximum characters that a pattern is matched with. Longer values break their length constraint anyway, or are not
 * meaningful.
 */
const LONGEST_MATCHED = 65_536;

// Patterns apply to the whole value, with or without anchors, as in the service.
function compile(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

const compiled = new Map<string, RegExp>();

/** Whether a whole value matches a pattern of the model. */
export function matchesPattern(pattern: string, value: string): boolean {
  if (value.length > LONGEST_MATCHED) return false;
  let expression = compiled.get(pattern);
  if (!expression) compiled.set(pattern, (expression = compile(pattern)));
  return expression.test(value);
}

/** Shapes of tags. */
const TAG_MAPS: readonly string[] = ['TagMap', 'ResourceTagMap'];

interface Fault extends ValueFault {
  /** Name of the shape whose constraint the value violates. */
  readonly shape: string;
}

/**
 * Validates an input against every constraint of its operation.
 * @throws {ApiError} InvalidParameterValueException with all faults; for the tag operations, which do not model that
 * error, InvalidParameterException; if only a version number is wrong and the operation has an error for that,
 * InvalidVersionNumberException
 */
export function validateInput(operation: OperationName, input: Structure): void {
  const { input: shape, errors } = API_DATA.operations[operation];
  const faults: Fault[] = [];
  checkStructure(API_DATA.shapes[shape]!, input, '', faults);
  if (faults.length === 0) return;
  const error = invalidParameterValues(faults);
  if (errors.includes('InvalidParameterException'))
    throw new ApiError('InvalidParameterException', error.message, undefined, error.values);
  if (
    errors.includes('InvalidVersionNumberException') &&
    faults.every((fault) => fault.shape.endsWith('VersionNumber'))
  ) {
    throw new ApiError('InvalidVersionNumberException', error.message, undefined, error.values);
  }
  throw error;
}

function checkStructure(shape: Shape, value: Structure, path: string, faults: Fault[]): void {
  const at = (member: string): string => (path === '' ? member : `${path}.${member}`);
  for (const member of shape.required ?? []) {
    if (value[member] === undefined)
      faults.push({ path: at(member), shape: '', detail: `'${member}' must not be null`, reason: 'missing' });
  }
  for (const [member, target] of Object.entries(shape.members ?? {})) {
    if (value[member] !== undefined) check(target.shape, value[member], at(member), member, faults);
  }
}

function check(name: string, value: unknown, path: string, subject: string, faults: Fault[]): void {
  const shape = API_DATA.shapes[name]!;
  const fault = (what: string): void => void faults.push({ path, shape: name, detail: `'${subject}' ${what}` });
  switch (shape.type) {
    case 'structure':
      return checkStructure(shape, value as Structure, path, faults);
    case 'list': {
      const items = value as readonly unknown[];
      checkRange(shape, items.length, 'entries', fault);
      // A list that is too long is one fault, not a thousand.
      for (const [index, item] of items.slice(0, shape.max).entries())
        check(shape.member!, item, `${path}[${index}]`, subject, faults);
      return;
    }
    case 'map': {
      const entries = Object.entries(value as Structure);
      checkRange(shape, entries.length, 'entries', fault);
      const alike = TAG_MAPS.includes(name) ? sameButForCase(entries.map(([key]) => key)) : undefined;
      if (alike !== undefined) fault(caseFault(alike));
      for (const [key, item] of entries.slice(0, shape.max)) {
        check(shape.key!, key, `${path}.${key}`, 'key', faults);
        check(shape.value!, item, `${path}.${key}`, 'value', faults);
      }
      return;
    }
    case 'string':
      return checkString(shape, value as string, fault);
    case 'integer':
    case 'long':
      if (!Number.isSafeInteger(value)) return fault(`must be an integer, not ${String(value)}`);
      return checkRange(shape, value as number, '', fault);
    case 'double':
      return checkRange(shape, value as number, '', fault);
    case 'boolean':
    case 'timestamp':
  }
}

function checkString(shape: Shape, value: string, fault: (what: string) => void): void {
  if (shape.enum && !shape.enum.includes(value))
    return fault(`must be one of [${shape.enum.join(', ')}], not ${JSON.stringify(value.slice(0, 64))}`);
  const length = characters(value);
  checkRange(shape, length, 'characters', fault);
  if (
    shape.pattern !== undefined &&
    !(shape.max !== undefined && length > shape.max) &&
    !matchesPattern(shape.pattern, value)
  ) {
    fault(`must match pattern ${shape.pattern}`);
  }
}

// The model counts characters, not UTF-16 units.
function characters(value: string): number {
  let pairs = 0;
  for (const _ of value.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g)) pairs++;
  return value.length - pairs;
}

function checkRange({ min, max }: Shape, amount: number, unit: string, fault: (what: string) => void): void {
  if ((min === undefined || amount >= min) && (max === undefined || amount <= max)) return;
  const allowed =
    min === undefined
      ? `at most ${max}`
      : max === undefined
        ? `at least ${min}`
        : min === max
          ? `exactly ${min}`
          : `between ${min} and ${max}`;
  fault(unit === '' ? `must be ${allowed}, not ${amount}` : `must have ${allowed} ${unit}, not ${amount}`);
}
