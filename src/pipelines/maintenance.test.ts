import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMaintenance, windowNow } from './maintenance.ts';

const at = (text: string): number => Date.parse(text);
const WINDOWS = readMaintenance([
  {
    name: 'weekend',
    tags: { stage: 'production' },
    begins: 'cron(0 18 ? * FRI *)',
    lasts: '60h',
    timezone: 'Europe/Berlin',
  },
  { begins: 'cron(0 12 * * ? *)', lasts: '30m' },
]);

for (const [time, tags, expected] of [
  // Friday 18:00 in Berlin is 17:00 in winter, 16:00 in summer.
  ['2026-12-04T16:59:00Z', { stage: 'production' }, undefined],
  ['2026-12-04T17:00:00Z', { stage: 'production' }, ['weekend', '2026-12-07T05:00:00.000Z']],
  ['2026-07-03T16:00:00Z', { stage: 'production' }, ['weekend', '2026-07-06T04:00:00.000Z']],
  ['2026-12-07T05:00:00Z', { stage: 'production' }, undefined],
  ['2026-12-04T17:00:00Z', { stage: 'test' }, undefined],
  // Two windows at once: the later end counts.
  ['2026-12-05T12:10:00Z', { stage: 'production' }, ['weekend', '2026-12-07T05:00:00.000Z']],
  ['2026-12-02T12:10:00Z', {}, ['maintenance 2', '2026-12-02T12:30:00.000Z']],
] as const)
  test(`${time} with ${JSON.stringify(tags)}`, () => {
    const found = windowNow(WINDOWS, tags, at(time));
    assert.deepEqual(
      found === undefined ? undefined : [found.name, new Date(found.ends).toISOString()],
      expected === undefined ? undefined : [...expected],
    );
  });

for (const [given, fault] of [
  [[{ begins: 'cron(0 18 * * FRI *)', lasts: '8h' }], /maintenance\[0\]\.begins: .*cron\(0 18 \? \* FRI \*\) is every/],
  [[{ begins: 'cron(0 18 ? * FRI *)' }], /maintenance\[0\]\.lasts: is required/],
  [[{ begins: 'cron(0 18 ? * FRI *)', lasts: 'long' }], /'long' is not a duration/],
  [
    [{ begins: 'cron(0 18 ? * FRI *)', lasts: '8h', timezone: 'Mars/Base' }],
    /maintenance\[0\]\.timezone: .*Mars\/Base/,
  ],
  [[{ begins: 'rate(1 day)', lasts: '8h' }], /a rate has no beginning/],
  [[{ starts: 'now', begins: 'cron(0 18 ? * FRI *)', lasts: '8h' }], /maintenance\[0\]\.starts: unknown setting/],
] as const)
  test(`${JSON.stringify(given)} is rejected`, () => assert.throws(() => readMaintenance(given), fault));
