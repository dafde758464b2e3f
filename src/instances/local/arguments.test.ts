import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localArguments, localEnvironment } from './arguments.ts';

test('a command is passed word by word behind its working directory', () => {
  assert.deepEqual(localArguments({ cwd: '/srv/a b' }, ['printf', '$HOME', '*']).slice(-4), ['/srv/a b', 'printf', '$HOME', '*']);
  assert.deepEqual(localArguments({ user: 'daemon' }, ['id']).slice(0, 4), ['runuser', '-u', 'daemon', '--']);
});

test('nothing of the own environment reaches a command', () => {
  const environment = localEnvironment({ AWS_SECRET_ACCESS_KEY: 'x', PATH: '/odd' }, { env: { A: '1' } }, 'm');
  assert.deepEqual(environment, {
    AWS_SECRET_ACCESS_KEY: undefined, A: '1', INGOT_COMMAND: 'm', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  });
});
