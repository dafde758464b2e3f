import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProbe, probeArguments } from './accelerator.ts';

test('KVM works only if the kernel printed its version and ended by itself', () => {
  const probes: readonly [code: number | null, output: string, errors: string, works: boolean, reason: RegExp][] = [
    [0, '[0.000] Linux version 6.1.0 …', '', true, /boots under KVM/],
    [0, 'SeaBIOS', '', false, /no kernel boots/],
    [null, '', '', false, /no more output for \d+ s/],
    [null, '[0.000] Linux version 6.1.0', '', false, /no kernel boots/],
    [null, '', 'KVM internal error. Suberror: 1', false, /internal error/],
    [
      1,
      '',
      'Could not access KVM kernel module: Permission denied\nqemu: failed to initialize kvm: Permission denied\n',
      false,
      /Could not access KVM kernel module/,
    ],
    [
      null,
      '',
      'qemu: error: failed to set MSR 0x10a to 0x69\nqemu: kvm.c:3183: Assertion failed',
      false,
      /does not start here: .*MSR 0x10a/,
    ],
  ];
  for (const [code, output, errors, works, reason] of probes) {
    const verdict = parseProbe(code, output, errors);
    assert.equal(verdict.works, works);
    assert.match(verdict.reason, reason);
  }
});

test('the probe has no disk and no network, and does not reboot', () => {
  const argv = probeArguments('/boot/vmlinuz');
  assert.ok(argv.includes('-no-reboot') && argv.includes('-nodefaults'));
  assert.equal(argv[argv.indexOf('-kernel') + 1], '/boot/vmlinuz');
});
