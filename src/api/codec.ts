/**
 * Converts between the wire and the SDK's types, by the SDK's schemas. Unknown members are dropped and reported to the
 * caller; null is absent; a value of the wrong type is an error with its path. Timestamps are seconds on the wire and
 * `Date` inside; dates of resources are strings in both.
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { MOST_FAULTS, serializationError, toldFaults, type ApiError } from '../resources/errors.ts';
import { DEEPEST_JSON, isTooDeep } from '../resources/json.ts';
import { memberLocation, members, type Operation } from './model.ts';

/** The parts of a request that carry values. */
export interface WireRequest {
  /** The path as received, still percent-encoded, without the query. */
  readonly path: string;
  /** The query as received, without its question mark. */
  readonly query: string;
  readonly body: Uint8Array;
}

/** A decoded structure. */
export type Structure = Readonly<Record<string, unknown>>;

/**
 * Decodes percent-encoding. A plus sign stays a plus sign.
 * @throws {ApiError} SerializationException if the text is not UTF-8
 */
function decodeText(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw serializationError(`The ${what} is not valid percent-encoded UTF-8.`);
  }
}

/** Names and values of a query, decoded, in order. */
export function decodeQuery(query: string): readonly (readonly [name: string, value: string])[] {
  if (query === '') return [];
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      const [name, value] = at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
      return [decodeText(name, 'query'), decodeText(value, 'query')];
    });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** The JSON object in a body; an empty body is an empty object. @throws {ApiError} SerializationException */
