import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesInTime } from './timed-match.ts';

test('an expression matches, does not, or takes too long', () => {
  assert.equal(matchesInTime(/^a+$/, 'aaa'), true);
  assert.equal(matchesInTime(/^a+$/, 'aab'), false);
  assert.equal(matchesInTime(/^(a+)+b$/, 'a'.repeat(200)), undefined);
});
