import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBlocking } from './blocking.ts';

const NSPAWN = 'The program systemd-nspawn is missing: apt-get install systemd-container.';
const QEMU = 'qemu-img is missing: install the Debian package qemu-utils';

test('what prevents a build and a launch', () => {
  const rows: readonly (readonly [
    Parameters<typeof checkBlocking>[0],
    Parameters<typeof checkBlocking>[1],
    readonly string[],
  ])[] = [
    ['build', { missing: { nspawn: [], qemu: [] }, packages: [] }, []],
    // One driver is enough for a build. The worker checks the driver for tests, because it knows whether there are any.
    ['build', { missing: { nspawn: ['no /dev/fuse.'], qemu: [] }, packages: [] }, []],
    ['build', { missing: { nspawn: [], qemu: ['no /dev/net/tun'] }, packages: [] }, []],
    [
      'build',
      { missing: { nspawn: ['no /dev/fuse.'], qemu: ['no /dev/net/tun'] }, packages: [] },
      ['no /dev/fuse', 'no /dev/net/tun'],
    ],
    ['launch', { missing: { nspawn: [], qemu: ['no /dev/net/tun'] }, packages: [] }, ['no /dev/net/tun']],
    ['launch', { missing: { nspawn: ['no /dev/fuse.'], qemu: [] }, packages: [] }, []],
    // One sentence for all packages.
    [
      'build',
      { missing: { nspawn: [NSPAWN, 'no /dev/fuse.'], qemu: [QEMU] }, packages: ['systemd-container', 'qemu-utils'] },
      [
        'Debian packages are missing: systemd-container, qemu-utils (./ingot doctor --install installs them)',
        'no /dev/fuse',
      ],
    ],
    ['build', { missing: { nspawn: [NSPAWN], qemu: [] }, packages: ['systemd-container'] }, []],
    [
      'build',
      {
        missing: { nspawn: [], qemu: [] },
        packages: ['mmdebstrap'],
        forBaseImages: ['the program mmdebstrap is missing (install the package mmdebstrap)'],
      },
      ['Debian packages are missing: mmdebstrap (./ingot doctor --install installs them)'],
    ],
    ['build', { missing: { nspawn: [], qemu: [] }, packages: [], space: 'the disk is full' }, ['the disk is full']],
  ];
  for (const [purpose, found, expected] of rows) assert.deepEqual(checkBlocking(purpose, found), expected);
});
