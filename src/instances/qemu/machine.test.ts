import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launcherArguments, parseStatus, relayHasMore } from './commands.ts';
import { bootFailure, plainLine } from '../console.ts';
import { AgentLines } from './guest-agent.ts';
import { metaData } from './seed.ts';

test('argv contains nothing that systemd would expand', () => {
  const argv = launcherArguments(
    '0a',
    { argv: ['echo', '$HOME', '', 'a b\nc'], env: { A: '1 $2', B: '' }, cwd: '/srv/$x', user: 'nobody' },
    'none',
  );
  assert.deepEqual(argv, [
    '0a',
    'none',
    'nobody',
    '\\/srv/\\0044x',
    '2',
    'A=1 $2',
    'B=',
    'echo',
    '\\\\0044HOME',
    '',
    '\\a b\\0012c',
  ]);
});

test('a script runs as a file by bash, as root in / by default', () => {
  assert.deepEqual(launcherArguments('0a', { script: 'echo' }, 'script'), [
    '0a',
    'script',
    'root',
    '/',
    '0',
    '/bin/bash',
    '/run/ingot/0a.script',
  ]);
});

test('an invalid command is rejected', () => {
  for (const request of [
    {},
    { argv: [] },
    { argv: ['a'], script: 'b' },
    { argv: ['a\0b'] },
    { argv: ['a'], env: { A: '\0' } },
  ]) {
    assert.throws(() => launcherArguments('0a', request, 'none'));
  }
});

test('how a command ended: exit code or signal name', () => {
  const ends: readonly [text: string, exitCode: number | null, signal: string | null][] = [
    ['exited 0\n', 0, null],
    ['exited 255\n', 255, null],
    ['exited 137\n', 137, null],
    ['killed KILL\n', null, 'SIGKILL'],
    ['dumped SEGV\n', null, 'SIGSEGV'],
  ];
  for (const [text, exitCode, signal] of ends) assert.deepEqual(parseStatus(text), { exitCode, signal });
  for (const text of ['', 'exited', 'exited x', ' \n']) assert.throws(() => parseStatus(text));
});

test("output is awaited while the relay has more of it, but not for other processes' output", () => {
  const holders: readonly [text: string, more: boolean][] = [
    ['', false],
    ['out relay do_wait\nout relay pipe_read', true],
    ['out other do_nanosleep', false],
    ['out relay do_wait\nout relay pipe_read\nout other do_nanosleep', false],
    ['out relay do_wait\nout relay 0\nout other do_nanosleep', true],
    ['out relay do_signal_stop\nout relay do_signal_stop\nout other 0', true],
    ['out relay 0\nout relay 0\nout other 0', false],
    ['out relay do_wait\nout relay pipe_read\nout other 0\nerr relay 0', true],
  ];
  for (const [text, more] of holders) assert.equal(relayHasMore(text), more, text);
});

test('answers are split into lines, however they arrive; text before a mark is dropped', () => {
  const lines = new AgentLines();
  assert.deepEqual(lines.push(Buffer.from('{"ret')), []);
  assert.deepEqual(lines.push(Buffer.from('urn":1}\n{"return":')), ['{"return":1}']);
  assert.deepEqual(lines.push(Buffer.from([0x31, 0xff, 0x7b, 0x7d, 0x0a])), ['{}']);
  assert.deepEqual(lines.push(Buffer.from('\n\n')), []);
});

test('a console that shows why the machine will not boot is recognized', () => {
  const consoles: readonly [text: string, meaning: RegExp | undefined][] = [
    ['[    1.2] Kernel panic - not syncing: VFS: Unable to mount root fs', /panicked/],
    ['Booting from Hard Disk...\nBoot failed: not a bootable disk\n\nNo bootable device.', /nothing to boot/],
    ['BdsDxe: No bootable option or device was found.', /nothing to boot/],
    ['error: unknown filesystem.\nEntering rescue mode...\ngrub rescue> ', /boot loader/],
    ['(initramfs) ', /RAM disk/],
    ['You are in emergency mode. After logging in', /emergency/],
    ['BdsDxe: failed to load Boot0001 "UEFI Misc Device": Not Found\n[    0.000000] Linux version 6.1', undefined],
    ['Debian GNU/Linux 12 vm ttyS0\n\nvm login: ', undefined],
    [' Failed to boot both default and fallback entries.', /no kernel/],
    ["Target filesystem doesn't have requested /sbin/init.", /first program/],
  ];
  for (const [text, meaning] of consoles) {
    if (meaning === undefined) assert.equal(bootFailure(text), undefined);
    else assert.match(bootFailure(text) ?? '', meaning);
  }
});

test('console lines lose colors, cursor moves and overwritten text', () => {
  const lines: readonly [raw: string, plain: string][] = [
    ['[\x1b[0;32m  OK  \x1b[0m] Reached target', '[  OK  ] Reached target'],
    ['\x1b[2J\x1b[01;01Habc\r', 'abc'],
    ['10%\r50%\r100%', '100%'],
    ['\x1bc\x1b[?7lSeaBIOS', 'SeaBIOS'],
    ['for device \x1b[0;1;…111', 'for device …111'],
  ];
  for (const [raw, plain] of lines) assert.equal(plainLine(raw), plain);
});

test('the seed names the instance; keys go to the default user and do not change the user data', () => {
  assert.deepEqual(JSON.parse(metaData('i-0a', {})), { 'instance-id': 'i-0a', 'local-hostname': 'i-0a' });
  assert.deepEqual(JSON.parse(metaData('i-0a', { hostname: 'web', sshKeys: ['ssh-ed25519 AAAA "me": you'] })), {
    'instance-id': 'i-0a',
    'local-hostname': 'web',
    'public-keys': ['ssh-ed25519 AAAA "me": you'],
  });
});
