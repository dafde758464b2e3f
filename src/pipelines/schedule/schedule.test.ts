import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFault, readSchedule } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const iso = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().replace(/:00\.000Z$/, 'Z');

/** Due times after a time, derived by hand from a calendar and the zone's daylight saving rules. */
const EXPECTED: readonly (readonly [expression: string, zone: string, from: string, expected: readonly string[]])[] = [
  ['cron(0 3 ? * SUN *)', 'Europe/Berlin', '2026-03-20T00:00Z', ['2026-03-22T02:00Z', '2026-03-29T01:00Z']],
  ['cron(0 0 ? * L *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-04T00:00Z', '2026-01-11T00:00Z']],
  ['cron(0 0 ? * 7 *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-03T00:00Z', '2026-01-10T00:00Z']],
  ['cron(0 9 ? * 2#1 *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-05T09:00Z', '2026-02-02T09:00Z']],
  ['cron(0 9 ? * fril *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-30T09:00Z', '2026-02-27T09:00Z']],
  ['cron(30 10 L * ? *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-31T10:30Z', '2026-02-28T10:30Z']],
  ['cron(30 10 LW * ? *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-30T10:30Z', '2026-02-27T10:30Z']],
  ['cron(0 9 L-3 * ? *)', 'UTC', '2027-12-29T00:00Z', ['2028-01-28T09:00Z', '2028-02-26T09:00Z', '2028-03-28T09:00Z']],
  ['cron(30 23 L-1 2 ? *)', 'Europe/Berlin', '2026-01-01T00:00Z', ['2026-02-27T22:30Z', '2027-02-27T22:30Z']],
  ['cron(0 0 L-30 * ? *)', 'UTC', '2026-01-02T00:00Z', ['2026-03-01T00:00Z', '2026-05-01T00:00Z']],
  [
    'cron(0 1 15,L-2,L * ? *)',
    'UTC',
    '2026-04-02T00:00Z',
    ['2026-04-15T01:00Z', '2026-04-28T01:00Z', '2026-04-30T01:00Z'],
  ],
  // Daylight saving begins on the day itself.
  ['cron(30 2 L-2 3 ? *)', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2027-03-29T00:30Z']],
  ['cron(0 0 1W * ? *)', 'UTC', '2026-08-01T01:00Z', ['2026-08-03T00:00Z', '2026-09-01T00:00Z']],
  ['cron(0 12 15W JAN,jul ? 2026-2027)', 'UTC', '2026-07-16T00:00Z', ['2027-01-15T12:00Z', '2027-07-15T12:00Z']],
  ['cron(0 0 29 2 ? *)', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
  ['cron(0 0 ? * 1/2 *)', 'UTC', '2026-01-02T00:00Z', ['2026-01-03T00:00Z', '2026-01-04T00:00Z', '2026-01-06T00:00Z']],
  // Five fields, as in AWS's own examples: every Sunday, and not every day.
  ['cron(0 0 * * SUN)', 'UTC', '2026-01-01T00:00Z', ['2026-01-04T00:00Z', '2026-01-11T00:00Z']],
  ['cron(0 0 * * *)', 'UTC', '2026-01-01T00:00Z', ['2026-01-02T00:00Z', '2026-01-03T00:00Z']],
  // A time that daylight saving skips is due after the gap; one that it repeats is due once.
  ['cron(30 2 * * ? *)', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
  ['cron(30 2 * * ? *)', 'Europe/Berlin', '2026-10-24T12:00Z', ['2026-10-25T00:30Z', '2026-10-26T01:30Z']],
  ['cron(30 1 * * ? *)', 'America/New_York', '2026-10-31T12:00Z', ['2026-11-01T05:30Z', '2026-11-02T06:30Z']],
  ['cron(15 2 * * ? *)', 'Australia/Lord_Howe', '2026-10-02T12:00Z', ['2026-10-02T15:45Z', '2026-10-03T15:30Z']],
  ['cron(0 * * * ? *)', 'America/New_York', '2026-03-08T06:30Z', ['2026-03-08T07:00Z', '2026-03-08T08:00Z']],
];
for (const [expression, timezone, from, expected] of EXPECTED)
  test(`${expression} in ${timezone} after ${from}`, () => {
    const { next } = readSchedule({ expression, timezone });
    let time: number | undefined = at(from);
    const found: (string | undefined)[] = [];
    for (const _ of expected) found.push(iso((time = next(time!))));
    assert.deepEqual(found, expected);
  });

test('a rate counts from its anchor, whatever the clock says', () => {
  const { next, words } = readSchedule({ expression: 'rate(90 minutes)' }, at('2026-01-01T00:10Z'));
  assert.equal(iso(next(at('2026-01-01T00:10Z'))), '2026-01-01T01:40Z');
  assert.equal(iso(next(at('2026-01-01T01:40Z'))), '2026-01-01T03:10Z');
  assert.equal(iso(next(at('2026-01-03T00:00Z'))), '2026-01-03T00:10Z');
  assert.equal(iso(next(at('2025-12-31T00:00Z'))), '2026-01-01T01:40Z');
  assert.equal(words, 'every 90 minutes');
});

const WORDS: readonly (readonly [expression: string, words: string])[] = [
  ['cron(0 3 ? * SUN *)', 'every Sunday at 03:00, Europe/Berlin'],
  ['cron(0 0 * * ? *)', 'every day at 00:00, Europe/Berlin'],
  ['cron(0 6,18 ? * MON-FRI *)', 'every Monday to Friday at 06:00 and 18:00, Europe/Berlin'],
  ['cron(0/15 * * * ? *)', 'every 15 minutes, Europe/Berlin'],
  ['cron(0/15 8-18 ? * 2,4 *)', 'every 15 minutes from 08:00 to 18:59, every Monday and Wednesday, Europe/Berlin'],
  ['cron(0 * * * ? *)', 'every hour, Europe/Berlin'],
  ['cron(* * * * ? *)', 'every minute, Europe/Berlin'],
  ['cron(20 */6 * * ? *)', 'every 6 hours at minute 20, Europe/Berlin'],
  ['cron(0 9 ? * 3#2 *)', 'on the second Tuesday of the month at 09:00, Europe/Berlin'],
  ['cron(0 9 ? * 6L *)', 'on the last Friday of the month at 09:00, Europe/Berlin'],
  ['cron(0 9 1,15 * ? *)', 'on day 1 and day 15 of the month at 09:00, Europe/Berlin'],
  ['cron(0 9 L-3 * ? *)', 'on the day 3 days before the last of the month at 09:00, Europe/Berlin'],
  [
    'cron(0 9 LW JAN-MAR ? 2027)',
    'on the last weekday of the month at 09:00 in January to March in 2027, Europe/Berlin',
  ],
  ['cron(0 9 15W * ? *)', 'on the weekday nearest to day 15 of the month at 09:00, Europe/Berlin'],
  ['cron(0 0 * * SUN)', 'every Sunday at 00:00, Europe/Berlin'],
  ['rate(1 day)', 'every day'],
  ['rate(12 hours)', 'every 12 hours'],
];
for (const [expression, words] of WORDS)
  test(`${expression} in words`, () =>
    assert.equal(readSchedule({ expression, timezone: 'Europe/Berlin' }).words, words));

const FAULTS: readonly (readonly [expression: string, explanation: RegExp])[] = [
  ['cron(0 3 * * SUN *)', /day of week SUN, year \*\. cron\(0 3 \? \* SUN \*\) is every Sunday at 03:00, UTC\.$/],
  ['0 3 * * 1', /cron\(0 3 \? \* 1 \*\) is every Sunday at 03:00, UTC\.$/],
  ['rate(1 week)', /rate\(7 days\) is every 7 days\.$/],
  ['rate(1 days)', /It is 'rate\(1 day\)'.*rate\(1 day\) is every day\.$/],
  ['cron(0 0 L-31 * ? *)', /'L-31' is not a day of month/],
  ['cron(0 24 * * ? *)', /'24' is not an hour: 0 to 23.*It was read as: minute 0, hour 24,/],
  ['cron(0 0 31 2 ? *)', /is on day 31 of the month at 00:00 in February, UTC: no such time is to come/],
  ['cron(0 0 1 1 ? 2020)', /in 2020, UTC: no such time is to come/],
];
for (const [expression, explanation] of FAULTS)
  test(`${expression} is explained`, () =>
    assert.match(explainFault({ expression }, at('2026-11-30T00:00Z')) ?? '', explanation));

test('a valid expression has no fault', () =>
  assert.equal(explainFault({ expression: 'cron(0 3 ? * SUN *)', timezone: 'Europe/Berlin' }, 0), undefined));