export function decodeJsonObject(body: Uint8Array): Structure {
  if (body.length === 0) return {};
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw serializationError('The body is not valid UTF-8.');
  }
  if (isTooDeep(text)) throw serializationError(`The body nests lists and objects more than ${DEEPEST_JSON} deep.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw serializationError(`The body is not valid JSON: ${(error as Error).message}.`);
  }
  if (!isObject(value)) throw serializationError(`The body must be a JSON object, not ${describe(value)}.`);
  return value;
}

/**
 * Decodes the input of an operation from a request. Members that the request lacks are absent.
 * @param unknown collects the paths of unknown members of the body, which are dropped; the caller must report them
 * @throws {ApiError} SerializationException that names every value of a wrong type
 */
export function decodeInput(operation: Operation, request: WireRequest, unknown: string[] = []): Structure {
  const faults: string[] = [];
  const found: Found = { faults, unknown };
  const entries: [string, unknown][] = [];
  const located = locatedMembers(operation);
  const query = located.some(({ location }) => location === 'query') ? decodeQuery(request.query) : [];
  const takesBody = located.some(({ location }) => location === 'body');
  if (!takesBody && request.body.length > 0) throw serializationError(`${operation.name} takes no body.`);
  const body = takesBody ? decodeJsonObject(request.body) : {};
  for (const { member, schema, location, name } of located) {
    if (location === 'label') entries.push([member, decodeText(labelOf(operation, request.path, member), 'path')]);
    else if (location === 'query') {
      const values = query.filter(([key]) => key === name).map(([, value]) => value);
      if (values.length > 0) entries.push([member, fromQuery(schema, values, member, found)]);
    } else {
      const value = Object.hasOwn(body, name) ? body[name] : undefined;
      if (value !== undefined && value !== null) entries.push([member, fromJson(schema, value, member, found)]);
    }
  }
  if (takesBody) {
    const names = located.filter(({ location }) => location === 'body').map(({ name }) => name);
    tellUnknown(body, (name) => names.includes(name), '', unknown);
  }
  if (faults.length > 0) throw typeFaults(faults);
  return Object.fromEntries(entries);
}

/** What decoding collects beside the input. */
interface Found {
  /** Values of a wrong type. */
  readonly faults: string[];
  /** Paths of unknown members. */
  readonly unknown?: string[];
}

/** Maximum number of unknown members that are reported per request. */
const MOST_UNKNOWN = 20;

function tellUnknown(value: Structure, known: (name: string) => boolean, path: string, unknown: string[] = []): void {
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined || given === null || known(name)) continue;
    if (unknown.length >= MOST_UNKNOWN) return;
    unknown.push(`${path}${name.slice(0, 64).replaceAll(/[^!-~]/g, '?')}`);
  }
}

const located = new WeakMap<Operation, readonly Located[]>();

interface Located extends ReturnType<typeof memberLocation> {
  readonly member: string;
  readonly schema: NormalizedSchema;
}

function locatedMembers(operation: Operation): readonly Located[] {
  let found = located.get(operation);
  if (found === undefined)
    located.set(
      operation,
      (found = [...members(operation.input)].map(([member, schema]) => ({
        member,
        schema,
        ...memberLocation(schema),
      }))),
    );
  return found;
}

/**
 * The one label of an operation's URI is its last segment. It takes the rest of the path, with encoded or plain
 * slashes.
 */
function labelOf(operation: Operation, path: string, member: string): string {
  const prefix = operation.uri.slice(0, operation.uri.indexOf(`{${member}}`));
  return path.slice(prefix.length);
}

function typeFaults(faults: readonly string[]): ApiError {
  return serializationError(toldFaults(faults));
}

function fromQuery(schema: NormalizedSchema, values: readonly string[], path: string, found: Found): unknown {
  if (schema.isListSchema())
    return values.map((value, index) => fromQuery(schema.getValueSchema(), [value], `${path}[${index}]`, found));
  const value = values[0]!;
  if (schema.isStringSchema()) return value;
  if (schema.isBooleanSchema()) {
    if (value === 'true' || value === 'false') return value === 'true';
    return mismatch(path, 'true or false', value, found);
  }
  if (schema.isNumericSchema()) {
    const number = Number(value);
    return value.trim() !== '' && Number.isFinite(number) ? number : mismatch(path, 'a number', value, found);
  }
  throw new TypeError(`the query member ${path} has a schema that no query can carry`);
}

/**
 * Decodes a structure from JSON.
 * @param faults collects values of a wrong type
 */
export function decodeStructure(schema: NormalizedSchema, value: Structure, faults: string[]): Structure {
  return Object.fromEntries(
    [...members(schema)].flatMap(([name, member]) => {
      const given = Object.hasOwn(value, name) ? value[name] : undefined;
      return given === undefined || given === null ? [] : [[name, fromJson(member, given, name, { faults })]];
    }),
  );
}

function fromJson(schema: NormalizedSchema, value: unknown, path: string, found: Found): unknown {
  if (schema.isStructSchema()) {
    if (!isObject(value)) return mismatch(path, 'an object', value, found);
    const entries: [string, unknown][] = [];
    for (const [name, member] of members(schema)) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined;
      if (given !== undefined && given !== null)
        entries.push([name, fromJson(member, given, `${path}.${name}`, found)]);
    }
    tellUnknown(value, (name) => members(schema).has(name), `${path}.`, found.unknown);
    return Object.fromEntries(entries);
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) return mismatch(path, 'a list', value, found);
    const item = schema.getValueSchema();
    return value.map((given, index) => fromJson(item, given, `${path}[${index}]`, found));
  }
  if (schema.isMapSchema()) {
    if (!isObject(value)) return mismatch(path, 'an object', value, found);
    const item = schema.getValueSchema();
    return Object.fromEntries(
      Object.entries(value).map(([key, given]) => [key, fromJson(item, given, `${path}.${key}`, found)]),
    );
  }
  if (schema.isStringSchema()) return typeof value === 'string' ? value : mismatch(path, 'a string', value, found);
  if (schema.isBooleanSchema())
    return typeof value === 'boolean' ? value : mismatch(path, 'true or false', value, found);
  if (schema.isNumericSchema())
    return typeof value === 'number' && Number.isFinite(value) ? value : mismatch(path, 'a number', value, found);
  if (schema.isTimestampSchema()) {
    const date = new Date(typeof value === 'number' ? value * 1000 : NaN);
    return Number.isNaN(date.getTime()) ? mismatch(path, 'a time in seconds since 1970', value, found) : date;
  }
  if (schema.isBlobSchema())
    return typeof value === 'string' ? Buffer.from(value, 'base64') : mismatch(path, 'a base64 string', value, found);
  throw new TypeError(`${path} has a schema that this codec does not know`);
}

function mismatch(path: string, expected: string, value: unknown, { faults }: Found): undefined {
  if (faults.length <= MOST_FAULTS) {
    faults.push(
      `The value supplied for parameter '${path}' is not valid. It must be ${expected}, not ${describe(value)}.`,
    );
  }
  return undefined;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 64 ? `${value.slice(0, 64)}…` : value)}`;
  return `the ${typeof value} ${String(value)}`;
}

