/** The base image as it is made: what is on its disk, and that it boots by BIOS and by UEFI. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { baseImages } from '../../src/images/base/base-images.ts';
import { createOverlay, diskInfo } from '../../src/images/disks.ts';
import {
  partitionTypes,
  readPartitions,
  rootPartition,
  withReader,
  type RootPartition,
} from '../../src/images/partitions.ts';
import { agentExec, guestAgent } from '../../src/instances/qemu/guest-agent.ts';
import { writeSeedDisk } from '../../src/instances/qemu/seed.ts';
import { until } from '../../src/platform/clock.ts';
import { memoryRecorder } from '../../src/platform/held.ts';
import { run, start } from '../harness/processes.ts';
import { sharedBase } from '../harness/base.ts';
import { assertNothingLeft, hostState } from '../harness/host-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-base-test-'));
const raw = join(folder, 'base.raw');
const stateBefore = await hostState();
let base: string;
let root: RootPartition;

before(async () => {
  base = await sharedBase();
  await run(['qemu-img', 'convert', '-q', '-f', 'qcow2', '-O', 'raw', base, raw]);
  root = await rootPartition(raw);
});

after(async () => {
  await rm(folder, { recursive: true, force: true });
  await assertNothingLeft(stateBefore, folder);
});

/** Output of a debugfs command on the root file system of the unbooted disk. */
async function onDisk(command: string): Promise<string> {
  return (await run(['debugfs', '-R', command, `${raw}?offset=${root.offset}`])).stdout;
}

test('the disk: GPT with a BIOS boot partition, an EFI system partition and an ext4 root as the last', async () => {
  const info = await diskInfo(base);
  const partitions = await withReader(raw, readPartitions);

  assert.deepEqual(
    { format: info.format, virtualSize: info.virtualSize, backing: info.backing },
    { format: 'qcow2', virtualSize: baseImages['debian-12-x86']!.virtualSize, backing: undefined },
  );
  assert.deepEqual(
    partitions.map(({ number, type }) => ({ number, type })),
    [
      { number: 1, type: partitionTypes.biosBoot },
      { number: 2, type: partitionTypes.efiSystem },
      { number: 3, type: partitionTypes.linuxRootX8664 },
    ],
  );
  assert.equal(root.number, 3);
  assert.equal(root.fsType, 'ext4');
  assert.ok(root.offset + root.size > info.virtualSize - 2 * 1024 ** 2, 'the root reaches to the end');
  const check = await run(['e2fsck', '-f', '-n', `${raw}?offset=${root.offset}`], { okCodes: 'any' });
  assert.equal(check.code, 0, check.stdout);
});

test('its folders are open to its users, though it was made by a process whose files are private', async () => {
  for (const path of [
    '/',
    '/etc',
    '/etc/systemd/network',
    '/etc/cloud/cloud.cfg.d',
    '/usr/local/sbin',
    '/usr/lib',
    '/var/log/apt',
    '/boot/grub',
    '/boot/grub/i386-pc',
  ]) {
    assert.match(await onDisk(`stat ${path}`), /Type: directory\s+Mode:\s+0755/, path);
  }
});

test('nothing that identifies a machine or lets somebody in', async () => {
  assert.doesNotMatch(await onDisk('ls -p /etc/ssh'), /ssh_host_/);
  assert.match(await onDisk('stat /etc/machine-id'), /Type: regular[^]*Size: 0\b/);
  assert.match(await onDisk('stat /etc/resolv.conf'), /Type: regular/);
  const passwords = (await onDisk('cat /etc/shadow'))
    .trim()
    .split('\n')
    .map((line) => line.split(':')[1]!);
  assert.ok(
    passwords.length > 10 && passwords.every((password) => /^[!*]/.test(password)),
    'no account has a password',
  );
  assert.doesNotMatch(await onDisk('ls -p /root/.ssh'), /authorized_keys/);
  assert.equal((await onDisk('ls -p /home')).trim().split('\n').length, 2, 'no home but . and ..');
  assert.doesNotMatch(await onDisk('ls -p /etc/apt/apt.conf.d'), /mmdebstrap/);
  assert.match(await onDisk('cat /etc/apt/sources.list'), /^deb http\S+ bookworm main\n/);
});

