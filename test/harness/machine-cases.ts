/**
 * Components that touch what a container does not have or shares, to be built with each driver: the images have to be
 * the same. `describeDisk` says what an image is, in lines that can be compared.
 */
import { readFileSync } from 'node:fs';
import type { MachineRuleName } from '../../src/documents/component/machine-tables.ts';
import type { Instance } from '../../src/instances/instance.ts';

/** One component to build with `nspawn`, with `qemu` and with the default. */
export interface MachineCase {
  readonly name: string;
  /** Component document, YAML. */
  readonly document: string;
  /**
   * Where the default has it run: the rule that sends it to a machine, `retry` (the container refuses first), or
   * `container`.
   */
  readonly runs: MachineRuleName | 'retry' | 'container';
}

interface Phases {
  readonly build: string;
  readonly validate?: string;
  readonly test?: string;
}

/** A document with one bash script for each phase, which stops at the first command that fails. */
function bashComponent(name: string, phases: Phases): string {
  const indented = (script: string): string =>
    script
      .trim()
      .split('\n')
      .map((line) => `              ${line}`.trimEnd())
      .join('\n');
  return `name: ${name}\nschemaVersion: 1.0\nphases:\n${Object.entries(phases)
    .map(
      ([phase, script]) => `  - name: ${phase}
    steps:
      - name: Script
        action: ExecuteBash
        inputs:
          commands:
            - |
              set -eu
              export DEBIAN_FRONTEND=noninteractive
${indented(script as string)}
`,
    )
    .join('')}`;
}

/**
 * Puts the oldest kernel that the mirrors carry in place of the newest: built once on the base image, in a container,
 * this gives a base that has a kernel to upgrade. Fails when the mirrors carry only one.
 */
export const olderKernel = bashComponent('older-kernel', {
  build: `
apt-get update -q
versions=$(apt-cache madison linux-image-cloud-amd64 | awk '{print $3}' | sort -Vu)
oldest=$(echo "$versions" | head -n 1)
if [ "$oldest" = "$(echo "$versions" | tail -n 1)" ]; then echo "the mirrors carry one kernel only: $oldest"; exit 1; fi
newest=$(readlink /vmlinuz | sed 's/.*vmlinuz-//')
apt-get install -qy --allow-downgrades "linux-image-cloud-amd64=$oldest"
apt-get purge -qy "linux-image-$newest"
[ "$(readlink /vmlinuz)" != "boot/vmlinuz-$newest" ]
[ ! -e "/boot/vmlinuz-$newest" ]
echo "older kernel: $(readlink /vmlinuz), was $newest"
`,
  validate: 'ls /boot; [ -e /vmlinuz ]; [ -e /initrd.img ]',
});

