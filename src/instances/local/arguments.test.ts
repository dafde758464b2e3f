import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childEnvironment } from '../../platform/processes.ts';
import { localArguments, localEnvironment } from './arguments.ts';

test('a command is passed word by word after its working directory', () => {
  assert.deepEqual(localArguments({ cwd: '/srv/a b' }, ['printf', '$HOME', '*']).slice(-4), [
    '/srv/a b',
    'printf',
    '$HOME',
    '*',
  ]);
  assert.deepEqual(localArguments({ user: 'daemon' }, ['id']).slice(0, 4), ['runuser', '-u', 'daemon', '--']);
});

test("no variable of Ingot's own environment reaches a command", () => {
  const own = { AWS_SECRET_ACCESS_KEY: 'x', PATH: '/odd', HOME: '/home/me', TMPDIR: '/tmp/me' };
  const environment = childEnvironment(own, { env: localEnvironment({ env: { A: '1' } }, 'm') });
  assert.deepEqual(environment, {
    A: '1',
    INGOT_COMMAND: 'm',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  });
});
