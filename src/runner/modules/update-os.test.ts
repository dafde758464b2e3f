import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { matching, readInstalled } from './update-os.ts';

const LISTING = [
  'installed install bash amd64',
  'installed hold libc6 amd64',
  'installed install libc6 i386',
  'installed install g++ amd64',
  'installed install linux-image-6.1.0-30-amd64 amd64',
  'config-files deinstall nginx amd64',
  'not-installed unknown vim amd64',
  '',
].join('\n');

describe('packages to include and exclude', () => {
  test('only installed packages count, with their holds', () => {
    const installed = readInstalled(LISTING);
    assert.deepEqual(
      installed.map((item) => item.name),
      ['bash', 'libc6', 'libc6', 'g++', 'linux-image-6.1.0-30-amd64'],
    );
    assert.deepEqual(
      installed.filter((item) => item.held),
      [{ name: 'libc6', architecture: 'amd64', held: true }],
    );
  });

  const cases: readonly [pattern: string, names: readonly string[], missed: readonly string[]][] = [
    ['bash', ['bash:amd64'], []],
    ['libc6', ['libc6:amd64', 'libc6:i386'], []],
    ['libc6:i386', ['libc6:i386'], []],
    ['g++', ['g++:amd64'], []],
    ['linux-*', ['linux-image-6.1.0-30-amd64:amd64'], []],
    ['ba?h', ['bash:amd64'], []],
    ['nginx', [], ['nginx']],
  ];
  for (const [pattern, names, missed] of cases) {
    test(pattern, () => {
      const misses: string[] = [];
      const found = matching([pattern], readInstalled(LISTING), (miss) => misses.push(miss));
      assert.deepEqual(
        found.map((item) => `${item.name}:${item.architecture}`),
        names,
      );
      assert.deepEqual(misses, missed);
    });
  }
});
