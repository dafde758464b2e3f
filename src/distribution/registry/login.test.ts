/** Logins from the files of Docker and Podman and from credential helpers. Errors reveal no secrets. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { registryLogin } from './login.ts';

describe('logins of registries', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot login '));
  const file = join(folder, 'config.json');
  const path = process.env['PATH'];
  const auth = Buffer.from('ann:pass:word').toString('base64');

  before(() => {
    process.env['PATH'] = `${folder}:${path}`;
    for (const [name, script] of [
      ['good', `read -r host; printf '{"ServerURL":"%s","Username":"AWS","Secret":"of %s"}' "$host" "$host"`],
      ['none', 'echo "credentials not found in native keychain"; exit 1'],
      ['bad', 'echo "hunter2 was wrong" >&2; exit 3'],
      ['odd', 'echo hunter2'],
    ] as const) {
      const program = join(folder, `docker-credential-${name}`);
      writeFileSync(program, `#!/bin/sh\n${script}\n`);
      chmodSync(program, 0o755);
    }
  });
  after(() => {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true });
  });

  const loginIn = (content: unknown, host = 'r.example') => {
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
    return registryLogin(host, file);
  };

  for (const [what, content, expected] of [
    ['an entry', { auths: { 'r.example': { auth } } }, { user: 'ann', password: 'pass:word' }],
    [
      'a user and a password',
      { auths: { 'r.example': { username: 'ann', password: 'x' } } },
      { user: 'ann', password: 'x' },
    ],
    ['an entry of another host', { auths: { 'other.example': { auth } } }, undefined],
    ['nothing', {}, undefined],
    [
      'a helper of the host, before an entry',
      { credHelpers: { 'r.example': 'good' }, auths: { 'r.example': { auth } } },
      { user: 'AWS', password: 'of r.example' },
    ],
    ['a helper of all', { credsStore: 'good', auths: { 'r.example': {} } }, { user: 'AWS', password: 'of r.example' }],
    ['a helper that knows none', { credsStore: 'none' }, undefined],
  ] as const)
    test(what, async () => assert.deepEqual(await loginIn(content), expected));

  for (const [what, content, message] of [
    ['no JSON', '{"auths": hunter2', /is not a JSON object$/],
    ['a list', [], /is not a JSON object$/],
    ['no pair', { auths: { 'r.example': { auth: 'aHVudGVyMg==' } } }, /auths\.r\.example\.auth is not USER:PASSWORD/],
    ['a helper that is a path', { credsStore: '../../bin/sh' }, /that is not a name$/],
    ['a helper that is not there', { credsStore: 'absent' }, /docker-credential-absent for r\.example could not/],
    ['a helper that fails', { credsStore: 'bad' }, /docker-credential-bad for r\.example ended with exit code 3$/],
    ['a helper that says something else', { credsStore: 'odd' }, /gave no Username and Secret$/],
  ] as const)
    test(`${what} is rejected, and the error quotes nothing of it`, async () => {
      await assert.rejects(loginIn(content), (error: Error) => {
        assert.equal(error.name, 'LoginError');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter2|aHVud/);
        return true;
      });
    });

  test('a missing file', async () => {
    await assert.rejects(registryLogin('r.example', join(folder, 'absent')), /absent cannot be read \(ENOENT\)$/);
  });
});
