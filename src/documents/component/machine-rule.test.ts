import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ComponentDocument, InputValue } from './document.ts';
import type { RuleDisk } from './machine-commands.ts';
import { needsMachine } from './machine-rule.ts';
import { MACHINE_RULES, type MachineRuleName } from './machine-tables.ts';
import { parseComponentDocument } from './parse.ts';

/** A document with one ExecuteBash step. */
function bash(...commands: readonly string[]): ComponentDocument {
  return documentOf([['ExecuteBash', { commands }]]);
}

function documentOf(
  steps: readonly (readonly [action: string, inputs: InputValue])[],
  phase = 'build',
): ComponentDocument {
  return {
    schemaVersion: '1.0',
    parameters: [],
    constants: [],
    phases: [
      {
        name: phase,
        steps: steps.map(([action, inputs], index) => ({
          name: `Step${index}`,
          action,
          inputs,
          timeoutSeconds: 60,
          onFailure: 'Abort' as const,
          maxAttempts: 1,
          position: { line: 10 + index, column: 7 },
        })),
      },
    ],
  };
}

function ruleOf(script: string, disk?: RuleDisk): MachineRuleName | undefined {
  return needsMachine(bash(script), ['build'], disk)?.rule;
}

const MACHINE: readonly (readonly [rule: MachineRuleName, ...scripts: readonly string[]])[] = [
  [
    'kernel-module',
    'modprobe overlay',
    'modprobe overlay || true',
    'sudo modprobe -a br_netfilter overlay',
    '/sbin/modprobe dummy',
    'insmod ./x.ko',
    'rmmod floppy',
    'modprobe -r floppy',
    'lsmod | grep -q overlay',
    'if lsmod | grep nf; then echo yes; fi',
    'dkms install -m x -v 1',
    'apt-get install -y zfs-dkms',
    'systemctl restart systemd-modules-load',
    'systemctl restart systemd-modules-load.service',
    'for m in overlay br_netfilter; do modprobe "$m"; done',
    'cat /etc/modules | xargs -n1 modprobe',
    'bash -c "modprobe overlay"',
    '$SUDO modprobe overlay',
    'x=$(modprobe overlay 2>&1)',
    'kmod load overlay',
  ],
  [
    'kernel-parameter',
    'sysctl -w vm.swappiness=10',
    'sysctl vm.swappiness=10',
    'sysctl -q -w kernel.pid_max=4194304',
    'sysctl -p',
    'sysctl -p /etc/sysctl.d/60-x.conf',
    'sysctl --system',
    'sudo sysctl --load=/etc/x.conf',
    'sysctl -w net.ipv4.ip_forward=1 fs.file-max=1000',
    'echo 10 > /proc/sys/vm/swappiness',
    'echo 1 | sudo tee /proc/sys/kernel/sysrq',
    'echo never > /sys/kernel/mm/transparent_hugepage/enabled',
    'sysctl -w net.core.rmem_max=26214400',
    'sysctl -w net.netfilter.nf_conntrack_max=1',
    'sysctl -w net.ipv4.tcp_mem="1 2 3"',
    'sysctl -w net.ipv4.neigh.default.gc_thresh3=4096',
    'systemctl restart systemd-sysctl',
    'service procps restart',
    'cat > /etc/sysctl.d/9.conf <<E\nvm.swappiness = 1\nE\nsysctl -p /etc/sysctl.d/9.conf',
  ],
  [
    'running-kernel',
    'apt-get install -y linux-headers-$(uname -r)',
    'K=`uname -r`',
    'depmod -a',
    'cat /proc/cmdline',
    'kexec -l /vmlinuz',
    'grep overlay /proc/modules',
    'dmesg | tail',
  ],
  [
    'boot-loader',
    'update-grub',
    'grub-install /dev/sda',
    'grub2-mkconfig -o /boot/grub2/grub.cfg',
    'grubby --update-kernel=ALL --args=x',
    'efibootmgr -v',
    'dracut -f',
    'sed -i s/a/b/ /etc/default/grub && update-grub',
    'apt-get install -y grub-pc',
    'bootctl install',
  ],
  [
    'loop-device',
    'losetup -f x.img',
    'L=$(losetup --show -f x)',
    'mount -o loop x /mnt',
    'mount -o ro,loop x /mnt',
    'mount disk.iso /mnt',
    'snap install core',
    'dd if=/dev/loop0 of=x',
  ],
  [
    'swap',
    'swapon /swapfile',
    'fallocate -l 1G /s; mkswap /s && swapon /s',
    'swapon -a',
    'swapoff /swapfile',
    'systemctl start swapfile.swap',
  ],
  [
    'containers',
    'docker run hello-world',
    'docker pull x',
    'dockerd &',
    'systemctl start docker',
    'systemctl enable --now docker.service',
    'apt-get update && apt-get install -y docker.io',
    'dnf install -y docker-ce docker-ce-cli',
    'curl -fsSL https://get.docker.com | sh',
    'podman run x',
    'service docker start',
    'kubeadm init',
    'systemctl is-active docker',
  ],
  [
    'device',
    'mknod /dev/x c 1 3',
    'mkfs.ext4 /dev/sdb',
    'dd if=/dev/zero of=/dev/vdb bs=1M',
    '[ -e /dev/kvm ] && echo kvm',
    'pvcreate x',
    'vgs',
    'cryptsetup open x y',
    'mdadm --detail --scan',
    'lsblk -no SIZE',
    'growpart /dev/vda 3',
    'resize2fs "$(findmnt -no SOURCE /)"',
    'echo x > /dev/ttyS0',
    'apt-get install -y mdadm',
  ],
  [
    'mount',
    'mount /dev/vdb1 /data',
    'mount UUID=1234 /data',
    'mount -o remount,rw /',
    'mount -t overlay overlay -o lowerdir=/a /b',
    'mount -t nfs server:/x /mnt',
    'mount server:/x /mnt',
    'mount -t ext4 x /y',
    'systemctl start data.mount',
  ],
  ['fuse', 'sshfs a:/b /c', 'mount -t fuse.x a /b', 'rclone mount a: /b'],
  [
    'clock',
    'date -s 2020-01-01',
    'hwclock --systohc',
    'timedatectl set-time 12:00',
    'ntpdate pool.ntp.org',
    'chronyc makestep',
    'systemctl restart chronyd',
    'systemctl is-active --quiet systemd-timesyncd',
  ],
  [
    'hardware',
    'dmidecode -s system-uuid',
    'cat /sys/class/dmi/id/product_name',
    'if systemd-detect-virt -cq; then exit 0; fi',
    '[ -d /sys/firmware/efi ]',
  ],
  [
    'service',
    'systemctl start irqbalance',
    'systemctl is-active --quiet fstrim.timer',
    'systemctl status qemu-guest-agent',
    'systemctl start serial-getty@ttyS0',
  ],
  ['ids', 'useradd -u 20000000 a', 'useradd -m --uid=20000000 a', 'chown -R 0:20000000 /srv', 'groupadd -g20000000 a'],
  ['privilege', 'chattr +i /etc/resolv.conf', 'auditctl -l', 'setfattr -n trusted.x -v y /z', 'setenforce 0'],
];

