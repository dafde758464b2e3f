import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryMounts } from './left-memory.ts';

test('a mount of a base image in memory is recognized by its source', () => {
  assert.deepEqual(
    memoryMounts(
      [
        '30 1 0:26 / /tmp rw - tmpfs tmpfs rw',
        '31 1 0:27 / /data/work/debian-12-x86 rw,relatime shared:9 - tmpfs ingot-base:41:900 rw,size=1000k',
        '32 1 0:28 / /a\\040b/work/debian-13-x86 rw - tmpfs ingot-base:42:901 rw',
        '33 1 8:1 / /ingot-base rw - ext4 ingot-base rw',
        '',
      ].join('\n'),
    ),
    [
      { path: '/data/work/debian-12-x86', pid: 41, startTime: '900' },
      { path: '/a b/work/debian-13-x86', pid: 42, startTime: '901' },
    ],
  );
});