interface Machine {
  /** Output of a bash script; fails the test when it fails. */
  run(script: string, timeoutMs?: number): Promise<string>;
}

/** Boots an overlay of the base with plain flags: no driver of ours is involved. */
async function boot(
  name: string,
  options: { readonly sizeGiB?: number; readonly flags?: readonly string[] },
  work: (machine: Machine) => Promise<void>,
): Promise<void> {
  const disk = join(folder, `${name}.qcow2`);
  const socket = join(folder, `${name}.sock`);
  const console = join(folder, `${name}.console`);
  await createOverlay(base, disk, options.sizeGiB === undefined ? undefined : options.sizeGiB * 1024 ** 3);
  const machine = await start(
    [
      'qemu-system-x86_64',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-accel',
      'tcg',
      '-cpu',
      'qemu64,vendor=GenuineIntel,family=6,model=54,stepping=9,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16',
      '-smp',
      '2',
      '-m',
      '1024',
      '-drive',
      `file=${disk},if=virtio,format=qcow2,discard=unmap`,
      '-serial',
      `file:${console}`,
      '-netdev',
      'user,id=net,restrict=on',
      '-device',
      'virtio-net-pci,netdev=net',
      '-chardev',
      `socket,id=agent,path=${socket},server=on,wait=off`,
      '-device',
      'virtio-serial',
      '-device',
      'virtserialport,chardev=agent,name=org.qemu.guest_agent.0',
      '-device',
      'virtio-rng-pci',
      ...(options.flags ?? ['-machine', 'q35']),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const agent = guestAgent(socket);
  try {
    await until(
      `the guest agent; the console ends with: ${console}`,
      240_000,
      () =>
        agent.execute('guest-ping', undefined, 2000).then(
          () => true,
          () => undefined,
        ),
      { everyMs: 200 },
    ).catch((error: Error) =>
      assert.fail(`${error.message}\n${existsSync(console) ? readFileSync(console, 'latin1').slice(-2000) : ''}`),
    );
    await work({
      async run(script, timeoutMs = 120_000) {
        const { exitCode, stdout, stderr } = await agentExec(agent, ['/bin/bash', '-c', script], { timeoutMs });
        assert.equal(exitCode, 0, `${script}\n${stdout}\n${stderr}`);
        return stdout.toString().trim();
      },
    });
  } finally {
    agent.close();
    machine.kill('SIGKILL');
    await machine.exited;
  }
}

test('boots by BIOS without a seed: no failed unit, the root has grown, keys of its own, no passwords, and update-grub keeps the entry', {
  timeout: 600_000,
}, async () => {
  await boot('bios', { sizeGiB: 5 }, async (machine) => {
    assert.equal(await machine.run('systemctl is-system-running --wait || systemctl --failed --plain'), 'running');
    assert.ok(Number(await machine.run('df --output=size -B1 / | tail -1')) > 4.5 * 1024 ** 3);
    assert.match(
      await machine.run('cat /proc/cmdline'),
      /BOOT_IMAGE=\/vmlinuz root=UUID=\S+ ro console=tty0 console=ttyS0,115200/,
    );
    assert.equal(await machine.run('[ -e /sys/firmware/efi ] && echo efi || echo bios'), 'bios');
    assert.match(await machine.run('cat /etc/machine-id'), /^[0-9a-f]{32}$/);
    assert.deepEqual((await machine.run('ls /etc/ssh/*_key')).split('\n'), [
      '/etc/ssh/ssh_host_ecdsa_key',
      '/etc/ssh/ssh_host_ed25519_key',
    ]);
    assert.match(await machine.run('sshd -T'), /^passwordauthentication no$/m);
    assert.match(await machine.run('passwd --status root'), /^root L /);
    assert.match(await machine.run('networkctl status --no-pager "$(ls /sys/class/net | grep ^e)"'), /State: routable/);
    assert.match(await machine.run('cloud-init status'), /disabled/);
    // What a hardening component does; the menu must stay one for the kernel links, with the option added.
    await machine.run(
      'sed -i \'s/^GRUB_CMDLINE_LINUX_DEFAULT=.*/GRUB_CMDLINE_LINUX_DEFAULT="audit=1"/\' /etc/default/grub && ' +
        'update-grub 2>&1',
      300_000,
    );
    const menu = await machine.run('cat /boot/grub/grub.cfg');
    assert.match(
      menu,
      /^ *linux \/vmlinuz root=UUID=\S+ ro console=tty0 console=ttyS0,115200 no_timer_check audit=1$/m,
    );
    assert.equal(menu.match(/^menuentry/gm)?.length, 2);
    await machine.run('grub-script-check /boot/grub/grub.cfg');
  });
});

test('boots by UEFI with Secure Boot enforced, and takes a NoCloud seed: user data, key, host name', {
  timeout: 600_000,
}, async () => {
  const vars = join(folder, 'vars.fd');
  const seed = join(folder, 'seed.img');
  await copyFile('/usr/share/OVMF/OVMF_VARS_4M.ms.fd', vars);
  await writeSeedDisk(seed, 'i-seed', {
    userData: '#!/bin/sh\necho done > /root/user-data-ran\n',
    sshKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFa test'],
    hostname: 'seeded',
  });
  const flags = [
    '-machine',
    'q35,smm=on',
    '-global',
    'driver=cfi.pflash01,property=secure,value=on',
    '-drive',
    'if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    '-drive',
    `if=pflash,format=raw,unit=1,file=${vars}`,
    '-drive',
    `file=${seed},if=virtio,format=raw,readonly=on`,
  ];

  await boot('uefi', { flags }, async (machine) => {
    assert.equal(await machine.run('od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*'), '1');
    assert.match(await machine.run('cloud-init status --wait', 300_000), /status: done/);
    assert.equal(await machine.run('cat /root/user-data-ran'), 'done');
    assert.match(
      await machine.run('cat /home/debian/.ssh/authorized_keys'),
      /ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFake/,
    );
    assert.match(await machine.run('sudo -u debian sudo -n id -u'), /^0$/);
    assert.equal(await machine.run('hostname'), 'seeded');
    assert.match(await machine.run('cat /etc/apt/sources.list'), /^deb http\S+ bookworm main\n/);
    assert.equal(await machine.run('systemctl is-system-running --wait || systemctl --failed --plain'), 'running');
  });
});

test('a mirror that does not answer: the error says which, and nothing is left', { timeout: 120_000 }, async () => {
  const held = memoryRecorder('mirror');
  const target = join(folder, 'unmade.qcow2');

  const making = baseImages['debian-12-x86']!.make({
    target,
    workDirectory: join(folder, 'work'),
    env: { INGOT_DEBIAN_MIRROR: 'http://127.0.0.1:9/debian' },
    held,
    report: () => {},
  });

  await assert.rejects(making, /127\.0\.0\.1:9.*INGOT_DEBIAN_MIRROR/s);
  assert.deepEqual(await held.list(), []);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => /work|unmade/.test(name)),
    [],
  );
});

test('making that is given up ends at once and leaves nothing', { timeout: 120_000 }, async () => {
  const held = memoryRecorder('abort');
  const target = join(folder, 'unmade.qcow2');
  const controller = new AbortController();

  const making = baseImages['debian-12-x86']!.make({
    target,
    workDirectory: join(folder, 'work'),
    held,
    signal: controller.signal,
    report: ({ text }) => {
      if (text.startsWith('unpacking')) controller.abort(new Error('given up'));
    },
  });

  await assert.rejects(making, /given up/);
  assert.deepEqual(await held.list(), []);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => /work|unmade/.test(name)),
    [],
  );
});