const CONTAINER: readonly string[] = [
  'apt-get update && apt-get install -y nginx',
  'apt-get install -y linux-image-amd64',
  'apt-get -y dist-upgrade',
  '# modprobe overlay',
  'echo modprobe overlay',
  'echo "run modprobe overlay; sysctl -p" # swapon',
  'echo overlay > /etc/modules-load.d/x.conf',
  'cat > /etc/modules-load.d/x.conf <<EOF\noverlay\nEOF',
  'cat <<EOF > /usr/local/bin/x\n#!/bin/bash\nmodprobe overlay\nEOF\nchmod +x /usr/local/bin/x',
  'echo vm.swappiness=10 >> /etc/sysctl.conf',
  'tee /etc/sysctl.d/9.conf <<< "vm.swappiness=10"',
  'sysctl vm.swappiness',
  'sysctl -n kernel.ostype',
  'sysctl -a | wc -l',
  'sysctl -w net.ipv4.ip_forward=1',
  'sysctl net/ipv4/ip_forward=1',
  'sysctl -w net.ipv4.route.flush=1 net.ipv6.conf.all.disable_ipv6=1',
  'echo 1 > /proc/sys/net/ipv4/ip_forward',
  'cat > /etc/sysctl.d/9.conf <<E\n# x\nnet.ipv4.ip_forward = 1\nE\nsysctl -p /etc/sysctl.d/9.conf',
  'mkswap /swapfile',
  'swapoff -a',
  'swapon --show',
  'echo "/swapfile none swap sw 0 0" >> /etc/fstab',
  'echo /dev/sdb /data ext4 defaults 0 2 | tee -a /etc/fstab',
  'sed -i /dev/sdb/d /etc/fstab',
  'grep -q /dev/sdb /etc/fstab',
  'command -v docker',
  'which docker || true',
  'type -p modprobe',
  'docker --version',
  'usermod -aG docker admin',
  'systemctl enable docker',
  'mkdir -p /etc/docker; echo "{}" > /etc/docker/daemon.json',
  'apt-get purge -y docker.io',
  'mount',
  'mount -t tmpfs tmpfs /mnt',
  'mount --bind /a /b',
  'mount -o bind /a /b',
  'umount /mnt',
  'mount -t proc proc /x/proc',
  'mount --make-rprivate /',
  'losetup -a',
  'depmod -a 6.1.0-56-cloud-amd64',
  'modprobe --show-depends overlay',
  'modprobe --version',
  'update-initramfs -u',
  'uname -s',
  'uname -m',
  'mknod /run/pipe p',
  'mkfifo x',
  'dd if=/dev/zero of=/swapfile bs=1M count=10',
  'head -c 10 /dev/urandom > x 2>/dev/null',
  'date',
  'date +%s',
  'date -d yesterday',
  'date -u -Is',
  'timedatectl set-timezone Europe/Berlin',
  'timedatectl set-ntp true',
  'systemctl enable irqbalance',
  'systemctl restart ssh',
  'systemctl enable --now nginx',
  'systemctl daemon-reload',
  'systemctl stop docker',
  'systemctl list-units',
  'nft add table inet x',
  'iptables -A INPUT -p tcp --dport 22 -j ACCEPT',
  'ufw --force enable',
  'ip link add br0 type bridge',
  'setcap cap_net_bind_service=+ep /usr/bin/x',
  'setfacl -m u:a:r /x',
  'setfattr -n user.x -v y /z',
  'chattr -i /x',
  'lsattr /x',
  'nice -n 10 true',
  'useradd -m x',
  'useradd -u 200000 x && chown 3000000:3000001 /srv && install -o 16777215 a b',
  'case "$1" in\n modprobe) echo no;;\nesac',
  'grub-set-default 0',
  'GRUB_CMDLINE_LINUX="x"; sed -i s/a/b/ /etc/default/grub',
  'ls /boot/grub',
  'cat /etc/fstab',
  'python3 -c "import os; os.system(\'modprobe\')"',
  'if [ "$1" = swapon ]; then true; fi',
  'modprobe() { true; }',
  '',
  ')',
  '"',
];