/** The cases of the issue, and one that only a retry finds. */
export const machineCases: readonly MachineCase[] = [
  {
    name: 'kernel-upgrade',
    runs: 'container',
    document: bashComponent('kernel-upgrade', {
      build:
        'before=$(readlink /vmlinuz)\napt-get update -q\napt-get install -qy linux-image-cloud-amd64\n[ ' +
        '"$(readlink /vmlinuz)" != "$before" ]',
      // The release of the kernel that the links name, in the machine that booted.
      test: '[ "boot/vmlinuz-$(uname -r)" = "$(readlink /vmlinuz)" ]',
    }),
  },
  {
    name: 'sysctl-file',
    runs: 'container',
    document: bashComponent('sysctl-file', {
      build: `
cat > /etc/sysctl.d/60-case.conf <<'EOF'
vm.swappiness = 7
fs.file-max = 123456
net.ipv4.ip_forward = 1
EOF
echo 'kernel.panic = 9' >> /etc/sysctl.conf`,
      test:
        '[ "$(cat /proc/sys/vm/swappiness)" = 7 ]; [ "$(cat /proc/sys/fs/file-max)" = 123456 ]; [ "$(cat ' +
        '/proc/sys/kernel/panic)" = 9 ]',
    }),
  },
  {
    name: 'sysctl-command',
    runs: 'kernel-parameter',
    document: bashComponent('sysctl-command', {
      build: `
echo 'vm.vfs_cache_pressure = 80' > /etc/sysctl.d/61-case.conf
sysctl --system
sysctl -w kernel.panic=11
sysctl -n vm.vfs_cache_pressure > /etc/case-cache-pressure
[ "$(cat /etc/case-cache-pressure)" = 80 ]`,
      test: '[ "$(cat /proc/sys/vm/vfs_cache_pressure)" = 80 ]',
    }),
  },
  {
    name: 'module',
    runs: 'kernel-module',
    document: bashComponent('module', {
      build: `
echo dummy > /etc/modules-load.d/case.conf
echo 'options bonding max_bonds=0' > /etc/modprobe.d/case.conf
modprobe dummy
lsmod | grep '^dummy '`,
      test: '[ -d /sys/module/dummy ]',
    }),
  },
  {
    name: 'docker',
    runs: 'containers',
    document: bashComponent('docker', {
      build:
        'apt-get update -q\napt-get install -qy --no-install-recommends docker.io\nsystemctl enable --now ' +
        'docker\ndocker info > /dev/null',
      validate: 'systemctl is-enabled docker\nsystemctl is-active docker',
      test: 'systemctl is-active docker\ndocker info > /dev/null',
    }),
  },
  {
    name: 'swap',
    runs: 'swap',
    document: bashComponent('swap', {
      build: `
fallocate -l 64M /swapfile
chmod 600 /swapfile
mkswap -U 6a1e0f4e-3c5b-4b63-8a52-0d1f5b0c7a11 /swapfile
swapon /swapfile
swapon --show | grep /swapfile
echo '/swapfile none swap sw 0 0' >> /etc/fstab`,
      test: 'swapon --show | grep /swapfile',
    }),
  },
  {
    name: 'services',
    runs: 'container',
    document: bashComponent('services', {
      build: `
cat > /etc/systemd/system/case.service <<'EOF'
[Unit]
Description=A service of the test

[Service]
Type=oneshot
RemainAfterExit=yes
StateDirectory=case
ExecStart=/bin/sh -c 'id -u > /var/lib/case/ran'

[Install]
WantedBy=multi-user.target
EOF
cat > /etc/systemd/system/case-tick.service <<'EOF'
[Service]
Type=oneshot
DynamicUser=yes
StateDirectory=case-tick
ExecStart=/bin/sh -c 'date > /var/lib/case-tick/tick'
EOF
cat > /etc/systemd/system/case-tick.timer <<'EOF'
[Timer]
OnActiveSec=1s
AccuracySec=100ms
OnCalendar=hourly
[Install]
WantedBy=timers.target
EOF
systemctl daemon-reload
systemctl enable --now case.service case-tick.timer
systemctl mask --now apt-daily.timer
systemctl disable --now apt-daily-upgrade.timer
systemctl set-default multi-user.target
for i in $(seq 300); do [ -e /var/lib/case-tick/tick ] && break; sleep 0.1; done
[ -e /var/lib/case-tick/tick ]`,
      validate: 'systemctl is-active case.service case-tick.timer\nsystemctl is-enabled case.service case-tick.timer',
      test: 'systemctl is-active case.service case-tick.timer\n[ "$(cat /var/lib/case/ran)" = 0 ]',
    }),
  },
  {
    name: 'owners',
    runs: 'container',
    document: bashComponent('owners', {
      build: `
apt-get update -q
apt-get install -qy acl attr libcap2-bin
groupadd -g 4200 case
useradd -m -u 4200 -g case -s /bin/bash -G sudo case
useradd -r -u 642 case-daemon
install -d -o case -g case -m 2775 /srv/case
install -d -m 1777 /srv/case/drop
install -o case-daemon -g case -m 0640 /etc/fstab /srv/case/secret
cp /usr/bin/ping /usr/local/bin/case-ping
setcap cap_net_raw,cap_net_bind_service=+ep /usr/local/bin/case-ping
install -m 4750 -o root -g case /usr/bin/id /usr/local/bin/case-id
setfacl -m u:case-daemon:rx -m d:g:case:rwx /srv/case
setfacl -m u:642:rw /srv/case/secret
setfattr -n user.case -v 'a value' /srv/case/secret
ln -s ../srv/case /opt/case
mkfifo -m 0620 /srv/case/pipe
chown -h case:case /opt/case
chown 60123:60124 /srv/case/drop`,
      validate: 'getcap /usr/local/bin/case-ping | grep cap_net_raw\nsu case -c "id -un" | grep -x case',
      test: 'getcap /usr/local/bin/case-ping | grep cap_net_raw\ngetfacl -p /srv/case | grep user:case-daemon:r-x',
    }),
  },
  {
    name: 'found-by-retry',
    runs: 'retry',
    document: bashComponent('found-by-retry', {
      // What Python runs no rule reads.
      build: `
echo first > /etc/case-first
python3 -c 'import os, subprocess
subprocess.run(["modprobe", "dummy"], check=True)
assert os.path.isdir("/sys/module/dummy")'
echo second >> /etc/case-first`,
    }),
  },
];

/** A mistake: it fails in the container and is not tried again. */
export const mistake = bashComponent('mistake', { build: 'echo begin\nmodprbe dummy' });

/** What an image is: sections (packages, kernel, boot, initramfs, units, sysctl, files) of sorted lines. */
export type DiskDescription = Readonly<Record<string, readonly string[]>>;

/**
 * Describes the disk that an instance runs on. Machines see all that there is to see; containers no attributes of the
 * `trusted` space. What each machine makes for itself (identity, keys, logs, caches, seeds) is left out.
 * @throws {Error} with what it printed, when it fails
 */
export async function describeDisk(instance: Instance): Promise<DiskDescription> {
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  const { exitCode } = await instance.run({
    script: `python3 - <<'END_OF_PYTHON'\n${DESCRIBE}\nEND_OF_PYTHON\n`,
    timeoutSeconds: 900,
    onOutput: (stream, chunk) => void (stream === 'stdout' ? output : errors).push(chunk),
  });
  if (exitCode !== 0)
    throw new Error(`the disk of ${instance.id} could not be described: ${Buffer.concat(errors).toString('utf8')}`);
  return JSON.parse(Buffer.concat(output).toString('utf8')) as DiskDescription;
}

/** Lines that only one of two descriptions has: `files: - …` only the first, `files: + …` only the second. */
export function diskDifferences(first: DiskDescription, second: DiskDescription): readonly string[] {
  return [...new Set([...Object.keys(first), ...Object.keys(second)])].flatMap((section) => {
    const [one, other] = [new Set(first[section] ?? []), new Set(second[section] ?? [])];
    return [
      ...[...one].filter((line) => !other.has(line)).map((line) => `${section}: - ${line}`),
      ...[...other].filter((line) => !one.has(line)).map((line) => `${section}: + ${line}`),
    ];
  });
}

const DESCRIBE = readFileSync(new URL('describe-machine.py', import.meta.url), 'utf8');
