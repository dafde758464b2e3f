import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import type { NormalizedSchema } from '@smithy/core/schema';
import { ERROR_STATUS } from '../resources/errors.ts';
import { memberLocation, members, OPERATIONS, type OperationName } from './model.ts';
import { census, handlers } from './operations/register.ts';
import { NOT_YET, notYetOperations } from './operations/not-yet.ts';
import { API_DATA, type Shape } from './validate.ts';

/**
 * Differences between the SDK and the API data. None at these versions; one that appears after an update must be
 * examined.
 */
const DIFFERENCES: readonly string[] = [];

test('the SDK and the API data have the same 77 operations', () => {
  assert.equal(OPERATIONS.size, 77);
  assert.deepEqual([...OPERATIONS.keys()].sort(), Object.keys(API_DATA.operations).sort());
});

test('methods, URIs, members, types and locations are the same in the SDK and the API data', () => {
  const differences: string[] = [];
  for (const operation of OPERATIONS.values()) {
    const { http, input, output } = API_DATA.operations[operation.name];
    if (operation.method !== http.method || operation.uri !== http.requestUri)
      differences.push(`${operation.name}: ${operation.method} ${operation.uri}`);
    compare(operation.input, input, operation.name, differences, true);
    compare(operation.output, output, `${operation.name} response`, differences, false);
  }
  assert.deepEqual(differences, DIFFERENCES);
});

function compare(
  schema: NormalizedSchema,
  shapeName: string,
  path: string,
  differences: string[],
  located: boolean,
  seen = new Set<string>(),
): void {
  const shape = API_DATA.shapes[shapeName]!;
  if (kindOf(schema) !== kindOfShape(shape))
    return void differences.push(`${path}: ${kindOf(schema)} in the SDK, ${kindOfShape(shape)} in the data`);
  if (seen.has(shapeName)) return;
  const within = new Set(seen).add(shapeName);
  if (shape.type === 'list') compare(schema.getValueSchema(), shape.member!, `${path}[]`, differences, false, within);
  if (shape.type === 'map') compare(schema.getValueSchema(), shape.value!, `${path}{}`, differences, false, within);
  if (shape.type !== 'structure') return;
  const [inSdk, inData] = [members(schema), shape.members ?? {}];
  for (const name of new Set([...inSdk.keys(), ...Object.keys(inData)])) {
    const [member, target] = [inSdk.get(name), inData[name]];
    if (!member || !target) {
      differences.push(`${path}.${name}: only in the ${member ? 'SDK' : 'data'}`);
      continue;
    }
    const { location, name: wireName } = memberLocation(member);
    const expected = { uri: 'label', querystring: 'query' }[target.location ?? ''] ?? 'body';
    if (located && (location !== expected || wireName !== (target.locationName ?? name)))
      differences.push(`${path}.${name}: ${location} ${wireName} in the SDK`);
    compare(member, target.shape, `${path}.${name}`, differences, false, within);
  }
}

function kindOf(schema: NormalizedSchema): string {
  if (schema.isStructSchema()) return 'structure';
  if (schema.isListSchema()) return 'list';
  if (schema.isMapSchema()) return 'map';
  if (schema.isStringSchema()) return 'string';
  if (schema.isBooleanSchema()) return 'boolean';
  if (schema.isNumericSchema()) return 'number';
  return schema.isTimestampSchema() ? 'timestamp' : 'other';
}

function kindOfShape({ type }: Shape): string {
  return type === 'integer' || type === 'long' || type === 'double' ? 'number' : type;
}

test('mutating operations run in a transaction, reading ones do not', () => {
  const reading = [...OPERATIONS.values()].filter(({ mutating }) => !mutating).map(({ name }) => name);
  assert.ok(
    reading.every((name) => /^(Get|List)/.test(name)),
    reading.join(),
  );
  assert.ok([...OPERATIONS.values()].every(({ name, mutating }) => mutating || /^(Get|List)/.test(name)));
  assert.equal(OPERATIONS.get('TagResource')?.mutating, true);
  assert.equal(OPERATIONS.get('ListTagsForResource')?.mutating, false);
});

test('a label is at the end of its URI, as routing expects', () => {
  for (const { uri, input } of OPERATIONS.values()) {
    const labels = [...members(input).values()].filter((member) => memberLocation(member).location === 'label');
    assert.equal(labels.length, uri.includes('{') ? 1 : 0, uri);
    if (labels.length > 0) assert.ok(uri.endsWith(`/{${labels[0]!.getMemberName()}}`), uri);
  }
});

test('every operation is either implemented or listed as not implemented, never both', () => {
  assert.equal(new Set<OperationName>(NOT_YET).size, NOT_YET.length);
  assert.deepEqual(Object.keys(handlers).sort(), [...OPERATIONS.keys()].sort());
  for (const name of NOT_YET)
    assert.equal(handlers[name], notYetOperations[name], `${name} is written: take it out of NOT_YET`);
  const { supported, notYet } = census();
  assert.equal(supported.length + notYet.length, 77);
});

test('the error catalogue has every error of the model, with its status', () => {
  const modelled = Object.entries(API_DATA.shapes).filter(([, shape]) => shape.exception);
  assert.equal(modelled.length, 20);
  for (const [code, { error }] of modelled)
    assert.equal((ERROR_STATUS as Record<string, number>)[code], error?.httpStatusCode, code);
});