describe('commands that need a virtual machine', () => {
  for (const [rule, ...scripts] of MACHINE) {
    for (const script of scripts) test(`${rule}: ${JSON.stringify(script)}`, () => assert.equal(ruleOf(script), rule));
  }
});

describe('commands that work in a container', () => {
  for (const script of CONTAINER) test(JSON.stringify(script), () => assert.equal(ruleOf(script), undefined));
});

describe('another disk needs a virtual machine for its kernel', () => {
  const rows: readonly (readonly [script: string, rule: MachineRuleName | undefined])[] = [
    ['apt-get install -y linux-image-amd64', 'kernel-install'],
    ['apt-get dist-upgrade -y', 'kernel-install'],
    ['apt-get -o Dpkg::Options::=--force-confold -y upgrade', 'kernel-install'],
    ['yum -y update', 'kernel-install'],
    ['dnf upgrade -y', 'kernel-install'],
    ['dnf install kernel-core', 'kernel-install'],
    ['dpkg -i linux-image-6.1_1_amd64.deb', 'kernel-install'],
    ['update-initramfs -u', 'kernel-install'],
    ['apt-get update', undefined],
    ['apt-get install -y nginx', undefined],
    ['apk update', undefined],
  ];
  for (const [script, rule] of rows) test(script, () => assert.equal(ruleOf(script, { ownBase: false }), rule));

  test('UpdateOS', () => {
    const document = documentOf([['UpdateOS', {}]]);
    assert.equal(needsMachine(document, ['build'], { ownBase: false })?.rule, 'kernel-install');
    assert.equal(needsMachine(document, ['build'], { ownBase: true }), undefined);
  });
});

