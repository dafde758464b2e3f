import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lacksYear, scheduleFault } from './schedules.ts';

const GOOD = [
  'rate(1 minute)',
  'rate(2 hours)',
  'rate(30 days)',
  'cron(0 0 * * ? *)',
  'cron(0/15 8-18 ? * MON-FRI *)',
  'cron(30 10 L * ? *)',
  'cron(0 12 15W JAN,jul ? 2026-2030)',
  'cron(0 9 ? * 2#1 *)',
  'cron(0 9 ? * 6L *)',
  'cron(5,10,15 */2 1-7 2/3 ? 2199)',
  'cron(0 0 ? * L *)',
  // Five fields; the first one is in AWS's CLI reference.
  'cron(0 0 * * SUN)',
  'cron(0 0 * * ?)',
  'cron(0 0 * * *)',
  'cron(30 2 ? * MON-FRI)',
];
for (const expression of GOOD)
  test(`${expression} is a schedule`, () => assert.equal(scheduleFault(expression), undefined));

const BAD: readonly (readonly [expression: string, fault: RegExp])[] = [
  ['sometimes', /neither cron/],
  ['cron(0 0 * *)', /neither cron/],
  ['cron(0 0 ? * ?)', /must not be \?/],
  ['cron(0 0 * * FUN)', /'FUN' is not a day of week/],
  ['cron(60 0 * * SUN)', /'60' is not a minute/],
  ['cron(0  0 * * ? *)', /neither cron/],
  ['rate(0 days)', /at least 1/],
  ['rate(1 days)', /rate\(1 day\)/],
  ['rate(2 day)', /rate\(2 days\)/],
  ['rate(1 week)', /neither cron/],
  ['cron(0 0 * * * *)', /not both/],
  ['cron(0 0 ? * ? *)', /not both/],
  ['cron(60 0 * * ? *)', /'60' is not a minute: 0 to 59/],
  ['cron(0 24 * * ? *)', /hour/],
  ['cron(0 0 32 * ? *)', /day of month/],
  ['cron(0 0 1 13 ? *)', /month/],
  ['cron(0 0 ? * 8 *)', /'8' is not a day of week/],
  ['cron(0 0 ? * MON#6 *)', /day of week/],
  ['cron(0 0 1 * ? 1969)', /year/],
  ['cron(0 0 20-10 * ? *)', /'20-10'/],
  ['cron(*/0 0 * * ? *)', /'\*\/0'/],
  ['cron(0 ? 1 * ? *)', /hour/],
  ['cron(0,,1 0 * * ? *)', /'' is not a minute/],
];
for (const [expression, fault] of BAD)
  test(`${expression} is invalid`, () => assert.match(scheduleFault(expression) ?? '', fault));

test('five fields are distinguished from six', () => {
  for (const [expression, lacks] of [
    ['cron(0 0 * * SUN)', true],
    ['cron(0 0 ? * SUN *)', false],
    ['rate(1 day)', false],
  ] as const)
    assert.equal(lacksYear(expression), lacks, expression);
});
