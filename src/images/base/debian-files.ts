/** Files that turn a Debian tree into an Ingot image. Only data and text; `debian.ts` writes them. */

/** A file in the image. */
export interface ImageFile {
  /** Absolute path in the image. */
  readonly path: string;
  readonly content: string;
  /** Permission bits (default: 0644). */
  readonly mode?: number;
}

/**
 * Options of every kernel of the image, in the order that makes ttyS0 `/dev/console`. `no_timer_check` avoids a kernel
 * panic ("IO-APIC + timer doesn't work") if emulation on a busy host loses the test interrupts.
 */
const KERNEL_OPTIONS = 'console=tty0 console=ttyS0,115200 no_timer_check';

/** Files that must exist before the packages are installed, whose scripts read them. */
export const filesBeforePackages: readonly ImageFile[] = [
  // Otherwise the initramfs hook would use the swap partition of the machine that builds.
  { path: '/etc/initramfs-tools/conf.d/resume', content: 'RESUME=none\n' },
  // A container cannot examine the root's device. Without this, its initramfs would lack fsck, unlike a machine's.
  { path: '/etc/initramfs-tools/conf.d/fsck', content: 'FSTYPE=ext4\n' },
  {
    path: '/etc/default/grub',
    content: `# Read by update-grub (which works in a machine, not in a container). See /etc/grub.d/10_kernel_links.
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_TIMEOUT_STYLE=hidden
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="${KERNEL_OPTIONS}"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
`,
  },
];

/** Prevents the packages from writing a boot menu: one entry for the links serves all kernels. */
export const disabledGrubScripts: readonly string[] = [
  '/etc/grub.d/10_linux',
  '/etc/grub.d/20_linux_xen',
  '/etc/grub.d/30_os-prober',
  '/etc/grub.d/30_uefi-firmware',
];

/** Entries that boot the kernel that the links point to, or the previous one if that does not load. */
function menuEntries(device: string, options: string): string {
  return `menuentry 'Debian GNU/Linux' {
  linux /vmlinuz root=${device} ro ${options}
  initrd /initrd.img
}
menuentry 'Debian GNU/Linux, previous kernel' {
  linux /vmlinuz.old root=${device} ro ${options}
  initrd /initrd.img.old
}
`;
}

/**
 * Files that are written after the packages are installed.
 * @param rootUuid of the root file system
 * @param sources lines of `sources.list`
 */
export function filesAfterPackages(rootUuid: string, sources: string): readonly ImageFile[] {
  return [
    { path: '/etc/apt/sources.list', content: sources },
    { path: '/etc/hostname', content: 'debian\n' },
    { path: '/etc/machine-id', content: '', mode: 0o444 },
    { path: '/etc/fstab', content: `UUID=${rootUuid} / ext4 defaults,errors=remount-ro 0 1\n` },
    { path: '/etc/default/locale', content: 'LANG=C.UTF-8\n' },

    // A regular file, not a link into /run, so that readers of an unbooted disk find a file. systemd-resolved
    // recognizes its own stub in it.
    {
      path: '/etc/resolv.conf',
      content: '# systemd-resolved answers here, with what DHCP said.\nnameserver 127.0.0.53\noptions edns0 trust-ad\n',
    },
    {
      path: '/etc/systemd/resolved.conf.d/image.conf',
      content:
        "# Names are asked of the network's servers, and nothing listens for the " +
        'neighbours.\n[Resolve]\nLLMNR=no\nMulticastDNS=no\n',
    },
    {
      path: '/etc/systemd/network/90-dhcp.network',
      content:
        '# Any wired interface that cloud-init has not configured.\n' +
        '[Match]\nType=ether\nKind=!*\nVirtualization=!container\n\n[Network]\nDHCP=yes\n',
    },
    {
      path: '/etc/systemd/network/10-container.network',
      content:
        '# In a container the one who started it configures the ' +
        'interface.\n[Match]\nVirtualization=container\nName=*\n\n[Link]\nUnmanaged=yes\n',
    },
    {
      path: '/etc/systemd/system/qemu-guest-agent.service.d/image.conf',
      content:
        '# Started by its device, so no target has it: without this `systemctl isolate` ends it.\n' +
        '[Unit]\nIgnoreOnIsolate=yes\n',
    },
    {
      path: '/etc/systemd/system/systemd-networkd-wait-online.service.d/image.conf',
      content: `# One interface that is up will do; and in a container none is managed, so there is nothing to wait for.
[Unit]
ConditionVirtualization=!container

[Service]
ExecStart=
ExecStart=/lib/systemd/systemd-networkd-wait-online --any --timeout=30
`,
    },

    {
      path: '/etc/cloud/cloud.cfg.d/10_image.cfg',
      content: `# Where user data and keys are looked for; with neither there cloud-init stays off \
and the machine starts without it.
datasource_list: [NoCloud, Ec2]
# The image names its own package mirrors and its own locale.
apt:
  preserve_sources_list: true
locale: false
# As /usr/local/sbin/make-host-keys.
ssh_genkeytypes: [ed25519, ecdsa]
grub_dpkg:
  enabled: false
system_info:
  network:
    renderers: [networkd]
`,
    },

    {
      path: '/etc/ssh/sshd_config.d/60-no-passwords.conf',
      content:
        "# Keys only. cloud-init's ssh_pwauth, which somebody has to ask for, goes before " +
        'this.\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n',
    },
    {
      path: '/etc/systemd/system/ssh.service.d/host-keys.conf',
      content:
        '# The image has no host keys: each machine makes its own, with cloud-init or ' +
        'without.\n[Service]\nExecStartPre=\nExecStartPre=/usr/local/sbin/make-host-keys\n' +
        'ExecStartPre=/usr/sbin/sshd -t\n',
    },
    { path: '/usr/local/sbin/make-host-keys', content: MAKE_HOST_KEYS, mode: 0o755 },

    { path: '/usr/local/sbin/grow-root', content: GROW_ROOT, mode: 0o755 },
    {
      path: '/etc/systemd/system/grow-root.service',
      content: `[Unit]
Description=Grow the root file system to the size of its disk
ConditionVirtualization=!container
DefaultDependencies=no
After=systemd-remount-fs.service
Before=sysinit.target cloud-init-local.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/grow-root
TimeoutStartSec=120

[Install]
WantedBy=sysinit.target
`,
    },

    { path: '/boot/grub/grub.cfg', content: grubConfig(rootUuid) },
    {
      path: '/etc/grub.d/10_kernel_links',
      mode: 0o755,
      content: `#!/bin/sh
# One entry for /vmlinuz and /initrd.img, the links that Debian keeps on the newest kernel: \
a kernel upgrade needs no new menu.
set -e
cat <<EOF
${menuEntries('UUID=${GRUB_DEVICE_UUID}', '${GRUB_CMDLINE_LINUX} ${GRUB_CMDLINE_LINUX_DEFAULT}')}EOF
`,
    },
  ];
}

