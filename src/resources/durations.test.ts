import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationFault, durationSeconds } from './durations.ts';

for (const [text, seconds] of [
  ['45s', 45],
  ['90m', 5400],
  ['24h', 86_400],
  ['7d', 604_800],
  ['0h', 0],
  ['', undefined],
  ['7', undefined],
  ['d', undefined],
  ['1.5h', undefined],
  ['-1h', undefined],
  ['1w', undefined],
  ['1 h', undefined],
  ['1234567s', undefined],
] as const) {
  test(`'${text}' has ${seconds ?? 'no'} seconds`, () => assert.equal(durationSeconds(text), seconds));
}

test('a fault names the option, its value and the expected form', () => {
  assert.equal(
    durationFault('--cache-max-age', '10'),
    "invalid value '10' for --cache-max-age: expected a duration such as 90m or 7d",
  );
  assert.equal(
    durationFault('tag a', 'x', 'on, off'),
    "invalid value 'x' for tag a: expected on, off or a duration such as 90m or 7d",
  );
});
