import assert from 'node:assert/strict';
import { test } from 'node:test';
import { updatesText } from './outdated.ts';

const image = 'arn:aws:imagebuilder:eu-west-1:123456789012:image/web/1.0.0/1';

test("outdated packages are a table, with the newest version's suite and security updates marked", () => {
  const updates = [
    { name: 'curl', installed: '1-1', available: '1-2', suite: 'bookworm-security', security: true },
    { name: 'wget', installed: '1-1', available: '1-3', suite: 'bookworm', security: true },
    { name: 'zsh', installed: '1-1', available: '1-2', suite: 'bookworm-updates', security: false },
  ];
  assert.equal(
    updatesText({ image, updates }),
    'PACKAGE  INSTALLED  AVAILABLE  FROM\n' +
      'curl     1-1        1-2        bookworm-security\n' +
      'wget     1-1        1-3        bookworm (security)\n' +
      'zsh      1-1        1-2        bookworm-updates\n' +
      'web/1.0.0/1: 3 packages are outdated, 2 with security updates\n',
  );
  assert.equal(updatesText({ image, updates: [] }), 'web/1.0.0/1: nothing is outdated\n');
});
