import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelName } from './kernel.ts';

test('the kernel among the files in /boot', () => {
  const listing =
    '/13/040755/0/0/.//\n/14/100644/0/0/config-6.1.0-56-cloud-amd64/123137/\n' +
    '/16/040755/0/0/vmlinuz.d//\n/324/100644/0/0/vmlinuz-6.1.0-56-cloud-amd64/14186432/\n';
  assert.equal(kernelName(listing), 'vmlinuz-6.1.0-56-cloud-amd64');
  assert.equal(kernelName('/15/100644/0/0/vmlinuz-6 -R x/1/\n'), undefined);
  assert.equal(kernelName(''), undefined);
});
