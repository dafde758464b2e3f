import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exclusionReason, unitsBefore, type AmiFacts } from './lifecycle-exclusions.ts';

const NOW = Date.parse('2026-03-31T12:00:00Z');
const AMI: AmiFacts = {
  region: 'us-east-1',
  tags: { team: 'web' },
  isPublic: true,
  sharedAccounts: ['111122223333'],
  lastLaunched: Date.parse('2026-03-20T00:00:00Z'),
};

const CASES: readonly (readonly [rules: Parameters<typeof exclusionReason>[1], reason: RegExp | undefined])[] = [
  [undefined, undefined],
  [{}, undefined],
  [
    {
      regions: ['eu-west-1'],
      isPublic: false,
      tagMap: { team: 'other' },
      sharedAccounts: ['999999999999'],
      lastLaunched: { value: 1, unit: 'WEEKS' },
    },
    undefined,
  ],
  [{ regions: ['us-east-1'], isPublic: true }, /Region us-east-1/],
  [{ isPublic: true, tagMap: { team: 'web' } }, /Public/],
  [{ tagMap: { no: 'x', team: 'web' } }, /tag team=web/],
  [{ sharedAccounts: ['111122223333'] }, /shared with 111122223333/],
  [{ lastLaunched: { value: 2, unit: 'WEEKS' } }, /within the last 2 WEEKS/],
];
for (const [rules, reason] of CASES) {
  test(`excluded by ${JSON.stringify(rules)}: ${String(reason)}`, () => {
    const found = exclusionReason(AMI, rules, NOW);
    if (reason === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', reason);
  });
}

test('an AMI that was never launched was not launched recently', () => {
  const { lastLaunched: _, ...never } = AMI;
  assert.equal(exclusionReason(never, { lastLaunched: { value: 365, unit: 'YEARS' } }, NOW), undefined);
});

test('months and years follow the calendar', () => {
  for (const [value, unit, then] of [
    [31, 'DAYS', '2026-02-28'],
    [1, 'MONTHS', '2026-02-28'],
    [13, 'MONTHS', '2025-02-28'],
    [2, 'YEARS', '2024-03-31'],
  ] as const) {
    assert.equal(new Date(unitsBefore(NOW, value, unit)).toISOString().slice(0, 10), then);
  }
});
