/**
 * What a system container refuses and a virtual machine may allow: a closed list of outputs, most of them observed in a
 * container of Debian 12, the others from the programs' own texts. If one of them ends a step, the component is retried
 * once in a virtual machine. A user's mistake is not in the list: a missing command, file or package also fails there.
 * `docs/drivers.md` describes the list.
 */

/** A failed step, from `DocumentFailure`. */
export interface RefusedStep {
  readonly action: string;
  readonly message: string;
  readonly exitCode?: number;
}

/** Why a virtual machine may succeed. */
export interface ContainerRefusal {
  /** A clause that continues `because`: "a container loads no kernel modules". */
  readonly refusal: string;
  /** The line that shows it. */
  readonly line: string;
}

/** One kind of refusal. */
interface Refusal {
  readonly what: string;
  /** Each pattern matches a line of output of the named program. */
  readonly patterns: readonly RegExp[];
}

/** The list. The order matters only if two match one line. */
export const REFUSALS: readonly Refusal[] = [
  {
    what: 'a container has no disks, no device mapper and no RAID of its own',
    patterns: [
      /device-mapper is available in the kernel|[Ff]ailure to communicate with kernel device-mapper|Cannot initialize device-mapper|\/dev\/mapper\/control/,
      /^\s*No device found for \/|^\s*Device \/\S+ (?:not found|doesn't exist or access denied)/,
      /mdadm: (?:failed to load MD subsystem|cannot open \/dev\/|error opening \/dev\/)/,
      /\/dev\/(?:kvm|sd[a-z]|vd[a-z]|xvd[a-z]|nvme\d|md\d|net\/tun|mem|kmsg|rtc\d?|tty[S0]\d*|watchdog)\S*['"]?:? .*(?:No such file or directory|No such device|Operation not permitted|Permission denied|does not exist|not found)/,
      /(?:Could not|[Cc]annot) (?:access|open) (?:the )?(?:KVM kernel module|\/dev\/kvm|\/dev\/mem)/,
      /open: No such file or directory while opening \/dev\/|(?:fsfreeze|fstrim): .*Operation not permitted/,
    ],
  },
  {
    what: 'a container loads no kernel modules',
    patterns: [
      /modprobe: (?:FATAL|ERROR): (?:Module \S+ not found|could not insert)/,
      /(?:insmod|rmmod|modprobe): ERROR: (?:could not insert|could not remove|Module \S+ is (?:not currently loaded|in use|builtin)|Module .* (?:Operation not permitted|Function not implemented))/,
      /(?:insmod|modprobe|rmmod): .*Operation not permitted/,
      /modinfo: ERROR: Module \S+ not found/,
      /could not open \/proc\/modules|could not get list of modules/i,
      /depmod: (?:ERROR|FATAL|WARNING): (?:could not open directory|could not open modules|could not search modules)/i,
      /[Ii]s (?:the )?\S+ kernel module loaded\?|inserting the \S+ kernel module|(?:[Ff]ailed|[Uu]nable|[Cc]ould not|[Cc]annot) (?:to )?(?:load|insert) (?:the )?(?:kernel )?module/,
    ],
  },
  {
    what: "the kernel that runs in a container is its host's",
    patterns: [
      /(?:Unable to locate package|No package|Unable to find a match:|No match for argument:|Couldn't find any package by (?:glob|regex)) '?(?:linux-(?:headers|image|modules|modules-extra|tools)|kernel-(?:devel|headers|modules))-\d+\.\d+/,
      /(?:headers|sources?) for (?:the |this )?(?:running )?kernel .* (?:cannot|could not) be found|Module build for kernel \S+ was skipped/i,
      /\/lib\/modules\/\d\S*(?:\/build)?: No such file or directory/,
    ],
  },
  {
    what: 'a container may not set this kernel parameter',
    patterns: [
      /sysctl: permission denied on key/,
      /sysctl: setting key "[^"]*"(?:, ignoring)?: (?:Invalid argument|Read-only file system|Operation not permitted|Permission denied)/,
      /sysctl: cannot stat \/proc\/sys\/net\/(?:core|netfilter|bridge|nf_conntrack_max|ipv4\/(?:tcp_mem|udp_mem|tcp_max_orphans|neigh\/default\/gc_thresh))\S*: No such file or directory/,
      /\/proc\/(?:sys\/|sysrq-trigger)\S*['"]?: (?:Read-only file system|Permission denied|Operation not permitted)/,
      /\/proc\/sys\/(?:kernel|vm|fs|dev|net\/core|net\/netfilter|net\/bridge)\/\S*['"]?: No such file or directory/,
      /\/sys\/(?!fs\/cgroup)\S*['"]?: (?:Read-only file system|Permission denied|Operation not permitted)/,
    ],
  },
  {
    what: 'a container cannot reach the boot loader of its disk',
    patterns: [
      /grub\S*: error: (?:cannot find a device for|failed to get canonical path of|cannot find a GRUB drive for|cannot open (?:directory )?`?\/dev)/,
      /grub\S*: error: (?:disk .* not found|unknown filesystem|cannot find EFI directory|.* doesn't look like an EFI partition|install device isn't specified)/,
      /EFI variables are not supported on this system|Could not (?:prepare Boot variable|delete variable)/,
    ],
  },
  {
    what: 'a container has no loop devices',
    patterns: [
      /losetup: (?:cannot find an unused loop device|.*: failed to set up loop device|.*\/dev\/loop)/,
      /(?:failed|cannot|could not|unable) to (?:set ?up|find|open|create|get)\b.*\bloop(?:[ -]device|\d|-control)/i,
      /\/dev\/loop(?:-control|\d*)\S*: (?:No such file or directory|Operation not permitted|Permission denied|failed)/i,
      /cannot mount squashfs image/,
    ],
  },
  {
    what: 'a container may not mount this',
    patterns: [
      /^\s*(?:u?mount(?:\.\w+)?|\S*\/mount): .*(?:Operation not permitted|[Pp]ermission denied|must be superuser)/,
      /^\s*mount: .*(?:wrong fs type, bad option, bad superblock|unknown filesystem type|can't find (?:UUID|LABEL|PARTUUID|PARTLABEL)=)/,
      /(?:fuse|fusermount3?): (?:device not found|failed to open \/dev\/fuse|mount failed: Operation not permitted)|\/dev\/fuse: (?:No such file|Operation not permitted|Permission denied)/,
      /(?:failed|unable|cannot|could not) (?:to )?mount\b.*(?:[Oo]peration not permitted|[Pp]ermission denied|[Ii]nvalid argument)/i,
    ],
  },
  {
    what: 'a container may not turn swap on or off',
    patterns: [
      /swapon: .*(?:swapon failed|Operation not permitted|Not superuser)/,
      /swapoff: .*(?:Not superuser|swapoff failed|Operation not permitted)/,
    ],
  },
  {
    what: 'a container may not make device nodes',
    patterns: [
      /(?:mknod|mknodat)\b.*Operation not permitted/,
      /(?:cp|rsync|cpio|install): .*(?:cannot create special file|mknod\S*).*Operation not permitted/,
      /tar: .*: Cannot mknod: Operation not permitted/,
    ],
  },
  {
    what: 'a container may not set the clock',
    patterns: [
      /date: cannot set date: Operation not permitted/,
      /Failed to set (?:time|ntp|local RTC)\b.*: (?:Access denied|Operation not permitted|Permission denied|NTP not supported|Connection timed out)/i,
      /hwclock: (?:Cannot access the Hardware Clock|.*Operation not permitted)/,
      /CAP_SYS_TIME not present|(?:adjtimex|settimeofday|ntp_adjtime|clock_settime)\b.*(?:Operation not permitted|Permission denied)/,
      /^506 Cannot talk to daemon/,
    ],
  },
  {
    what: 'containers within a container need what its host may not give',
    patterns: [
      /Cannot connect to the Docker daemon|[Ff]ailed to start (?:docker|containerd|podman|crio|kubelet|k3s|lxd|libvirtd|snapd)\b(?!.*(?:not found|masked))|Job for (?:docker|containerd|podman|crio|kubelet|k3s|lxd|libvirtd|snapd)\S* failed/,
      /failed to start daemon: .*(?:permitted|denied|not found|not supported|devices cgroup|iptables|overlay|driver|mount)/i,
      /[Ee]rror (?:initializing network controller|creating default "bridge" network)/,
      /(?:runc|crun|OCI runtime|oci runtime|runtime) .*(?:operation not permitted|permission denied|read-only file system|bpf_prog_query)/i,
      /(?:cgroups?|cgroup2?) .*(?:[Oo]peration not permitted|[Pp]ermission denied|[Rr]ead-only file system|mountpoint does not exist|not mounted)/,
      /(?:newuidmap|newgidmap): .*(?:not allowed|Operation not permitted)|cannot (?:clone|set up namespace).*Operation not permitted/,
    ],
  },
  {
    what: 'systemd does not start this in a container',
    patterns: [
      // Only conditions that a virtual machine can meet, unlike `ConditionPathExists=/etc/x`.
      /was skipped because of (?:an unmet|a failed) condition check \(Condition(?:Virtualization|Capability|Security|PathIsReadWrite|PathIsMountPoint|Firmware|Kernel\w+|PathExists=\/(?:dev|sys|proc)\/)/,
      /Condition(?:Virtualization|Capability|Security|PathIsReadWrite|PathIsMountPoint|Firmware|Kernel(?:Version|ModuleLoaded)|PathExists=!?\/(?:dev|sys|proc)\/)\S* was not met/,
      /Dependency failed for |A dependency job for \S+ failed/,
      /Failed at step (?:SETSCHEDULER|NICE|LIMITS|OOM_ADJUST|IOPRIO|CGROUP|NAMESPACE|CAPABILITIES|KEYRING|NUMA_POLICY)|status=(?:201\/NICE|205\/LIMITS|206\/OOM_ADJUST|211\/IOPRIO|214\/SETSCHEDULER|219\/CGROUP|226\/NAMESPACE)/,
      /Unit dev-\S+\.(?:device|swap) |Timed out waiting for device/,
    ],
  },
  {
    what: 'root in a container lacks this privilege',
    patterns: [
      /chattr: Operation not permitted while setting flags/,
      /(?:setfattr|setcap|attr_set|fsetxattr|lsetxattr|rsync)\b.*Operation not permitted/,
      /chown: changing ownership of .*: Invalid argument|(?:tar|cp|rsync|install|mv): .*(?:[Cc]annot change ownership|failed to preserve ownership|chown).*Invalid argument/,
      /ulimit: .*cannot modify limit: Operation not permitted|prlimit: .*Operation not permitted/,
      /(?:chrt|ionice|renice|nice|taskset|schedtool): .*(?:Operation not permitted|Permission denied)|ioprio_set failed/,
      /dmesg: read kernel buffer failed|audit support not in kernel|Cannot open netlink audit socket|The audit (?:system is disabled|daemon is exiting)/,
      /(?:bpf|perf_event_open|bpf_prog_load|init_module|finit_module|pivot_root|kexec_load|reboot|syslog|sethostname|setns|unshare|add_key|keyctl|iopl|ioperm|quotactl)(?:\(\S*\))?\s?(?:failed|syscall|error)?:? .*(?:Operation not permitted|Permission denied|Function not implemented)/i,
      // EPERM, which root of a virtual machine hardly ever gets. A missing file permission is errno 13.
      /PermissionError: \[Errno 1\] Operation not permitted|EPERM: operation not permitted/,
      /RLIMIT_MEMLOCK.*(?:Operation not permitted|too low)|locate_hole failed|Could not find a free area of memory/,
      /(?:apparmor_parser|AppArmor).*(?:interface file missing|not enabled|Permission denied|needs AppArmor)|SELinux is disabled|setenforce: /,
    ],
  },
  {
    what: "the host's kernel lacks this part of the network, and a container cannot load it",
    patterns: [
      /^Error: (?:Unknown device type|Specified qdisc kind is unknown|Specified (?:class|filter|qdisc) (?:kind )?not found)/,
      /ip6?tables\S*(?: v\S+)?(?: \([^)]*\))?: .*(?:can't initialize|Permission denied|Could not fetch rule set|RULE_APPEND failed|CHAIN_ADD failed|TABLE_ADD failed|missing kernel module|No chain\/target\/match)/i,
      /(?:nft|ufw|firewalld).*(?:Operation not supported|Operation not permitted)|Error: Could not process rule: (?:Operation not permitted|Operation not supported)/,
      /RTNETLINK answers: (?:Operation not permitted|Operation not supported)/,
    ],
  },
];

/**
 * How many lines of output before the failure are examined: a script may continue for a while after its failing
 * command.
 */
const TAIL_LINES = 200;

/**
 * The refusal of a container that a failed step shows.
 * @param outputTail the last lines that the step printed, oldest first; may include lines of the journal
 * @returns the last refusal, which is closest to the failure; `undefined` if a virtual machine would not help
 */
export function containerRefusal(outputTail: readonly string[], failure: RefusedStep): ContainerRefusal | undefined {
  const lines = [...outputTail.slice(-TAIL_LINES), ...failure.message.split('\n')];
  for (const line of lines.reverse()) {
    const found = REFUSALS.find(({ patterns }) => patterns.some((pattern) => pattern.test(line.slice(0, 2000))));
    if (found !== undefined) return { refusal: found.what, line: line.trim() };
  }
  return undefined;
}
