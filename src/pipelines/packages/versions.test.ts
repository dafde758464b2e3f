import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { compareDebian, compareRpm } from './versions.ts';

const DEBIAN = [
  '0',
  '0~~',
  '0~',
  '1.0',
  '1.0-0',
  '1.0-1',
  '1.0-1+deb12u1',
  '1.0-1+b1',
  '1.0~rc1-1',
  '1.0~rc1~git1-1',
  '1.0a-1',
  '1.0+dfsg-1',
  '1.0.1-1',
  '1.00-1',
  '1:0.9-1',
  '2:0.1',
  '1.10-1',
  '1.9-1',
  '1.0-1-2',
  '7.88.1-10+deb12u12',
  '7.88.1-10+deb12u8',
  '20230311',
  '20230311~deb12u1',
  '1.2.3-4ubuntu5.1',
  '1.2.3-4',
  '1.2.3-4.1',
  '9999999999999999999999-1',
  '10000000000000000000000-1',
  '0.0.0.0',
  '1.a-1',
  '1.-1',
];

test('Debian versions sort as dpkg sorts them', (t) => {
  const program = 'dpkg';
  if (spawnSync(program, ['--version']).error !== undefined) return t.skip(`there is no ${program} here`);
  // One shell for all pairs: a process for each would take a minute.
  const pairs = DEBIAN.flatMap((a) => DEBIAN.map((b) => [a, b] as const));
  const script = pairs.map(([a, b]) => `dpkg --compare-versions '${a}' lt '${b}'; echo $?`).join('\n');
  const { stdout } = spawnSync('sh', { input: script, encoding: 'utf8' });
  const less = stdout.trim().split('\n');
  assert.equal(less.length, pairs.length);
  for (const [index, [a, b]] of pairs.entries())
    assert.equal(compareDebian(a, b) < 0, less[index] === '0', `${a} and ${b}`);
});

// From rpm's own tests, tests/rpmvercmp.at.
for (const [a, b, expected] of [
  ['1.0', '1.0', 0],
  ['1.0', '2.0', -1],
  ['2.0.1', '2.0.1a', -1],
  ['5.5p1', '5.5p2', -1],
  ['5.5p10', '5.5p1', 1],
  ['10xyz', '10.1xyz', -1],
  ['xyz10', 'xyz10.1', -1],
  ['xyz.4', '8', -1],
  ['5.5p2', '5.6p1', -1],
  ['6.0.rc1', '6.0', 1],
  ['10b2', '10a1', 1],
  ['1.0aa', '1.0a', 1],
  ['10.0001', '10.1', 0],
  ['10.0001', '10.0039', -1],
  ['4.999.9', '5.0', -1],
  ['20101121', '20101122', -1],
  ['2_0', '2.0', 0],
  ['a+', 'a_', 0],
  ['1.0~rc1', '1.0', -1],
  ['1.0~rc1~git123', '1.0~rc1', -1],
  ['1.0^', '1.0', 1],
  ['1.0^git1', '1.0', 1],
  ['1.0^git1', '1.0^git2', -1],
  ['1.0^git1', '1.01', -1],
  ['1.0^20160101', '1.0.1', -1],
  ['1.0~rc1^git1', '1.0~rc1', 1],
  ['1.0^git1~pre', '1.0^git1', -1],
  ['1:1.0-1', '2.0-1', 1],
  ['1.0-2.el9', '1.0-10.el9', -1],
] as const)
  test(`rpm compares ${a} and ${b} as ${expected}`, () => {
    assert.equal(Math.sign(compareRpm(a, b)), expected);
    assert.equal(Math.sign(compareRpm(b, a)), expected === 0 ? 0 : -expected);
  });
