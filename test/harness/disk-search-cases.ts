/** The search of a finished disk, on an instance of any kind: what is found, and what is left alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import { searchDisk, type DiskHit } from '../../src/guest/disk-search.ts';

const BASE64 = 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj';
const PEM = `-----BEGIN PRIVATE KEY-----\n${BASE64}\n-----END PRIVATE KEY-----\n`;

const FOUND: readonly (readonly [path: string, content: string, hit: Pick<DiskHit, 'name' | 'line'>])[] = [
  ['/opt/search/a b.pem', PEM, { name: 'private-key', line: 1 }],
  [
    '/opt/search/encrypted.pem',
    `x\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n${BASE64}\n`,
    { name: 'private-key', line: 2 },
  ],
  [
    '/opt/search/help.md',
    `It begins with -----BEGIN PRIVATE KEY-----\nas you see.\nSo:\n${PEM}`,
    { name: 'private-key', line: 1 },
  ],
  ['/opt/search/openssh', `-----BEGIN OPENSSH PRIVATE KEY-----\n${BASE64}\n`, { name: 'private-key', line: 1 }],
  ['/opt/search/pgp.asc', `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${BASE64}\n`, { name: 'private-key', line: 1 }],
  [
    '/opt/search/cloud.json',
    `{"private_key": "-----BEGIN PRIVATE KEY-----\\n${BASE64}\\n", "email": "a@example.com"}`,
    { name: 'private-key', line: 1 },
  ],
  ['/usr/lib/search-new.pem', PEM, { name: 'private-key', line: 1 }],
  ['/opt/search/key.ppk', 'PuTTY-User-Key-File-3: ssh-ed25519\n', { name: 'private-key', line: 1 }],
  ['/etc/search.yaml', `a: b\ntoken: ghp_${'a1B2'.repeat(9)}\n`, { name: 'token', line: 2 }],
  [
    '/home/search/.aws/credentials',
    `[default]\naws_secret_access_key = ${'aB3/'.repeat(10)}\n`,
    { name: 'token', line: 2 },
  ],
  [
    '/home/search/.docker/config.json',
    '{"auths": {"r.example": {"auth": "dXNlcjpwYXNzd29yZA=="}}}',
    { name: 'token', line: 1 },
  ],
  ['/home/search/.netrc', 'machine h login u password p\n', { name: 'token', line: 1 }],
  ['/home/search/.bash_history', 'mysql -p\n', { name: 'shell-history' }],
  ['/var/lib/search/.psql_history', 'select 1;\n', { name: 'shell-history' }],
  [
    '/home/search/.ssh/authorized_keys',
    '# none\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC0example me\n',
    { name: 'authorized-keys', line: 2 },
  ],
];

const LEFT_ALONE: readonly (readonly [path: string, content: string])[] = [
  ['/opt/search/code.py', 'if line == "-----BEGIN PRIVATE KEY-----":\n    load()\n'],
  ['/opt/search/public.pem', `-----BEGIN PUBLIC KEY-----\n${BASE64}\n`],
  ['/opt/search/node_modules/x/test.pem', PEM],
  ['/opt/search/lib/tests/server.key', PEM],
  ['/usr/share/doc/search/README', PEM],
  ['/opt/search/help.txt', 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n'],
  ['/opt/search/binary', `\0\0${PEM}`],
  ['/home/search2/.bash_history', ''],
  ['/home/search2/.ssh/authorized_keys', '# nobody\n'],
  ['/home/search2/.npmrc', '//registry/:_authToken=${NPM_TOKEN}\n'],
];

/** The cases, on an instance that a `before` makes. */
export function diskSearchCases(instance: () => Instance): void {
  describe('the search of a finished disk', () => {
    // A little before now: the search is generous by a minute.
    const search = (): Promise<readonly DiskHit[]> => searchDisk(instance(), new Date());

    test('finds keys, tokens and histories, and leaves alone what is none', async () => {
      const before = (await search()).map(({ path }) => path);
      for (const [path, content] of [...FOUND, ...LEFT_ALONE]) await instance().put(path, content);
      const hits = (await search()).filter(({ path }) => !before.includes(path));
      const shown = (
        all: readonly (readonly [path: string, name: string, line: number | undefined])[],
      ): readonly string[] => all.map(([path, name, line]) => `${path} ${name} ${line ?? ''}`).sort();
      assert.deepEqual(
        shown(hits.map(({ path, name, line }) => [path, name, line])),
        shown(FOUND.map(([path, , { name, line }]) => [path, name, line])),
      );
      const cleaned = await instance().run({
        script:
          'rm -rf /opt/search /home/search /home/search2 /var/lib/search /usr/share/doc/search ' +
          '/usr/lib/search-new.pem /etc/search.yaml',
      });
      assert.equal(cleaned.exitCode, 0);
      assert.deepEqual(
        (await search()).map(({ path }) => path),
        before,
      );
    });
  });
}