/** The initial boot menu. */
function grubConfig(rootUuid: string): string {
  return `# Boots /vmlinuz and /initrd.img, the links that Debian keeps on the newest kernel: \
nothing has to be regenerated after an
# upgrade. update-grub writes this file anew from /etc/default/grub and /etc/grub.d, with the same entries.
set default=0
set fallback=1
set timeout_style=hidden
set timeout=0
search --no-floppy --fs-uuid --set=root ${rootUuid}
if [ "$grub_platform" = pc ]; then
  if serial --unit=0 --speed=115200; then
    terminal_output console serial
  fi
fi
${menuEntries(`UUID=${rootUuid}`, KERNEL_OPTIONS)}`;
}

/**
 * The menu for a boot loader outside of the root file system: it finds the root and continues with the menu there.
 * @param rootUuid of the root file system
 */
export function grubRedirect(rootUuid: string): string {
  return (
    `search --no-floppy --fs-uuid --set=root ${rootUuid}\nset prefix=($root)/boot/grub\nconfigfile ` +
    '$prefix/grub.cfg\n'
  );
}

/**
 * Works without cloud-init, which grows the disk only with a data source. If there is nothing to grow, it costs a few
 * reads in /sys.
 */
const GROW_ROOT = `#!/bin/sh
# Grows the root partition to the end of its disk, and the file system with it. Does nothing where there is no room.
set -eu
device=$(findmnt --noheadings --output SOURCE /)
node=/sys/class/block/$(basename "$(readlink -f "$device")")
[ -e "$node/partition" ] || exit 0
number=$(cat "$node/partition")
disk=$(dirname "$(readlink -f "$node")")
end=$(( $(cat "$node/start") + $(cat "$node/size") ))
# Sectors of 512 bytes. Behind the last partition lie the backup table (33) and what alignment left.
if [ $(( $(cat "$disk/size") - end )) -ge 8192 ]; then
  # What growpart does (it is a shell script that takes seconds in an emulated machine).
  sfdisk --quiet --no-reread --no-tell-kernel --relocate gpt-bak-std "/dev/$(basename "$disk")"
  echo ', +' | sfdisk --quiet --no-reread --no-tell-kernel -N "$number" "/dev/$(basename "$disk")"
  partx --update --nr "$number" "/dev/$(basename "$disk")"
fi
case $(findmnt --noheadings --output FSTYPE /) in
  # Says "nothing to do" by itself, and mends a growth that a power cut ended after the partition.
  ext2|ext3|ext4) resize2fs "$device" ;;
  xfs) xfs_growfs / ;;
  btrfs) btrfs filesystem resize max / ;;
esac
`;

/** An RSA key would take ten seconds and more under emulation, and no maintained client needs one. */
const MAKE_HOST_KEYS = `#!/bin/sh
# Makes the host keys that are missing. For an RSA key as well: ssh-keygen -A.
set -eu
for type in ed25519 ecdsa; do
  key=/etc/ssh/ssh_host_\${type}_key
  [ -s "$key" ] && continue
  rm -f "$key" "$key.pub"
  ssh-keygen -q -t "$type" -N '' -f "$key"
done
`;
