/** The commands as text; `test/long/rpm-updates.test.ts` runs them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputError } from '../module.ts';
import { rpmCommands, rpmNames, type RpmManager } from './rpm-updates.ts';

const INSTALLED = ['bash', 'kernel', 'kernel', 'kernel-core', 'libstdc++'];

describe('the commands of', () => {
  const cases: readonly [
    manager: RpmManager,
    include: readonly string[],
    exclude: readonly string[],
    commands: readonly string[],
  ][] = [
    ['dnf', [], [], ['dnf -y --refresh --setopt=skip_if_unavailable=False upgrade --']],
    [
      'dnf',
      ['bash'],
      ['kernel*'],
      ['dnf -y --refresh --setopt=skip_if_unavailable=False --exclude=kernel* upgrade -- bash'],
    ],
    [
      'dnf',
      ['k*', 'none'],
      ['kernel'],
      ['dnf -y --refresh --setopt=skip_if_unavailable=False --exclude=kernel upgrade -- kernel-core'],
    ],
    ['dnf', ['none'], [], []],
    [
      'yum',
      [],
      ['kernel'],
      ['yum -y clean expire-cache', 'yum -y --setopt=skip_if_unavailable=False --exclude=kernel update --'],
    ],
    [
      'zypper',
      [],
      [],
      ['zypper --non-interactive refresh', 'zypper --non-interactive update --auto-agree-with-licenses --'],
    ],
    [
      'zypper',
      ['bash'],
      [],
      ['zypper --non-interactive refresh', 'zypper --non-interactive update --auto-agree-with-licenses -- bash'],
    ],
    [
      'zypper',
      [],
      ['kernel*'],
      [
        'zypper --non-interactive refresh',
        'zypper --non-interactive update --auto-agree-with-licenses -- bash libstdc++',
      ],
    ],
    ['zypper', ['kernel'], ['kernel*'], []],
  ];
  for (const [manager, include, exclude, commands] of cases) {
    test(`${manager}, include [${include.join()}], exclude [${exclude.join()}]`, () => {
      assert.deepEqual(
        rpmCommands(manager, include, exclude, INSTALLED).map((command) => command.join(' ')),
        commands,
      );
    });
  }

  for (const name of ['-x', 'a b', '@group', '/etc/passwd', ''])
    test(`"${name}" is not a package name`, () => assert.throws(() => rpmNames('include', [name]), InputError));
});
