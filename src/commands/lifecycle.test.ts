import assert from 'node:assert/strict';
import { test } from 'node:test';
import { previewText, runText } from './lifecycle.ts';

const arn = (build: number): string => `arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/${build}`;

test('a preview shows the action for each image, with reason and time', () => {
  const decisions = [
    { arn: arn(2), action: 'KEEP' as const, why: 'It is number 1 of the 1 that are kept.' },
    { arn: arn(1), action: 'DELETE' as const, why: 'There is 1 newer one.' },
  ];
  assert.equal(
    previewText({ policy: 'p', next: '2026-12-01T00:00:00.000Z', decisions }),
    'IMAGE        ACTION  WHY\n' +
      'web/1.0.0/2  KEEP    It is number 1 of the 1 that are kept.\n' +
      'web/1.0.0/1  DELETE  There is 1 newer one.\n' +
      '1 of 2 images would change; it runs by itself at 2026-12-01T00:00:00.000Z\n',
  );
  assert.equal(
    previewText({ policy: 'p', decisions: [] }),
    'the policy selects no images; it is DISABLED and does not run by itself\n',
  );
});

test('a run shows what it did', () => {
  assert.equal(
    runText('lce-1', [{ resourceId: arn(1), action: { name: 'DELETE' }, state: { status: 'SUCCESS' } }]),
    'IMAGE        ACTION  RESULT   REASON\nweb/1.0.0/1  DELETE  SUCCESS\nlce-1\n',
  );
  assert.equal(runText('lce-1', []), 'lce-1: nothing to do\n');
});
