import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePattern, PatternError, readPattern } from './pattern.ts';

const EVENT = {
  version: '0',
  id: '8f2d0b4e-1c7a-4a57-9a65-0d1c6f6f3c01',
  'detail-type': 'EC2 Image Builder Image State Change',
  source: 'aws.imagebuilder',
  account: '123456789012',
  time: '2026-01-18T17:50:56Z',
  region: 'us-east-1',
  resources: ['arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1'],
  detail: {
    'previous-state': { status: 'TESTING' },
    state: { status: 'AVAILABLE', reason: null },
    address: '10.1.2.3',
    count: 5,
    flag: true,
    empty: [],
    text: 'a*b\\c',
    list: [
      { name: 'one', size: 1 },
      { name: 'two', size: 2 },
    ],
  },
};

/** A pattern for `detail.NAME`. */
const field = (name: string, ...values: readonly unknown[]): unknown => ({ detail: { [name]: values } });
const status = (...values: readonly unknown[]): unknown => ({ detail: { state: { status: values } } });

const MATCHES: readonly unknown[] = [
  { source: ['aws.imagebuilder'] },
  { source: ['aws.ec2', 'aws.imagebuilder'], account: ['123456789012'] },
  { resources: [{ prefix: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/' }] },
  { resources: [{ suffix: '/1.0.0/1' }] },
  { resources: [{ wildcard: 'arn:*:image/*/1.0.0/*' }] },
  status('FAILED', 'AVAILABLE'),
  status({ prefix: 'AVAIL' }),
  status({ prefix: { 'equals-ignore-case': 'avail' } }),
  status({ suffix: { 'equals-ignore-case': 'able' } }),
  status({ 'equals-ignore-case': 'available' }),
  status({ 'anything-but': 'FAILED' }),
  status({ 'anything-but': ['FAILED', 'CANCELLED'] }),
  status({ 'anything-but': { prefix: 'FAIL' } }),
  status({ 'anything-but': { prefix: ['FAIL', 'CANC'] } }),
  status({ 'anything-but': { suffix: 'ED' } }),
  status({ 'anything-but': { 'equals-ignore-case': ['failed'] } }),
  status({ 'anything-but': { wildcard: '*ED' } }),
  status('FAILED', { prefix: 'AV' }),
  status({ exists: true }),
  { detail: { state: { reason: [null] } } },
  { detail: { state: { other: [{ exists: false }] } } },
  { detail: { absent: { inner: [{ exists: false }] } } },
  { detail: { state: [{ exists: false }] } },
  field('empty', { exists: false }),
  field('count', 5),
  field('count', { numeric: ['=', 5] }),
  field('count', { numeric: ['>', 4.5, '<=', 5] }),
  field('count', { numeric: ['>=', 5] }),
  field('count', { 'anything-but': [1, 2] }),
  field('flag', true),
  field('address', { cidr: '10.0.0.0/8' }),
  field('text', { wildcard: 'a\\*b\\\\*' }),
  { detail: { list: { name: ['two'], size: [2] } } },
  { detail: { list: { size: [{ numeric: ['<', 2] }] } } },
  { $or: [{ source: ['aws.ec2'] }, { region: ['us-east-1'] }], account: ['123456789012'] },
  { detail: { $or: [{ count: [4] }, { flag: [true] }] } },
];

const DIFFERENT: readonly unknown[] = [
  { source: ['aws.ec2'] },
  { source: ['aws.imagebuilder'], account: ['210987654321'] },
  { resources: [{ prefix: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web2/' }] },
  status('available'),
  status({ suffix: 'avail' }),
  status({ 'anything-but': 'AVAILABLE' }),
  status({ 'anything-but': { prefix: ['FAIL', 'AV'] } }),
  status({ 'anything-but': { wildcard: 'A*E' } }),
  status({ wildcard: 'AVAIL*LE*X' }),
  status({ wildcard: 'AVAILABLE*ABLE' }),
  status({ exists: false }),
  { detail: { state: [{ exists: true }] } },
  { detail: { other: [{ 'anything-but': 'x' }] } },
  { detail: { other: ['x'] } },
  { detail: { toString: [{ exists: true }] } },
  field('empty', { exists: true }),
  field('count', '5'),
  field('count', { numeric: ['>', 5] }),
  field('count', { prefix: '5' }),
  field('flag', 'true'),
  field('address', { cidr: '10.0.0.0/16' }),
  field('text', { wildcard: 'a\\*c' }),
  { detail: { list: { name: ['two'], size: [1] } } },
  { detail: { list: { name: [{ exists: false }] } } },
  { $or: [{ source: ['aws.ec2'] }, { region: ['us-east-1'] }], account: ['210987654321'] },
  { $or: [{ source: ['aws.ec2'] }, { region: ['us-east-2'] }] },
];

test('patterns that match', () => {
  for (const pattern of MATCHES) assert.equal(readPattern(pattern).matches(EVENT), true, JSON.stringify(pattern));
});

test('patterns that do not match', () => {
  for (const pattern of DIFFERENT) assert.equal(readPattern(pattern).matches(EVENT), false, JSON.stringify(pattern));
});

const FAULTS: readonly (readonly [pattern: unknown, fault: RegExp])[] = [
  [undefined, /^the pattern: must be a map/],
  [[], /^the pattern: must be a map/],
  [{}, /^the pattern: must not be empty/],
  [{ source: 'aws.imagebuilder' }, /^source: must be a list of values, such as \["aws.imagebuilder"\], or a map/],
  [{ source: [] }, /^source: must not be empty/],
  [{ detail: {} }, /^detail: must not be empty/],
  [status({ begins: 'x' }), /^detail\.state\.status\[0\]\.begins: unknown operator; expected one of prefix/],
  [status({ prefix: 'x', suffix: 'y' }), /^detail\.state\.status\[0\]: must be a value, or a map of one operator/],
  [status([]), /^detail\.state\.status\[0\]: must be a value/],
  [status({ prefix: 5 }), /\.prefix: must be a text/],
  [status({ exists: 'yes' }), /\.exists: must be true or false/],
  [status({ numeric: ['>'] }), /\.numeric: must be a comparison/],
  [status({ numeric: ['>', 5, '<', 1] }), /\.numeric: must be a comparison/],
  [status({ numeric: ['=', 6e9] }), /\.numeric: .* from -5000000000 to 5000000000/],
  [status({ cidr: '10.0.0.0' }), /\.cidr: must be a range of addresses/],
  [status({ wildcard: 'a**b' }), /\.wildcard: two \* in a row/],
  [status({ wildcard: 'a\\b' }), /\.wildcard: a backslash must stand before/],
  [status({ 'anything-but': ['a', 1] }), /\.anything-but: must be a text, a number, or a list/],
  [status({ 'anything-but': { numeric: ['=', 1] } }), /\.anything-but: must be values, or a map of one of prefix/],
  [status({ 'anything-but': { prefix: [] } }), /\.anything-but\.prefix: must not be empty/],
  [{ $or: [{ source: ['a'] }] }, /^\$or: must be a list of two or more maps/],
  [{ $or: [{ source: ['a'] }, {}] }, /^\$or\[1\]: must not be empty/],
  [{ source: ['x'.repeat(5000)] }, /more than 4096 characters/],
];

test('invalid patterns', () => {
  for (const [pattern, fault] of FAULTS)
    assert.throws(() => readPattern(pattern), { name: 'PatternError', message: fault }, JSON.stringify(pattern));
});

test('all faults of a pattern are reported', () => {
  assert.throws(
    () => readPattern({ source: 'x', account: [] }),
    (error) => error instanceof PatternError && error.faults.length === 2,
  );
  assert.throws(() => parsePattern('{"source":'), /^PatternError: the pattern is not JSON/);
});

test('alternatives of $or have a limit', () => {
  const or = (name: string): unknown => [...Array(11).keys()].map((each) => ({ [name]: [each] }));
  const pattern = { a: { $or: or('x') }, b: { $or: or('x') }, c: { $or: or('x') } };
  assert.throws(() => readPattern(pattern), /more than 1000 combinations/);
});

test('the time for a hostile text does not grow with the number of *', () => {
  const pattern = readPattern({ source: [{ wildcard: `${'*a'.repeat(500)}*b` }] });
  assert.equal(pattern.matches({ source: 'a'.repeat(100_000) }), false);
});
