import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterPatternError, readFilterPattern } from './filter-pattern.ts';

const JSON_EVENT =
  '{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],' +
  '"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"cluster.name":"c","latency":250,' +
  '"ThisFlag":true,"user":{"id":1,"email":"John.Stiles@example.com"}}';
const ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';

// The examples of the user guide, and edge cases.
const CASES: readonly (readonly [pattern: string, message: string, matches: boolean])[] = [
  ['', 'anything', true],
  ['ERROR', '[ERROR 400] BAD REQUEST', true],
  ['ERROR', '[error 400]', false],
  ['ERROR ARGUMENTS', '[ERROR 419] MISSING ARGUMENTS', true],
  ['ERROR ARGUMENTS', '[ERROR 401] UNAUTHORIZED REQUEST', false],
  ['?ERROR ?ARGUMENTS', '[ERROR 401] UNAUTHORIZED REQUEST', true],
  ['?ERROR ?ARGUMENTS', 'MISSING ARGUMENTS', true],
  ['?ERROR ?ARGUMENTS', 'fine', false],
  ['?ERROR REQUEST', 'REQUEST', true],
  ['"INTERNAL SERVER ERROR"', '[ERROR 500] INTERNAL SERVER ERROR', true],
  ['"INTERNAL SERVER ERROR"', 'SERVER INTERNAL ERROR', false],
  ['"say \\"hi\\""', 'they say "hi"', true],
  ['ERROR -ARGUMENTS', '[ERROR 400] BAD REQUEST', true],
  ['ERROR -ARGUMENTS', '[ERROR 419] MISSING ARGUMENTS', false],
  ['-"BAD REQUEST"', '[ERROR 400] BAD REQUEST', false],
  ['%AUTHORIZED%', '[ERROR 401] UNAUTHORIZED REQUEST', true],
  ['%^[hc]at%', 'a hat', false],
  ['%colou?r%', 'color', true],
  ['%\\d{1,3}\\.\\d{1,3}%', 'at 10.2', true],
  ['-%4[0-9]{2}%', 'HTTP 404', false],
  ['[ip, user, username, timestamp, request, status_code = 404, bytes]', ACCESS, true],
  ['[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes > 1000]', ACCESS, true],
  ['[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes]', ACCESS, true],
  ['[ip, user, username, timestamp, request, status_code != 4*, bytes]', ACCESS, false],
  ['[..., status_code = 4*, bytes]', ACCESS, true],
  ['[ip=%127\\.0\\.0\\.[1-9]%, ...]', ACCESS, true],
  ['[ip, bytes]', ACCESS, false],
  ['[a = "x y", b = "[z", c]', '[x y] [z "w"', true],
  ['[a, b = w, c = "]"]', '[] w ]', true],
  ['{ $.eventType = "UpdateTrail" }', JSON_EVENT, true],
  ['{ $.eventType = UpdateTrail }', JSON_EVENT, true],
  ['{ $.eventType = "Update*" }', JSON_EVENT, true],
  ['{ $.eventType = "*Trial" }', JSON_EVENT, false],
  ['{ $.eventType = %Trail$% }', JSON_EVENT, true],
  ['{ $.sourceIPAddress != 123.123.* }', JSON_EVENT, true],
  ['{ $.missing != "x" }', JSON_EVENT, false],
  ['{ $.arrayKey[0] = "value" }', JSON_EVENT, true],
  ['{ $.arrayKey[*] = "another value" }', JSON_EVENT, true],
  ['{ $.objectList[1].id = 2 }', JSON_EVENT, true],
  ['{ $.latency >= 2.5e2 }', JSON_EVENT, true],
  ['{ $.latency < 250 }', JSON_EVENT, false],
  ['{ $.latency = 250 }', JSON_EVENT, true],
  ['{ $.SomeObject IS NULL }', JSON_EVENT, true],
  ['{ $.SomeOtherObject NOT EXISTS }', JSON_EVENT, true],
  ['{ $.ThisFlag IS TRUE }', JSON_EVENT, true],
  ['{ $.ThisFlag IS FALSE }', JSON_EVENT, false],
  ['{ $.[\'cluster.name\'] = "c" }', JSON_EVENT, true],
  ['{ ($.user.id = 1) && ($.user.email = "John.*") }', JSON_EVENT, true],
  ['{ $.user.id = 2 || ($.user.id = 1 && $.ThisFlag IS FALSE) }', JSON_EVENT, false],
  ['{ $.user.id = 2 && $.latency = 1 || $.ThisFlag IS TRUE }', JSON_EVENT, true],
  ['{ $.a = 1 }', 'not JSON', false],
];

for (const [pattern, message, matches] of CASES)
  test(`${pattern} ${matches ? 'matches' : 'does not match'} ${message.slice(0, 40)}`, () =>
    assert.equal(readFilterPattern(pattern)({ message, record: undefined }), matches));

test('JSON patterns look into the record of an event', () => {
  const event = { message: 'ERROR it failed', record: { level: 'error', type: 'log' } };
  assert.equal(readFilterPattern('{ $.level = "error" }')(event), true);
});

const WRONG = [
  ['{ $.a = }', /expected a value/],
  ['{ $.a }', /expected =, !=/],
  ['{ a = 1 }', /expected a selector/],
  ['{ $.a = 1', /expected '}' at its end/],
  ['{ $.a > x }', /compares numbers/],
  ['%a(b)%', /not allowed/],
  ['%[%', /not a valid regular expression/],
  ['[a, , b]', /is empty/],
  ['[a, b', /does not end/],
  ['[a = ]', /not a condition/],
  ['"open', /cannot be read/],
  ['x'.repeat(1025), /1025 characters/],
] as const;
for (const [pattern, message] of WRONG)
  test(`${pattern.slice(0, 20)} is rejected`, () =>
    assert.throws(
      () => readFilterPattern(pattern),
      (error) => error instanceof FilterPatternError && message.test(error.message),
    ));

test('many parentheses and repetitions are matched quickly', () => {
  assert.throws(() => readFilterPattern(`{ ${'('.repeat(1000)} }`), FilterPatternError);
  assert.equal(readFilterPattern('[a, b]')({ message: '[ '.repeat(500_000), record: 0 }), false);
  assert.equal(readFilterPattern('%a*a*a*a*a*b%')({ message: 'a'.repeat(50_000), record: 0 }), false);
});