test('position and reason', () => {
  const document = documentOf([
    ['ExecuteBash', { commands: ['true'] }],
    ['ExecuteBash', { commands: ['true\ntrue', 'echo x', 'sudo  modprobe overlay || true'] }],
  ]);

  assert.deepEqual(needsMachine(document, ['build']), {
    reason: `'modprobe overlay' ${MACHINE_RULES['kernel-module']}`,
    position: { line: 11, column: 7 },
    path: 'phases[0].steps[1].inputs.commands[2]',
    rule: 'kernel-module',
  });
});

test('only the phases that run count', () => {
  const document = documentOf([['ExecuteBash', { commands: ['modprobe overlay'] }]], 'test');
  assert.equal(needsMachine(document, ['build', 'validate']), undefined);
  assert.equal(needsMachine(document, ['test'])?.rule, 'kernel-module');
});

test('writing a file needs no virtual machine; a script that is run is read', () => {
  const file: readonly [string, InputValue] = [
    'CreateFile',
    [{ path: '/usr/local/bin/x', content: '#!/bin/sh\nmodprobe overlay\n' }],
  ];
  const python: readonly [string, InputValue] = [
    'CreateFile',
    [{ path: '/usr/local/bin/x', content: '#!/usr/bin/python3\nmodprobe overlay\n' }],
  ];
  const reasons = (...steps: readonly (readonly [string, InputValue])[]): string | undefined =>
    needsMachine(documentOf(steps), ['build'])?.reason;

  assert.equal(reasons(file), undefined);
  assert.match(
    reasons(file, ['ExecuteBash', { commands: ['bash /usr/local/bin/x'] }]) ?? '',
    /^'modprobe overlay' in \/usr\/local\/bin\/x /,
  );
  assert.match(reasons(file, ['ExecuteBinary', { path: '/usr/local/bin/x' }]) ?? '', /in \/usr\/local\/bin\/x/);
  assert.equal(reasons(python, ['ExecuteBinary', { path: '/usr/local/bin/x' }]), undefined);
  assert.match(
    reasons(['ExecuteBash', { commands: ['cat > /tmp/x <<"EOF"\nswapon -a\nEOF\nsh /tmp/x'] }]) ?? '',
    /^'swapon -a' in \/tmp\/x /,
  );
});

test('ExecuteBinary', () => {
  const rule = (path: string, ...args: readonly string[]): string | undefined =>
    needsMachine(documentOf([['ExecuteBinary', { path, arguments: args }]]), ['build'])?.rule;
  assert.equal(rule('/sbin/modprobe', 'overlay'), 'kernel-module');
  assert.equal(rule('/bin/bash', '-c', 'swapon -a'), 'swap');
  assert.equal(rule('/bin/echo', '; modprobe overlay', "'$(modprobe x)"), undefined);
});

test('parameters and constants are resolved', () => {
  const { document } = parseComponentDocument(`
schemaVersion: 1.0
parameters:
  - Key: {type: string, default: net.ipv4.ip_forward}
constants:
  - Tool: {type: string, value: sysctl}
phases:
  - name: build
    steps:
      - name: Set
        action: ExecuteBash
        inputs: {commands: ['{{ Tool }} -w {{ Key }}=1']}
`);
  assert.ok(document);
  assert.equal(needsMachine(document, ['build']), undefined);
  assert.equal(needsMachine(document, ['build'], undefined, { Key: 'vm.swappiness' })?.rule, 'kernel-parameter');
});

test('inputs of an unexpected shape are ignored', () => {
  for (const inputs of [null, 'text', [], { commands: 'modprobe x' }, { commands: [null, { a: 1 }] }] as const) {
    assert.equal(
      needsMachine(
        documentOf([
          ['ExecuteBash', inputs],
          ['ExecuteBinary', inputs],
          ['CreateFile', inputs],
        ]),
        ['build'],
      ),
      undefined,
    );
  }
});