function isObject(value: unknown): value is Structure {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Encodes an output to a value for `JSON.stringify`. Undefined and null members are absent, as are members that the
 * model lacks.
 * @throws {TypeError} if a value does not have its schema's type: a bug of the handler
 */
export function encodeOutput(schema: NormalizedSchema, output: object): Structure {
  const encoded = encoderOf(schema)(output);
  // Encoded again, by the slow way that reports the path of the wrong value.
  return (encoded === MISFIT ? toJson(schema, output, schema.getName() ?? 'output') : encoded) as Structure;
}

/** Encodes a value, or returns `MISFIT` if it does not have its schema's type. */
type Encoder = (value: unknown) => unknown;

const MISFIT = Symbol('misfit');
const encoders = new WeakMap<object, Encoder>();

/**
 * The encoder for values of a schema. Reading the schema again for each value took longer than everything else in a
 * response.
 */
function encoderOf(schema: NormalizedSchema): Encoder {
  const key = schema.getSchema();
  if (typeof key !== 'object') return makeEncoder(schema);
  let found = encoders.get(key);
  if (found === undefined) encoders.set(key, (found = makeEncoder(schema)));
  return found;
}

function makeEncoder(schema: NormalizedSchema): Encoder {
  if (schema.isStructSchema()) {
    const names = [...members(schema).keys()];
    const encode = [...members(schema).values()].map(encoderOf);
    return (value) => {
      if (!isObject(value)) return MISFIT;
      const out: Record<string, unknown> = {};
      for (let index = 0; index < names.length; index++) {
        const given = value[names[index]!];
        if (given === undefined || given === null) continue;
        const encoded = encode[index]!(given);
        if (encoded === MISFIT) return MISFIT;
        out[names[index]!] = encoded;
      }
      return out;
    };
  }
  if (schema.isListSchema()) {
    const encode = encoderOf(schema.getValueSchema());
    return (value) => {
      if (!Array.isArray(value)) return MISFIT;
      const out = value.map(encode);
      return out.includes(MISFIT) ? MISFIT : out;
    };
  }
  if (schema.isMapSchema()) {
    const encode = encoderOf(schema.getValueSchema());
    return (value) => {
      if (!isObject(value)) return MISFIT;
      const entries = Object.entries(value)
        .filter(([, given]) => given !== undefined && given !== null)
        .map(([name, given]) => [name, encode(given)] as const);
      return entries.some(([, encoded]) => encoded === MISFIT) ? MISFIT : Object.fromEntries(entries);
    };
  }
  if (schema.isStringSchema()) return (value) => (typeof value === 'string' ? value : MISFIT);
  if (schema.isBooleanSchema()) return (value) => (typeof value === 'boolean' ? value : MISFIT);
  if (schema.isNumericSchema())
    return (value) => (typeof value === 'number' && Number.isFinite(value) ? value : MISFIT);
  if (schema.isTimestampSchema())
    return (value) => (value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() / 1000 : MISFIT);
  if (schema.isBlobSchema())
    return (value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : MISFIT);
  return () => MISFIT;
}

function toJson(schema: NormalizedSchema, value: unknown, path: string): unknown {
  const wrong = (): never => {
    throw new TypeError(`${path} is ${describe(value)}, which its schema does not allow`);
  };
  if (schema.isStructSchema()) {
    if (!isObject(value)) return wrong();
    const entries: [string, unknown][] = [];
    for (const [name, member] of members(schema)) {
      const given = value[name];
      if (given !== undefined && given !== null) entries.push([name, toJson(member, given, `${path}.${name}`)]);
    }
    return Object.fromEntries(entries);
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) return wrong();
    const item = schema.getValueSchema();
    return value.map((given, index) => toJson(item, given, `${path}[${index}]`));
  }
  if (schema.isMapSchema()) {
    if (!isObject(value)) return wrong();
    const item = schema.getValueSchema();
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, given]) => given !== undefined && given !== null)
        .map(([key, given]) => [key, toJson(item, given, `${path}.${key}`)]),
    );
  }
  if (schema.isStringSchema()) return typeof value === 'string' ? value : wrong();
  if (schema.isBooleanSchema()) return typeof value === 'boolean' ? value : wrong();
  if (schema.isNumericSchema()) return typeof value === 'number' && Number.isFinite(value) ? value : wrong();
  if (schema.isTimestampSchema())
    return value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() / 1000 : wrong();
  if (schema.isBlobSchema()) return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : wrong();
  return wrong();
}
