import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { containerRefusal, REFUSALS } from './container-refusals.ts';

const failed = { action: 'ExecuteBash', message: 'exit status 1', exitCode: 1 };

/** Output of commands that fail in a system container of Debian 12 and succeed in a virtual machine. */
const SEEN: readonly (readonly [what: RegExp, ...lines: readonly string[]])[] = [
  [
    /kernel modules/,
    'modprobe: FATAL: Module overlay not found in directory /lib/modules/6.18.44',
    'modprobe: FATAL: Module overlay not found.',
    'insmod: ERROR: could not insert module /lib/modules/6.1.0-56-cloud-amd64/kernel/fs/fuse/fuse.ko: Operation ' +
      'not permitted',
    'rmmod: ERROR: Module overlay is not currently loaded',
    'depmod: ERROR: could not open directory /lib/modules/6.18.44: No such file or directory',
    'Error: could not get list of modules: No such file or directory',
    'libkmod: ERROR ../libkmod/libkmod-module.c:1725 kmod_module_new_from_loaded: could not open /proc/modules: No ' +
      'such file or directory',
    'modinfo: ERROR: Module overlay not found.',
    '<13>Nov 20 22:02:41 root: Error: inserting the zram kernel module',
  ],
  [
    /kernel that runs/,
    'E: Unable to locate package linux-headers-6.18.44',
    "E: Couldn't find any package by glob 'linux-headers-6.18.44'",
  ],
  [
    /kernel parameter/,
    'sysctl: permission denied on key "vm.swappiness"',
    'sysctl: setting key "net.core.rmem_max": Invalid argument',
    'sysctl: cannot stat /proc/sys/net/core/default_qdisc: No such file or directory',
    'sysctl: cannot stat /proc/sys/net/ipv4/tcp_mem: No such file or directory',
    'bash: line 1: /proc/sys/vm/swappiness: Read-only file system',
    'tee: /proc/sys/vm/swappiness: Read-only file system',
    'bash: line 1: /proc/sys/kernel/sysrq: No such file or directory',
    'bash: line 1: /sys/kernel/mm/transparent_hugepage/enabled: Read-only file system',
    "LNXSYSTM:00: Failed to write 'change' to '/sys/devices/LNXSYSTM:00/uevent': Read-only file system",
  ],
  [
    /boot loader/,
    "/usr/sbin/grub-probe: error: failed to get canonical path of `/dev/loop0'.",
    '/usr/sbin/grub-probe: error: cannot find a device for / (is /dev mounted?).',
    "grub-install: error: install device isn't specified.",
    'EFI variables are not supported on this system.',
  ],
  [
    /loop devices/,
    'losetup: cannot find an unused loop device: No such device',
    'losetup: cannot find an unused loop device',
    'error: system does not fully support snapd: cannot mount squashfs image using',
    'mount: /mnt: failed to setup loop device for /x.img.',
  ],
  [
    /mount this/,
    'mount: /mnt/x: mount failed: Operation not permitted.',
    'mount: /mnt/x: permission denied.',
    'mount: /mnt/y: wrong fs type, bad option, bad superblock on /etc, missing codepage or helper program, or ' +
      'other error.',
    "mount: /: can't find UUID=36453150-71b6-4257-8660-7689add37b61.",
    "mount: /mnt/x: unknown filesystem type 'nfs'.",
    "fuse: device not found, try 'modprobe fuse' first",
  ],
  [/swap/, 'swapon: /swapfile: swapon failed: Operation not permitted', 'swapoff: Not superuser.'],
  [
    /device nodes/,
    'mknod: /var/tmp/n: Operation not permitted',
    "cp: cannot create special file '/var/tmp/nn': Operation not permitted",
    'tar: dev/null: Cannot mknod: Operation not permitted',
  ],
  [
    /no disks/,
    '  No device found for /dev/sdb.',
    'Cannot initialize device-mapper. Is dm_mod kernel module loaded?',
    '/dev/mapper/control: mknod failed: Operation not permitted',
    'Check that device-mapper is available in the kernel.',
    'mdadm: cannot open /dev/sdb: No such file or directory',
    'FAILED: /dev/sda: does not exist',
    'open: No such file or directory while opening /dev/loop0',
    'fstrim: /: FITRIM ioctl failed: Operation not permitted',
    'fsfreeze: /: freeze failed: Operation not permitted',
    "ls: cannot access '/dev/kvm': No such file or directory",
  ],
  [
    /clock/,
    'date: cannot set date: Operation not permitted',
    'Failed to set time: Access denied',
    'hwclock: Cannot access the Hardware Clock via any known method.',
    '506 Cannot talk to daemon',
    '2026-11-20T21:03:22Z Fatal error : adjtimex(0x8001) failed : Operation not permitted',
    '2026-11-20T21:03:22Z CAP_SYS_TIME not present',
  ],
  [
    /systemd does not start/,
    'chrony.service - chrony, an NTP client/server was skipped because of an unmet condition check ' +
      '(ConditionCapability=CAP_SYS_TIME).',
    '             └─ ConditionCapability=CAP_SYS_MODULE was not met',
    'irqbalance.service - irqbalance daemon was skipped because of an unmet condition check ' +
      '(ConditionVirtualization=!container).',
    "A dependency job for nfs-server.service failed. See 'journalctl -xe' for details.",
    'x.service: Failed at step SETSCHEDULER spawning /bin/true: Operation not permitted',
  ],
  [
    /privilege/,
    'chattr: Operation not permitted while setting flags on /etc/hostname',
    'setfattr: /etc/fstab: Operation not permitted',
    "chown: changing ownership of '/var/tmp/p': Invalid argument",
    'bash: line 1: ulimit: open files: cannot modify limit: Operation not permitted',
    "chrt: failed to set pid 0's policy: Operation not permitted",
    'ionice: ioprio_set failed: Operation not permitted',
    'dmesg: read kernel buffer failed: Operation not permitted',
    'PermissionError: [Errno 1] Operation not permitted',
    'renice: failed to set priority for 5269 (process ID): Permission denied',
    'tar: f: Cannot change ownership to uid 70000, gid 70000: Invalid argument',
    'Cannot open netlink audit socket',
    'locate_hole failed',
  ],
  [/network/, 'Error: Unknown device type.', 'Error: Specified qdisc kind is unknown.'],
  [
    /containers within/,
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    'Job for docker.service failed because the control process exited with error code.',
  ],
];

