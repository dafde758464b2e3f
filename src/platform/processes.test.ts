import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childEnvironment, run, start } from './processes.ts';

const OWN = {
  PATH: '/opt/bin:/usr/bin',
  HOME: '/home/me',
  TMPDIR: '/tmp/me',
  LANG: 'de_DE.UTF-8',
  LC_ALL: 'de_DE.UTF-8',
  AWS_SECRET_ACCESS_KEY: 'secret',
  INGOT_SECRET_DB: 'secret',
  https_proxy: 'http://me:secret@proxy',
  SSH_AUTH_SOCK: '/run/agent',
  NODE_OPTIONS: '--import /evil.mjs',
  LD_PRELOAD: '/evil.so',
};
const MINIMAL = { PATH: OWN.PATH, HOME: OWN.HOME, TMPDIR: OWN.TMPDIR, LC_ALL: 'C.UTF-8' };

test('a child gets a minimal environment, and what its caller names', () => {
  const cases: readonly (readonly [Parameters<typeof childEnvironment>[1], Record<string, string>])[] = [
    [{}, MINIMAL],
    [{ env: { A: '1', HOME: undefined } }, { PATH: OWN.PATH, TMPDIR: OWN.TMPDIR, LC_ALL: 'C.UTF-8', A: '1' }],
    [{ inherit: ['https_proxy', 'absent'] }, { ...MINIMAL, https_proxy: OWN.https_proxy }],
    [{ inherit: ['SSH_*'] }, { ...MINIMAL, SSH_AUTH_SOCK: OWN.SSH_AUTH_SOCK }],
    [
      { inherit: ['LC_ALL'], env: { PATH: '/bin' } },
      { ...MINIMAL, LC_ALL: OWN.LC_ALL, PATH: '/bin' },
    ],
    [
      { inherit: 'all', env: { A: '1', LANG: undefined } },
      { ...Object.fromEntries(Object.entries(OWN).filter(([name]) => name !== 'LANG')), A: '1' },
    ],
  ];
  for (const [options, expected] of cases) assert.deepEqual(childEnvironment(OWN, options), expected);
  assert.deepEqual(childEnvironment({}, {}), {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C.UTF-8',
  });
});

test("what run and start start does not have this process's secrets", async () => {
  process.env['INGOT_SECRET_OF_THIS_TEST'] = 'marker';
  try {
    const { stdout } = await run(['env']);
    assert.doesNotMatch(stdout, /marker/);
    assert.match(stdout, /^PATH=/m);
    const child = await start(['env'], { env: { A: 'given' } });
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await new Promise((resolve) => child.stdout!.on('end', resolve));
    assert.doesNotMatch(said, /marker/);
    assert.match(said, /^A=given$/m);
    assert.match((await run(['env'], { inherit: ['INGOT_SECRET_*'] })).stdout, /marker/);
  } finally {
    delete process.env['INGOT_SECRET_OF_THIS_TEST'];
  }
});
