import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEnded, isInProgress, isLegalMove, type ImageStatus } from './statuses.ts';

const ALL: readonly ImageStatus[] = [
  'PENDING',
  'CREATING',
  'BUILDING',
  'TESTING',
  'DISTRIBUTING',
  'INTEGRATING',
  'AVAILABLE',
  'CANCELLED',
  'FAILED',
  'DEPRECATED',
  'DELETED',
  'DISABLED',
];

test('each status has exactly these successors', () => {
  const expected: Record<string, string> = {
    PENDING: 'CREATING BUILDING TESTING DISTRIBUTING INTEGRATING CANCELLED FAILED',
    CREATING: 'PENDING BUILDING TESTING DISTRIBUTING INTEGRATING AVAILABLE CANCELLED FAILED',
    BUILDING: 'PENDING TESTING DISTRIBUTING INTEGRATING AVAILABLE CANCELLED FAILED',
    TESTING: 'PENDING DISTRIBUTING INTEGRATING AVAILABLE CANCELLED FAILED',
    DISTRIBUTING: 'PENDING INTEGRATING AVAILABLE CANCELLED FAILED',
    INTEGRATING: 'PENDING AVAILABLE CANCELLED FAILED',
    AVAILABLE: 'DEPRECATED DELETED DISABLED',
    DEPRECATED: 'AVAILABLE DELETED DISABLED',
    DISABLED: 'AVAILABLE DELETED',
    FAILED: 'PENDING DELETED',
    CANCELLED: 'PENDING DELETED',
    DELETED: '',
  };
  for (const from of ALL) assert.equal(ALL.filter((to) => isLegalMove(from, to)).join(' '), expected[from], from);
});

test('an image is either in progress or finished', () => {
  for (const status of ALL) assert.notEqual(isInProgress(status), isEnded(status));
  assert.deepEqual(ALL.filter(isInProgress), [
    'PENDING',
    'CREATING',
    'BUILDING',
    'TESTING',
    'DISTRIBUTING',
    'INTEGRATING',
  ]);
});