/** Failures that happen in a virtual machine too. */
const MISTAKES: readonly string[] = [
  'bash: line 3: dokcer: command not found',
  'bash: line 1: /opt/x: No such file or directory',
  'cat: /etc/nosuch: No such file or directory',
  "cp: cannot stat 'x': No such file or directory",
  'E: Unable to locate package ngnix',
  "E: Package 'x' has no installation candidate",
  'E: Failed to fetch http://deb.debian.org/debian/x  404  Not Found',
  'Err:1 http://x bookworm InRelease',
  "Temporary failure resolving 'deb.debian.org'",
  'curl: (6) Could not resolve host: example.test',
  "bash: line 7: syntax error near unexpected token `fi'",
  'bash: line 1: x: unbound variable',
  "mkdir: cannot create directory '/x': File exists",
  'bash: line 1: /usr/bin/x: Permission denied',
  'cat: /root/x: Permission denied',
  "PermissionError: [Errno 13] Permission denied: '/x'",
  'su: Authentication failure',
  'Permission denied (publickey).',
  'Failed to start nosuch.service: Unit nosuch.service not found.',
  'Failed to start docker.service: Unit docker.service not found.',
  'Job for nginx.service failed because the control process exited with error code.',
  'nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)',
  "useradd: user 'x' already exists",
  "chown: invalid user: 'x'",
  "chown: changing ownership of '/x': Operation not permitted",
  'mount: /mnt: special device /x does not exist.',
  'mount: /mnt: mount point does not exist.',
  'sysctl: cannot stat /proc/sys/net/ipv4/nosuch: No such file or directory',
  'x.service was skipped because of an unmet condition check (ConditionPathExists=/etc/x.conf).',
  'tar: x: Cannot open: No such file or directory',
  'dpkg: error processing package x (--configure):',
  'make: *** [Makefile:2: all] Error 1',
  'Traceback (most recent call last):',
  'npm ERR! code ENOENT',
  'fatal: not a git repository',
  'iptables v1.8.9 (nf_tables): unknown option "--dprt"',
  'Killed',
  'No space left on device',
  '',
];

describe('refusals of a container', () => {
  for (const [what, ...lines] of SEEN) {
    for (const line of lines) {
      test(line, () => {
        const refusal = containerRefusal(['before', line, 'after'], failed);

        assert.match(refusal?.refusal ?? 'none', what);
        assert.equal(refusal?.line, line.trim());
      });
    }
  }
});

describe('mistakes that a virtual machine does not fix', () => {
  for (const line of MISTAKES)
    test(JSON.stringify(line), () => assert.equal(containerRefusal([line], failed), undefined));
});

test('the refusal closest to the failure is reported', () => {
  const tail = [
    'swapon: /s: swapon failed: Operation not permitted',
    'more',
    'mknod: /x: Operation not permitted',
    'the end',
  ];
  assert.equal(containerRefusal(tail, failed)?.line, 'mknod: /x: Operation not permitted');
});

test('the message of the failure counts as a line', () => {
  assert.match(
    containerRefusal([], { action: 'UpdateOS', message: 'x: mknod: /x: Operation not permitted' })?.refusal ?? '',
    /device nodes/,
  );
});

test('no output, no refusal', () => assert.equal(containerRefusal([], failed), undefined));

test('every refusal of the list has an example', () => {
  for (const { what } of REFUSALS)
    assert.ok(
      SEEN.some(([pattern]) => pattern.test(what)),
      what,
    );
});

test('a long line takes no time', () => {
  const lines = ['mount: '.repeat(20_000), `${'a'.repeat(100_000)} mknod`, 'error: '.repeat(10_000)];
  const before = process.cpuUsage();
  for (let round = 0; round < 50; round += 1) assert.equal(containerRefusal(lines, failed), undefined);
  // It takes about 10 ms. A pattern with quadratic time would take minutes.
  assert.ok(process.cpuUsage(before).user < 10_000_000);
});
