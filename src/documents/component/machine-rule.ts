/**
 * Which component documents need a virtual machine: what shows in the document to act on the running kernel, on devices
 * or on the boot loader, none of which a system container has.
 *
 * A rule about commands, not about files: what a document writes into `/etc/sysctl.d`, `/etc/modules-load.d` or
 * `/etc/fstab` takes effect when the image boots, so that writing it is fine in a container. A rule that hits too often
 * costs time, for a machine gives the same image more slowly. One that misses costs one retry, since the container
 * refuses aloud (`workflows/container-refusals.ts`). What a container ignores *without* a word therefore has to be
 * here: services that systemd skips by a condition, `systemd-sysctl`, what asks for the running kernel's release. Each
 * rule was tried in a container and in a machine; `docs/drivers.md` says the same to users.
 */
import type { Position } from '../position.ts';
import type { ComponentDocument, InputValue, Step } from './document.ts';
import { ReferencesTooLargeError, resolveReferences, type ReferenceLookup } from './references.ts';
import { shellCommands, type ShellCommand } from './shell-commands.ts';

/** What in a document needs a machine. */
export interface MachineNeed {
  /** A clause that goes on after `because`: "'modprobe overlay' loads or removes kernel modules, …". */
  readonly reason: string;
  /** Of the step. */
  readonly position: Position;
  /** Such as `phases[0].steps[2].inputs.commands[1]`. */
  readonly path: string;
  /** Name of the rule, from `MACHINE_RULES`. */
  readonly rule: MachineRuleName;
}

/** What is known of the disk that the document runs on. */
export interface RuleDisk {
  /**
   * True for a disk that descends from a base image of ours, whose boot menu needs no change when the kernel is
   * upgraded.
   */
  readonly ownBase: boolean;
}

/** Each rule with the clause that follows the command it found. */
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

/**
 * The first thing in the phases that are to run which needs a machine, or undefined when a container will do.
 * @param disk a disk of ours when absent
 * @param parameters values that the recipe gives; the document's defaults and constants fill in
 */
export function needsMachine(
  document: ComponentDocument,
  phases: readonly string[],
  disk: RuleDisk = { ownBase: true },
  parameters: Readonly<Record<string, string>> = {},
): MachineNeed | undefined {
  const names = new Map<string, string>();
  for (const { name, value } of document.constants) names.set(name, value);
  for (const { name, defaultValue } of document.parameters)
    if (defaultValue !== undefined) names.set(name, defaultValue);
  for (const [name, value] of Object.entries(parameters)) names.set(name, value);
  const lookup = { name: (name: string) => names.get(name), chain: () => undefined };

  const files = new Map<string, string>();
  const reading = { left: MAX_READ_OF_FILES };
  for (const [phaseIndex, phase] of document.phases.entries()) {
    if (!phases.includes(phase.name)) continue;
    for (const [stepIndex, step] of phase.steps.entries()) {
      const inputs = resolvedInputs(step, lookup);
      const hit = stepNeed(step, inputs, { disk, files, depth: 0, reading });
      if (hit === undefined) continue;
      const path = `phases[${phaseIndex}].steps[${stepIndex}]${hit.path}`;
      return { reason: `${hit.what} ${MACHINE_RULES[hit.rule]}`, position: step.position, path, rule: hit.rule };
    }
  }
  return undefined;
}

/** The step's inputs; nothing where they are more than a step may have, and so will not run. */
function resolvedInputs(step: Step, lookup: ReferenceLookup): InputValue {
  try {
    return resolveReferences(step.inputs, lookup).value;
  } catch (error) {
    if (error instanceof ReferencesTooLargeError) return {};
    throw error;
  }
}

/** Characters of scripts in files that are read for one document, each time that one is run counted. */
const MAX_READ_OF_FILES = 1 << 18;

interface Context {
  readonly disk: RuleDisk;
  /** Contents of files that the document wrote so far, by path: scripts that later commands may run. */
  readonly files: Map<string, string>;
  readonly depth: number;
  /** Characters of such scripts that may still be read: one may run another a thousand times, and that one a third. */
  readonly reading: { left: number };
}

interface StepHit {
  readonly rule: MachineRuleName;
  /** What was found, in quotes. */
  readonly what: string;
  readonly path: string;
}

