import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskFullMessage, fullAt, isDiskFull, saysDiskFull } from './disk-full.ts';

const coded = (code: string | undefined, more: object = {}): Error =>
  Object.assign(new Error('x'), { ...(code === undefined ? {} : { code }), ...more });

test('a full disk is recognized by its code, at any depth of causes', () => {
  for (const error of [coded('ENOSPC'), coded('EDQUOT'), coded('ERR_SQLITE_ERROR', { errcode: 13 })]) {
    assert.ok(isDiskFull(error));
    assert.ok(isDiskFull(new Error('the build failed', { cause: new Error('a step', { cause: error }) })));
  }
  for (const other of [coded('EIO'), coded(undefined), 'ENOSPC', new Error('ENOSPC: no space left on device')])
    assert.ok(!isDiskFull(other));
  assert.equal(fullAt(new Error('outer', { cause: coded('ENOSPC', { path: '/data/x' }) })), '/data/x');
});

test('a program reports it as text', () => {
  assert.ok(saysDiskFull('qemu-img: error while writing: No space left on device'));
  assert.ok(saysDiskFull('cp: x: Disk quota exceeded'));
  assert.ok(!saysDiskFull('qemu-img: Could not open x'));
});

test('the message says what to do', () => {
  assert.match(
    diskFullMessage('/data has 3 MB'),
    /^no space left on device: \/data has 3 MB\. Make room there .*ingot gc/,
  );
});
