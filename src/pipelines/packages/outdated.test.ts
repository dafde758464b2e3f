import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packageReader, sha256Of, updatesFor } from './outdated.ts';

const PACKAGES = `Package: curl
Architecture: amd64
Version: 7.88.1-10+deb12u8
Depends: libcurl4 (= 7.88.1-10+deb12u8)

Package: curl
Version: 7.88.1-10+deb12u12

Package: wget
Version: 1.21.3-1+b2
Description: retrieves files
 Version: 9.9 is not meant
`;

test('an index is read for the requested packages, however it is split into pieces', () => {
  for (const size of [1, 7, 1000]) {
    const reader = packageReader(new Set(['curl']));
    for (let at = 0; at < PACKAGES.length; at += size) reader.read(Buffer.from(PACKAGES.slice(at, at + size)));
    assert.deepEqual([...reader.end()], [['curl', '7.88.1-10+deb12u12']]);
  }
});

test('an index without line breaks is not buffered', () => {
  const reader = packageReader(new Set(['curl']));
  for (let piece = 0; piece < 2000; piece++) reader.read(Buffer.alloc(1 << 16, 'x'));
  reader.read(Buffer.from('\nPackage: curl\nVersion: 1\n'));
  assert.deepEqual([...reader.end()], [['curl', '1']]);
});

test('updates are listed with their suite and whether they are security updates', () => {
  const index = (suite: string, versions: Readonly<Record<string, string>>) => ({
    suite,
    security: suite.endsWith('-security'),
    versions: new Map(Object.entries(versions)),
  });
  const updates = updatesFor(
    [
      { name: 'a', version: '1.0-1' },
      { name: 'b', version: '1.0-1' },
      { name: 'c', version: '1.0-1' },
      { name: 'd', version: '2.0-1' },
      { name: 'e', version: '1.0-1' },
    ],
    [
      index('bookworm', { a: '1.0-1', b: '1.1-1', c: '1.0-3', d: '1.0-1' }),
      index('bookworm-security', { a: '1.0-1+deb12u1', c: '1.0-2' }),
    ],
  );
  assert.deepEqual(updates, [
    { name: 'a', installed: '1.0-1', available: '1.0-1+deb12u1', suite: 'bookworm-security', security: true },
    { name: 'b', installed: '1.0-1', available: '1.1-1', suite: 'bookworm', security: false },
    { name: 'c', installed: '1.0-1', available: '1.0-3', suite: 'bookworm', security: true },
  ]);
});

test('the hash of a file comes from the SHA256 section of a Release file', () => {
  const [md5, sha] = ['0'.repeat(32), 'a'.repeat(64)];
  const release = `Origin: Debian\nMD5Sum:\n ${md5} 10 main/Packages.gz\nSHA256:\n ${sha}       10 main/Packages.gz\n`;
  assert.equal(sha256Of(release, 'main/Packages.gz'), sha);
  assert.equal(sha256Of(release, 'main/Packages.xz'), undefined);
});