function stepNeed(step: Step, inputs: InputValue, context: Context): StepHit | undefined {
  if (step.action === 'CreateFile' || step.action === 'AppendFile') {
    for (const item of list(inputs)) {
      const path = text(member(item, 'path'));
      if (path !== '') context.files.set(path, text(member(item, 'content')));
    }
    return undefined;
  }
  if (step.action === 'ExecuteBash') {
    const commands = list(member(inputs, 'commands')).map(text);
    const hit = scriptNeed(commands.join('\n'), context);
    if (hit === undefined) return undefined;
    return { ...hit, path: `.inputs.commands[${itemOfLine(commands, hit.line)}]` };
  }
  if (step.action === 'ExecuteBinary') {
    const words = [text(member(inputs, 'path')), ...list(member(inputs, 'arguments')).map(text)];
    // As a script of one command, so that `sudo`, `bash -c` and the like are seen through.
    const hit = scriptNeed(words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '), context);
    return hit === undefined ? undefined : { ...hit, path: '.inputs' };
  }
  if (step.action === 'UpdateOS' && !context.disk.ownBase)
    return { rule: 'kernel-install', what: 'UpdateOS', path: '' };
  return undefined;
}

/** The item of a list whose texts, joined by newlines, have this line. */
function itemOfLine(items: readonly string[], line: number): number {
  let last = 0;
  for (const [index, item] of items.entries()) {
    last += item.split('\n').length;
    if (line <= last) return index;
  }
  return Math.max(0, items.length - 1);
}

function scriptNeed(
  script: string,
  context: Context,
): { readonly rule: MachineRuleName; readonly what: string; readonly line: number } | undefined {
  const { reading } = context;
  for (const command of shellCommands(script)) {
    const rule = commandRule(command, context);
    if (rule !== undefined) return { rule, what: `'${shown(command)}'`, line: command.line };
    const file = command.runs ?? (command.program.includes('/') ? command.program : undefined);
    const content = file === undefined ? undefined : context.files.get(file);
    const runs =
      content !== undefined &&
      context.depth < 5 &&
      content.length <= reading.left &&
      !/^#!(?!.*\b(?:ba|da|k|z)?sh\b)/.test(content);
    if (runs) {
      reading.left -= content.length + 1;
      const inner = scriptNeed(content, { ...context, depth: context.depth + 1 });
      if (inner !== undefined) return { ...inner, what: `${inner.what} in ${file}`, line: command.line };
    }
    const [program] = command.words;
    const target =
      program === 'tee'
        ? command.words.find((word, index) => index > 0 && !word.startsWith('-'))
        : command.writes.at(-1);
    if (command.input !== undefined && (program === 'cat' || program === 'tee') && target !== undefined)
      context.files.set(target, command.input);
  }
  return undefined;
}

function shown({ words, writes }: ShellCommand): string {
  const whole = [...words, ...writes.map((file) => `> ${file}`)].join(' ').replace(/\s+/g, ' ');
  return whole.length <= 100 ? whole : `${whole.slice(0, 100)}…`;
}

/** Programs that need a machine however they are called, but for asking what they are. */
const PROGRAMS: ReadonlyMap<string, MachineRuleName> = new Map(
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
 * Services that systemd skips in a container by a condition, that start without effect there (`systemd-sysctl`), or
 * that need what only a machine has.
 */
const SERVICES = new RegExp(
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

/**
 * Packages whose own scripts work on the running kernel, the boot loader or devices, and say nothing where they cannot.
 */
const PACKAGES: readonly (readonly [RegExp, MachineRuleName])[] = [
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

const KERNEL_PACKAGE =
  /^(?:linux-(?:image|headers|modules|generic|virtual|aws|azure|gcp|cloud|signed|generic-hwe)|kernel(?:$|-)|grub|shim|initramfs-tools|dracut)/;
const PACKAGE_TOOLS: ReadonlySet<string> = new Set([
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

/** Devices of a machine. */
const DEVICE =
  /^\/dev\/(?:[shv]d[a-z]|xvd|nvme|loop|sr\d|vg|mapper\/|md|dm-|disk\/|ram\d|zram|kvm\b|fuse\b|vhost|mem\b|kmsg\b|rtc|tty[0-9SU]|watchdog|tpm|nbd|sg\d|hwrng|dri\b|nvidia|vfio|cpu|uinput|input|snd)/;
/** Files that show the host's kernel or hardware, or nothing, where a machine shows its own. */
const KERNEL_FILE =
  /^\/(?:proc\/(?:modules|version|cmdline|config\.gz|kallsyms|kcore|swaps|mdstat|partitions|devices)\b|lib\/modules\/\$|sys\/module\/)/;
const HARDWARE_FILE = /^\/sys\/(?:class\/dmi|devices\/virtual\/dmi|firmware|hypervisor|block|class\/block)(?:\/|$)/;
/** Programs whose arguments are text: what looks like a device or a kernel's file there is none. */
const TEXTUAL: ReadonlySet<string> = new Set([
  'echo',
  'printf',
  'sed',
  'awk',
  'logger',
  ':',
  'export',
  'local',
  'declare',
  'readonly',
]);
const ASKING = /^(?:--help|-h|--version|-V|version|help|completion)$/;

/** Ids that a container has: `UIDS_OF_A_CONTAINER` of `platform/host.ts`. */
const CONTAINER_IDS = 2 ** 24;

/** Whether a word is, or ends with, an id that a container does not have: `-u20000000`, `--uid=20000000`, `0:20000000`. */
function namesForeignId(word: string): boolean {
  const found = /^(?:-[a-z]+|--[a-z]+=)?(\d{1,10})?(?:[:.](\d{1,10}))?$/.exec(word);
  return found !== null && [found[1], found[2]].some((id) => Number(id ?? 0) >= CONTAINER_IDS);
}

function commandRule(command: ShellCommand, { disk, files }: Context): MachineRuleName | undefined {
  const [program = '', ...args] = command.words;
  const written = fileRule(program === 'tee' || program === 'truncate' ? [...command.writes, ...args] : command.writes);
  if (written !== undefined) return written;
  // What a script pipes into a shell from there, as its makers recommend.
  if (args.some((word) => /get\.docker\.com|get\.k3s\.io/.test(word))) return 'containers';
  if (program === '' || (args.length === 1 && ASKING.test(args[0]!))) return undefined;

  const named = PROGRAMS.get(program);
  if (named !== undefined && !harmless(program, args)) return named;
  const options = args.filter((word) => word.startsWith('-'));
  const operands = args.filter((word) => !word.startsWith('-'));
  switch (program) {
    case 'modprobe':
      return options.some((word) => /^(?:-n|-c|-D|--dry-run|--show.*|--showconfig)$/.test(word))
        ? undefined
        : 'kernel-module';
    case 'depmod':
      return operands.some((word) => /\d\.\d/.test(word)) ? undefined : 'running-kernel';
    case 'uname':
      return options.some((word) => /^-[a-z]*[rv]|^--kernel-(?:release|version)$/.test(word))
        ? 'running-kernel'
        : undefined;
    case 'sysctl':
      return sysctlRule(args, files);
    case 'losetup':
      return args.length === 0 || options.some((word) => /^(?:-a|-l|--all|--list)$/.test(word))
        ? undefined
        : 'loop-device';
    case 'swapon':
    case 'zramctl':
      return options.some((word) => /^(?:-s|--show.*|--summary)$/.test(word)) ? undefined : 'swap';
    case 'swapoff':
      return operands.length > 0 ? 'swap' : undefined;
    case 'mknod':
      return /^[bcu]$/.test(operands[1] ?? '') ? 'device' : undefined;
    case 'cryptsetup':
      return /^(?:benchmark|luksDump)$/.test(operands[0] ?? '') ? undefined : 'device';
    case 'mount':
      return mountRule(args);
    case 'rclone':
      return operands[0] === 'mount' ? 'fuse' : undefined;
    case 'date':
      return options.some((word) => /^(?:-[a-z]*s|--set)/.test(word)) || /^\d{8,12}(?:\.\d\d)?$/.test(operands[0] ?? '')
        ? 'clock'
        : undefined;
    case 'timedatectl':
      return /^set-(?:time|local-rtc)$/.test(operands[0] ?? '') ? 'clock' : undefined;
    case 'useradd':
    case 'adduser':
    case 'usermod':
    case 'groupadd':
    case 'addgroup':
    case 'groupmod':
    case 'chown':
    case 'chgrp':
    case 'install':
      return args.some(namesForeignId) ? 'ids' : undefined;
    case 'chattr':
      return args.some((word) => /^[+=][a-zA-Z]*[ai]/.test(word)) ? 'privilege' : undefined;
    case 'setfattr':
      return args.some((word) => /^(?:--name=)?(?:trusted|security)\./.test(word)) ? 'privilege' : undefined;
    case 'systemctl':
      return systemctlRule(args);
    case 'service':
    case 'invoke-rc.d':
      return /start|status|reload/.test(args[1] ?? '') && SERVICES.test(args[0] ?? '')
        ? serviceRule(args[0]!)
        : undefined;
    case 'journalctl':
      return options.some((word) => /^(?:-k|--dmesg)$/.test(word)) ? 'running-kernel' : undefined;
    default:
  }
  if (
    /^(?:mkfs|mkfs\..*|mke2fs|fsck|fsck\..*|e2fsck|mount\..*)$/.test(program) &&
    operands.some((word) => DEVICE.test(word))
  )
    return 'device';
  if (PACKAGE_TOOLS.has(program)) return packageRule(program, operands, disk);
  if (!disk.ownBase && /^(?:update-initramfs|mkinitramfs|new-kernel-pkg|installkernel|dpkg-reconfigure)$/.test(program))
    return 'kernel-install';
  if (TEXTUAL.has(program)) return fileRule(command.reads, true);
  // What is searched for is text.
  if (/^[ef]?grep$/.test(program))
    args.splice(
      args.findIndex((word) => !word.startsWith('-')),
      1,
    );
  return fileRule([...command.reads, ...args.map((word) => word.replace(/^(?:if|of)=|^--?[\w-]+=/, ''))], true);
}

/** Calls of a listed program that a container answers like a machine. */
function harmless(program: string, args: readonly string[]): boolean {
  if (program === 'kmod') return args[0] !== 'load' && args[0] !== 'unload' && args[0] !== 'list';
  if (program === 'dkms') return args[0] === 'status';
  if (program === 'udevadm') return /^(?:control|settle|hwdb|--version)$/.test(args[0] ?? '');
  if (program === 'snap') return args.length === 0;
  return false;
}

/** Of files that are written, or (`read`) handed to a program. */
function fileRule(paths: readonly string[], read = false): MachineRuleName | undefined {
  for (const path of paths) {
    if (DEVICE.test(path))
      return path.startsWith('/dev/fuse') ? 'fuse' : path.startsWith('/dev/loop') ? 'loop-device' : 'device';
    if (read && KERNEL_FILE.test(path)) return 'running-kernel';
    if (read && HARDWARE_FILE.test(path)) return 'hardware';
    if (read) continue;
    if (/^\/proc\/sys\/net\//.test(path) && perNamespace(path.slice('/proc/sys/'.length).replaceAll('/', '.')))
      continue;
    if (/^\/proc\/sys/.test(path)) return 'kernel-parameter';
    if (/^\/sys\/(?!fs\/cgroup\/)/.test(path)) return 'kernel-parameter';
  }
  return undefined;
}

/**
 * Parameters that belong to a network namespace, of which a container has its own. Most of `net.core` and conntrack's
 * sizes do not.
 */
function perNamespace(key: string): boolean {
  const name = key.replaceAll('/', '.');
  if (
    /^net\.ipv4\.(?:tcp_mem|udp_mem|tcp_max_orphans|inet_peer_.*|neigh\.default\.gc_thresh\d|route\.(?:gc_.*|max_size|redirect_.*|error_.*))$/.test(
      name,
    )
  )
    return false;
  return /^net\.(?:ipv4|ipv6|unix)\.|^net\.core\.somaxconn$/.test(name);
}

function sysctlRule(args: readonly string[], files: ReadonlyMap<string, string>): MachineRuleName | undefined {
  const load = args.findIndex((word) => /^(?:-[a-z]*p|--load(?:=.*)?|--system)/.test(word));
  if (load !== -1) {
    const named = args[load]!.startsWith('--load=')
      ? [args[load]!.slice('--load='.length)]
      : args.slice(load + 1).filter((word) => !word.startsWith('-'));
    const known = named.map((file) => files.get(file));
    if (args[load] === '--system' || known.length === 0 || known.includes(undefined)) return 'kernel-parameter';
    const keys = known
      .flatMap((content) => content!.split('\n'))
      .filter((line) => /^-?\s*[a-z]/.test(line.trimStart()))
      .map((line) => line.split('=')[0]!.replace(/[\s-]/g, ''));
    return keys.every(perNamespace) ? undefined : 'kernel-parameter';
  }
  const assigned = args.filter((word) => word.includes('=') && !word.startsWith('-'));
  return assigned.every((word) => perNamespace(word.slice(0, word.indexOf('=')))) ? undefined : 'kernel-parameter';
}

/** File systems that root of a user namespace may mount. */
const MOUNTABLE = /^(?:tmpfs|ramfs|proc|sysfs|devpts|cgroup2|mqueue|none|bind)$/;

function mountRule(args: readonly string[]): MachineRuleName | undefined {
  const options = args.flatMap((word, index) =>
    args[index - 1] === '-o' || args[index - 1] === '--options'
      ? word.split(',')
      : word.startsWith('-o')
        ? word.slice(2).split(',')
        : [],
  );
  if (options.some((option) => /^loop(?:=|$)/.test(option))) return 'loop-device';
  if (options.includes('remount') && !options.includes('bind')) return 'mount';
  if (
    options.some((option) => option === 'bind' || option === 'rbind') ||
    args.some((word) => /^(?:-B|-R|--bind|--rbind|--make-.*|-M|--move)$/.test(word))
  )
    return undefined;
  const flag = args.findIndex((word) => word === '-t' || word === '--types');
  const type = flag === -1 ? args.find((word) => /^-t./.test(word))?.slice(2) : args[flag + 1];
  if (type !== undefined) return MOUNTABLE.test(type) ? undefined : /^fuse/.test(type) ? 'fuse' : 'mount';
  const operands = args.filter((word, index) => !word.startsWith('-') && !/^-[a-zA-Z]$/.test(args[index - 1] ?? ''));
  if (operands.some((word) => /\.(?:img|iso|raw|squashfs|snap|ext4)$/i.test(word))) return 'loop-device';
  if (
    operands.some(
      (word) =>
        DEVICE.test(word) ||
        /^(?:UUID|LABEL|PARTUUID|PARTLABEL)=/.test(word) ||
        /^\$/.test(word) ||
        /^[\w.-]+:\//.test(word),
    )
  )
    return 'mount';
  return undefined;
}

function systemctlRule(args: readonly string[]): MachineRuleName | undefined {
  const operands = args.filter((word) => !word.startsWith('-'));
  const [verb = '', ...units] = operands;
  const acts =
    /^(?:start|restart|reload|try-restart|reload-or-restart|try-reload-or-restart|condrestart|is-active|is-failed|status)$/.test(
      verb,
    ) ||
    (/^(?:enable|reenable|unmask)$/.test(verb) && args.includes('--now'));
  if (verb === 'kexec') return 'running-kernel';
  const unit = acts ? units.find((name) => SERVICES.test(name)) : undefined;
  return unit === undefined ? undefined : serviceRule(unit);
}

function serviceRule(unit: string): MachineRuleName {
  if (/^systemd-modules-load|^kmod/.test(unit)) return 'kernel-module';
  if (/^(?:systemd-sysctl|procps)/.test(unit)) return 'kernel-parameter';
  if (/^(?:docker|containerd|podman|crio|cri-o|k3s|kubelet|lxd|lxc|incus)/.test(unit)) return 'containers';
  if (/^(?:chrony|ntp|openntpd|systemd-timesyncd)/.test(unit)) return 'clock';
  if (/\.swap$|^zram/.test(unit)) return 'swap';
  if (/\.(?:auto)?mount$/.test(unit)) return 'mount';
  return 'service';
}

/** What a package tool is told to do; options with values may stand before it. */
const VERB =
  /^(?:(?:re|local|group)?install|add|in|upgrade|dist-upgrade|full-upgrade|safe-upgrade|update|distro-sync|patch|dup|up|remove|purge|autoremove)$/;

function packageRule(program: string, operands: readonly string[], disk: RuleDisk): MachineRuleName | undefined {
  const verb = operands.find((word) => VERB.test(word)) ?? '';
  const installs = /install$|^add$|^in$/.test(verb) || operands.some((word) => /\.(?:deb|rpm)$/.test(word));
  const names = operands.map(packageName);
  if (installs) {
    for (const name of names) {
      const found = PACKAGES.find(([pattern]) => pattern.test(name));
      if (found !== undefined) return found[1];
    }
  }
  if (disk.ownBase) return undefined;
  if (installs) return names.some((name) => KERNEL_PACKAGE.test(name)) ? 'kernel-install' : undefined;
  // `apt-get update` fetches lists only.
  const upgrades =
    /upgrade$|^(?:distro-sync|patch|dup|up)$/.test(verb) ||
    (verb === 'update' && !/^(?:apt|apt-get|aptitude|nala|apk)$/.test(program));
  return upgrades ? 'kernel-install' : undefined;
}

/** The name in `name`, `name=1.2`, `name:amd64` and `folder/name_1.2.deb`. */
function packageName(word: string): string {
  const last = word.slice(word.lastIndexOf('/') + 1);
  const name = last.slice(0, last.search(/[=:]|$/));
  if (!/\.(?:deb|rpm)$/.test(name)) return name;
  const version = name.search(/[_-]\d/);
  return version === -1 ? name : name.slice(0, version);
}

function member(value: InputValue | undefined, name: string): InputValue | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, name) ? (value as { readonly [key: string]: InputValue })[name] : undefined;
}

function list(value: InputValue | undefined): readonly InputValue[] {
  return Array.isArray(value) ? value : [];
}

function text(value: InputValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}
