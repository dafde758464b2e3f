/** The rules for documents that need a virtual machine, and the programs, services and packages that they apply to. */

/** Each rule, with the clause that follows the command. */
export const MACHINE_RULES = {
  'kernel-module': "deals with kernel modules, and a container shares its host's kernel",
  'kernel-parameter': 'sets parameters of the running kernel, which a container may not',
  'running-kernel': "asks for the kernel that is running, which in a container is its host's",
  'boot-loader': 'works on the boot loader, which a container does not have',
  'kernel-install': "may change the kernel, and this disk's boot menu is only updated in a virtual machine",
  'loop-device': 'uses a loop device, and a container has none',
  device: 'works on a device, and a container has none',
  mount: 'mounts a file system that a container may not mount',
  fuse: 'mounts through FUSE, and a container has no /dev/fuse',
  swap: 'turns swap on or off, which a container may not',
  containers: 'runs containers of its own, which in a container depends on the host',
  clock: "sets or disciplines the clock, which in a container is its host's",
  hardware: "asks for the hardware, which in a container is its host's",
  service: 'starts or asks for a service that does not run in a container',
  privilege: 'needs a privilege that root in a container does not have',
  ids: 'names a user or group id above 16777215, which a container does not have',
} as const;

export type MachineRuleName = keyof typeof MACHINE_RULES;

/** Programs that need a virtual machine with any arguments, except those that only print information. */
export const PROGRAMS: ReadonlyMap<string, MachineRuleName> = new Map(
  Object.entries({
    'kernel-module': 'insmod rmmod lsmod modinfo kmod dkms akmods weak-modules',
    'boot-loader':
      'grub-install grub2-install update-grub update-grub2 grub-mkconfig grub2-mkconfig grubby grub-probe ' +
      'grub-reboot efibootmgr bootctl ' +
      'kernel-install extlinux lilo zipl dracut mkinitcpio mokutil',
    'running-kernel': 'kexec bpftool bpftrace dmesg perf',
    'loop-device': 'kpartx qemu-nbd udisksctl snap',
    device:
      'pvs pvcreate pvresize pvremove pvscan vgs vgcreate vgextend vgchange vgscan lvs lvm lvcreate lvextend ' +
      'lvresize lvremove lvchange lvdisplay ' +
      'vgdisplay pvdisplay dmsetup mdadm multipath multipathd iscsiadm partprobe partx growpart resize2fs tune2fs ' +
      'dumpe2fs xfs_growfs xfs_repair blkdiscard fstrim ' +
      'fsfreeze hdparm smartctl nvme sgdisk gdisk parted sfdisk lsblk zpool zfs blockdev badblocks ethtool udevadm',
    fuse: 'fusermount fusermount3 sshfs s3fs rclone-mount mergerfs bindfs',
    containers:
      'docker dockerd docker-compose containerd ctr nerdctl crictl podman buildah lxc lxd incus minikube kind k3s ' +
      'k3d kubeadm kubelet machinectl systemd-nspawn',
    clock: 'hwclock ntpdate chronyc chronyd ntpd sntp adjtimex',
    hardware: 'dmidecode lspci lsusb lshw virt-what systemd-detect-virt numactl cpupower tuned-adm kvm-ok',
    privilege: 'auditctl augenrules setenforce apparmor_parser aa-enforce aa-complain aa-disable setserial',
  }).flatMap(([rule, names]) =>
    names.split(' ').map((name): [string, MachineRuleName] => [name, rule as MachineRuleName]),
  ),
);

/**
 * Services that systemd skips in a container by a condition, that start there without effect (`systemd-sysctl`), or
 * that need what only a machine has.
 */
export const SERVICES = new RegExp(
  `^(?:${[
    'systemd-(?:modules-load|sysctl|timesyncd|udevd|udev-trigger|binfmt|random-seed|hwdb-update|growfs-.*|' +
      'zram-setup@.*|oomd)',
    'procps',
    'udev',
    'kmod',
    'module-init-tools',
    'chronyd?',
    'ntp',
    'ntpd',
    'ntpsec',
    'openntpd',
    'auditd',
    'irqbalance',
    'iscsid?',
    'open-iscsi',
    'multipathd',
    'multipath-tools',
    'mdmonitor.*',
    'mdadm.*',
    'lvm2-.*',
    'zramswap',
    'fstrim',
    'apparmor',
    'nfs-server',
    'nfs-kernel-server',
    'nfs-mountd',
    'rpc-svcgssd',
    'kdump',
    'kdump-tools',
    'kexec',
    'kexec-load',
    'smartd',
    'smartmontools',
    'acpid',
    'thermald',
    'tuned',
    'rngd',
    'rng-tools.*',
    'haveged',
    'lm-sensors',
    'cpupower',
    'cpufrequtils',
    'numad',
    'ksm',
    'ksmtuned',
    'qemu-guest-agent',
    'spice-vdagentd?',
    'open-vm-tools',
    'vgauth',
    'hv-.*',
    'serial-getty@.*',
    'getty@.*',
    'docker',
    'containerd',
    'podman',
    'crio',
    'cri-o',
    'buildkit',
    'k3s.*',
    'kubelet',
    'libvirtd',
    'virtqemud',
    'lxd',
    'lxc',
    'incus',
    'snapd.*',
    'zfs-.*',
    'cryptdisks.*',
    'systemd-cryptsetup@.*',
    'bluetooth',
    'earlyoom',
    'dkms',
  ].join('|')})(?:\\.service|\\.socket|\\.timer)?$|\\.(?:swap|mount|automount|device)$`,
);

/** Packages whose scripts act on the running kernel, the boot loader or devices, and fail silently. */
export const PACKAGES: readonly (readonly [RegExp, MachineRuleName])[] = [
  [/(?:^|-)dkms$|^(?:nvidia-|virtualbox-|akmod-|kmod-)/, 'kernel-module'],
  [/^grub-(?:pc|efi|cloud|xen|legacy|ieee1275)(?:-amd64|-arm64)?$|^grub2-(?:pc|efi)/, 'boot-loader'],
  [
    /^(?:docker\.io|docker-ce|docker-engine|docker|moby-engine|containerd|containerd\.io|podman|lxd|lxc|incus|kubelet|k3s)$/,
    'containers',
  ],
  [/^(?:mdadm|zfsutils-linux|zram-tools|systemd-zram-generator|multipath-tools)$/, 'device'],
  [/^(?:snapd)$/, 'loop-device'],
  [/^(?:auditd)$/, 'privilege'],
];

export const KERNEL_PACKAGE =
  /^(?:linux-(?:image|headers|modules|generic|virtual|aws|azure|gcp|cloud|signed|generic-hwe)|kernel(?:$|-)|grub|shim|initramfs-tools|dracut)/;
export const PACKAGE_TOOLS: ReadonlySet<string> = new Set([
  'apt',
  'apt-get',
  'aptitude',
  'nala',
  'dnf',
  'yum',
  'microdnf',
  'tdnf',
  'zypper',
  'dpkg',
  'rpm',
  'apk',
  'amazon-linux-extras',
]);
