import assert from 'node:assert/strict';
import { test } from 'node:test';
import { smallerThanParent } from './volumes.ts';

const GIB = 2 ** 30;

test('a root volume that is smaller than the parent disk is rejected with both sizes', () => {
  assert.equal(
    smallerThanParent(GIB, 3 * GIB, 'ami-0123456789abcdef0'),
    'the root volume of the recipe has 1 GiB (blockDeviceMappings, ebs.volumeSize), and the disk of the parent ' +
      'image has 3 GiB (ami-0123456789abcdef0): give 3 or more, or leave volumeSize out',
  );
  assert.match(smallerThanParent(2 * GIB, 2.5 * GIB)!, /2\.5 GiB \(the parent image\): give 3 or more/);
  assert.equal(smallerThanParent(3 * GIB, 3 * GIB), undefined);
  assert.equal(smallerThanParent(8 * GIB, 3 * GIB), undefined);
});
