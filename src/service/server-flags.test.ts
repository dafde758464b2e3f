import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SERVER_FLAGS } from './server-flags.ts';

test('the launcher runs the server with the same flags as the commands', () => {
  const launcher = readFileSync(new URL('../../ingot', import.meta.url), 'utf8');
  assert.ok(launcher.includes(`flags='${SERVER_FLAGS.join(' ')}'`));
});
