/** Finds commands that need a virtual machine. */
import { KERNEL_PACKAGE, PACKAGE_TOOLS, PACKAGES, PROGRAMS, SERVICES, type MachineRuleName } from './machine-tables.ts';
import type { ShellCommand } from './shell-commands.ts';

/** What is known about the disk that the document runs on. */
export interface RuleDisk {
  /**
   * Whether the disk is based on one of Ingot's base images, whose boot menu needs no change when the kernel is
   * upgraded.
   */
  readonly ownBase: boolean;
}

/** Devices of a machine. */
const DEVICE =
  /^\/dev\/(?:[shv]d[a-z]|xvd|nvme|loop|sr\d|vg|mapper\/|md|dm-|disk\/|ram\d|zram|kvm\b|fuse\b|vhost|mem\b|kmsg\b|rtc|tty[0-9SU]|watchdog|tpm|nbd|sg\d|hwrng|dri\b|nvidia|vfio|cpu|uinput|input|snd)/;
/**
 * Files that show the host's kernel or hardware, or nothing, in a container, and the machine's own in a virtual
 * machine.
 */
const KERNEL_FILE =
  /^\/(?:proc\/(?:modules|version|cmdline|config\.gz|kallsyms|kcore|swaps|mdstat|partitions|devices)\b|lib\/modules\/\$|sys\/module\/)/;
const HARDWARE_FILE = /^\/sys\/(?:class\/dmi|devices\/virtual\/dmi|firmware|hypervisor|block|class\/block)(?:\/|$)/;
/** Programs whose arguments are text, so that one that looks like a device or a kernel file is not one. */
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

/** Number of ids in a container: `UIDS_OF_A_CONTAINER` of `platform/host.ts`. */
const CONTAINER_IDS = 2 ** 24;

/**
 * Whether a word is, or ends with, an id outside of a container's range: `-u20000000`, `--uid=20000000`, `0:20000000`.
 */
function namesForeignId(word: string): boolean {
  const found = /^(?:-[a-z]+|--[a-z]+=)?(\d{1,10})?(?:[:.](\d{1,10}))?$/.exec(word);
  return found !== null && [found[1], found[2]].some((id) => Number(id ?? 0) >= CONTAINER_IDS);
}

/**
 * The rule that applies to a command.
 * @param files contents of files that the document has written so far, by path
 */
export function commandRule(
  command: ShellCommand,
  disk: RuleDisk,
  files: ReadonlyMap<string, string>,
): MachineRuleName | undefined {
  const [program = '', ...args] = command.words;
  const written = fileRule(program === 'tee' || program === 'truncate' ? [...command.writes, ...args] : command.writes);
  if (written !== undefined) return written;
  // A script that is piped into a shell, as its authors recommend.
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
  // The search term is text.
  if (/^[ef]?grep$/.test(program))
    args.splice(
      args.findIndex((word) => !word.startsWith('-')),
      1,
    );
  return fileRule([...command.reads, ...args.map((word) => word.replace(/^(?:if|of)=|^--?[\w-]+=/, ''))], true);
}

/** Uses of a listed program that work in a container as in a machine. */
function harmless(program: string, args: readonly string[]): boolean {
  if (program === 'kmod') return args[0] !== 'load' && args[0] !== 'unload' && args[0] !== 'list';
  if (program === 'dkms') return args[0] === 'status';
  if (program === 'udevadm') return /^(?:control|settle|hwdb|--version)$/.test(args[0] ?? '');
  if (program === 'snap') return args.length === 0;
  return false;
}

/** The rule for files that are written, or (`read`) passed to a program. */
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
 * Parameters that belong to a network namespace, of which a container has its own. Most of `net.core` and the sizes of
 * conntrack do not.
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

/** File systems that root in a user namespace may mount. */
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

/** The subcommand of a package tool; options with values may come before it. */
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
  // `apt-get update` downloads lists only.
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
