import assert from 'node:assert/strict';
import { test } from 'node:test';
import { membersWithoutEffect } from './members.ts';

test('encryption of the disk that a container image is built on is warned about, and no reason to refuse', () => {
  const image = {
    containerRecipe: {
      instanceConfiguration: {
        blockDeviceMappings: [
          { deviceName: '/dev/xvda', ebs: { volumeSize: 30, encrypted: false } },
          { deviceName: '/dev/sdb', ebs: { kmsKeyId: 'alias/build' } },
        ],
      },
    },
  };
  assert.deepEqual(membersWithoutEffect(image), [
    'containerRecipe.instanceConfiguration.blockDeviceMappings[1].ebs, which requests encryption,',
  ]);
});
