import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCredentials, readCredentials } from './credentials.ts';

test('a key pair is created once, readable by its owner only, and concurrent callers get the same', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-credentials-'));
  t.after(() => rm(directory, { recursive: true }));
  assert.equal(await readCredentials(directory), undefined);

  const [first, second] = await Promise.all([loadCredentials(directory), loadCredentials(directory)]);

  assert.deepEqual(first, second);
  assert.match(first.accessKeyId, /^INGT[A-Z2-7]{16}$/);
  assert.equal(first.secretAccessKey.length, 40);
  assert.equal((await stat(join(directory, 'credentials.json'))).mode & 0o777, 0o600);
  assert.deepEqual(await readCredentials(directory), first);
});

test('a damaged file is an error that does not quote it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-credentials-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'credentials.json'), '{"secretAccessKey": "hunter2"');

  await assert.rejects(
    loadCredentials(directory),
    (error: Error) => /is not JSON/.test(error.message) && !error.message.includes('hunter2'),
  );
});
