/** The argument vector of a virtual machine. Pure: tests read it without QEMU. */
import { encryptedMembers, type EncryptedChain, type QemuSecrets } from '../../images/encrypted-disk.ts';
import { readScript } from '../../platform/scripts.ts';
import type { PublishedPort } from '../instance.ts';
import { INSTANCE_NETWORK, macOf } from '../network.ts';

/** What executes the guest's instructions: the processor itself, or QEMU. */
export type Accelerator = 'kvm' | 'tcg';

/**
 * The guest's own network, behind QEMU's user networking. The namespace around QEMU has another one
 * (`INSTANCE_NETWORK`): two address translations with the same addresses would not forward packets.
 */
export const GUEST_NETWORK = '10.0.3.0/24';

/** The address that QEMU gives the guest. */
export const GUEST_ADDRESS = GUEST_NETWORK.replace(/\d+\/\d+$/, '15');

/** The address that slirp4netns gives the namespace; QEMU listens there for published ports. */
export const NAMESPACE_ADDRESS = INSTANCE_NETWORK.replace(/\d+\/\d+$/, '100');

/** Firmware of a machine, with the files it needs. */
export type Firmware =
  | { readonly kind: 'bios' }
  /** `vars` is the machine's own copy. `secureBoot` enforces signatures and needs matching code and vars. */
  | { readonly kind: 'uefi'; readonly code: string; readonly vars: string; readonly secureBoot?: boolean };

/** Options of a machine. */
export interface MachineOptions {
  readonly id: string;
  readonly accelerator: Accelerator;
  /**
   * Guest time advances with executed instructions, not with the host's clock, so that the guest's own limits (systemd
   * gives a service 90 s) fit a slow host. Such a machine has one processor. Only under emulation.
   */
  readonly ownTime?: boolean;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** qcow2, writable. */
  readonly disk: string;
  /** How to open the disk, if it is encrypted, */
  readonly encryption?: EncryptedChain | undefined;
  /** with the secrets that it names. */
  readonly secrets?: QemuSecrets | undefined;
  /** NoCloud seed: a vfat image, read-only. */
  readonly seedDisk?: string;
  readonly firmware: Firmware;
  /** Directory of its sockets. */
  readonly directory: string;
  readonly publish?: readonly PublishedPort[];
}

/** Files and sockets of a machine, in its directory. */
export interface MachineFiles {
  readonly qmpSocket: string;
  readonly agentSocket: string;
  /** The ring file with QEMU's own output. */
  readonly log: string;
  readonly resolvConf: string;
  readonly vars: string;
  readonly seedDisk: string;
}

/** Paths of a machine's files. */
export function machineFiles(directory: string): MachineFiles {
  return {
    qmpSocket: `${directory}/qmp.sock`,
    agentSocket: `${directory}/agent.sock`,
    log: `${directory}/qemu.log`,
    resolvConf: `${directory}/resolv.conf`,
    vars: `${directory}/vars.fd`,
    seedDisk: `${directory}/seed.img`,
  };
}

/** The id of the disk's device in QEMU. */
export const DISK_DEVICE = 'disk';

/** The file descriptor that the serial console goes to. */
export const CONSOLE_FD = 3;

/** QEMU's own seccomp filter: no new programs, no other user, no obsolete system calls. */
export const QEMU_SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** QEMU's arguments, the program's name first. */
export function machineArguments(options: MachineOptions): string[] {
  const files = machineFiles(options.directory);
  return [
    'qemu-system-x86_64',
    '-name',
    escape(options.id),
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    // It opens files and sockets at its start; afterwards it needs no programs, identities or limits.
    '-sandbox',
    QEMU_SANDBOX,
    ...acceleration(options),
    '-machine',
    machineType(options.firmware),
    '-smp',
    String(options.ownTime ? 1 : options.cpus),
    '-m',
    `${options.memoryMiB}M`,
    '-rtc',
    'base=utc',
    ...firmwareArguments(options.firmware),
    '-object',
    'rng-random,id=rng,filename=/dev/urandom',
    '-device',
    'virtio-rng-pci,rng=rng',
    ...(options.secrets?.options ?? []),
    ...diskArguments(options.disk, options.encryption),
    ...(options.seedDisk === undefined ? [] : seedArguments(options.seedDisk)),
    ...networkArguments(options.id, options.publish ?? []),
    '-add-fd',
    `fd=${CONSOLE_FD},set=1`,
    '-chardev',
    'file,id=console,path=/dev/fdset/1,append=on',
    '-serial',
    'chardev:console',
    '-chardev',
    `socket,id=qmp,path=${escape(files.qmpSocket)},server=on,wait=off`,
    '-mon',
    'chardev=qmp,mode=control',
    '-device',
    'virtio-serial-pci',
    '-chardev',
    `socket,id=agent,path=${escape(files.agentSocket)},server=on,wait=off`,
    '-device',
    'virtserialport,chardev=agent,name=org.qemu.guest_agent.0',
  ];
}

/**
 * The block nodes of a disk for QMP's `blockdev-add`. Freed blocks are removed from the file (`discard`,
 * `detect-zeroes`).
 * @param name node name, `NAME-file` for the file below it
 * @param overlay its backing disk is the node it will be put on, not the one that its header names
 * @param encryption how to open it, if it is encrypted
 */
export function diskNode(name: string, path: string, overlay = false, encryption?: EncryptedChain): object {
  return {
    driver: 'qcow2',
    'node-name': name,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    ...encryptedMembers(encryption),
    ...(overlay ? { backing: null } : {}),
    file: { driver: 'file', 'node-name': `${name}-file`, filename: path, discard: 'unmap' },
  };
}

const IN_NAMESPACE = readScript(import.meta.url, 'in-namespace.sh');

/**
 * Starts a program in a network namespace with a separate `/etc/resolv.conf` (in a mount namespace that ends with it).
 * The program replaces the process, so that the pid is the program's.
 */
export function inNamespace(netns: string, resolvConf: string, argv: readonly string[]): string[] {
  // Nothing from a user is in the script: it gets the paths and the program as arguments. The mount namespace is a
  // slave: a private one would keep the disks of containers that are mounted on the host now busy after they are
  // unmounted there.
  return [
    'unshare',
    '--mount',
    '--propagation',
    'slave',
    '--',
    'sh',
    '-c',
    IN_NAMESPACE,
    'sh',
    resolvConf,
    netns,
    ...argv,
  ];
}

/**
 * Each instruction is 2 to the power of this nanoseconds of such a guest's time. Measured: 3 has a system up after 40 s
 * of its own, about as many as it takes on an ordinary host that emulates; 4 after 78 s.
 */
const INSTRUCTION_SHIFT = 3;

function acceleration({ accelerator, ownTime }: Pick<MachineOptions, 'accelerator' | 'ownTime'>): string[] {
  if (accelerator === 'kvm') return ['-accel', 'kvm', '-cpu', 'host'];
  // What x86-64-v2 needs, without features that are slow to emulate: it boots faster than `max`. Its model numbers are
  // those of an Atom without speculation, to which kernels apply no mitigations (retpolines, page table isolation),
  // which cost most where each instruction is translated.
  return [
    ...(ownTime ? ['-accel', 'tcg', '-icount', `shift=${INSTRUCTION_SHIFT}`] : ['-accel', 'tcg,thread=multi']),
    '-cpu',
    'qemu64,vendor=GenuineIntel,family=6,model=54,stepping=9,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16',
  ];
}

function machineType(firmware: Firmware): string {
  // Without graphics the BIOS prints on the serial port, where its errors are looked for.
  const base = 'q35,graphics=off,vmport=off,dump-guest-core=off';
  if (firmware.kind === 'bios') return base;
  return `${base}${firmware.secureBoot ? ',smm=on' : ''},pflash0=code,pflash1=vars`;
}

function firmwareArguments(firmware: Firmware): string[] {
  if (firmware.kind === 'bios') return [];
  return [
    ...(firmware.secureBoot ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
    '-blockdev',
    JSON.stringify({
      driver: 'raw',
      'node-name': 'code',
      'read-only': true,
      file: { driver: 'file', filename: firmware.code, 'read-only': true },
    }),
    '-blockdev',
    JSON.stringify({ driver: 'raw', 'node-name': 'vars', file: { driver: 'file', filename: firmware.vars } }),
  ];
}

function diskArguments(path: string, encryption: EncryptedChain | undefined): string[] {
  return [
    '-blockdev',
    JSON.stringify(diskNode('layer0', path, false, encryption)),
    '-device',
    `virtio-blk-pci,id=${DISK_DEVICE},drive=layer0,bootindex=1`,
  ];
}

function seedArguments(path: string): string[] {
  const node = {
    driver: 'raw',
    'node-name': 'seed',
    'read-only': true,
    file: { driver: 'file', filename: path, 'read-only': true },
  };
  return ['-blockdev', JSON.stringify(node), '-device', 'virtio-blk-pci,id=seed,drive=seed'];
}

function networkArguments(id: string, publish: readonly PublishedPort[]): string[] {
  const ports = [...new Set(publish.map((each) => each.instancePort))];
  const forwards = ports.map((port) => `,hostfwd=tcp:${NAMESPACE_ADDRESS}:${port}-:${port}`);
  // It never boots from the network, so it needs no option ROM.
  return [
    '-netdev',
    `user,id=net,ipv6=off,net=${GUEST_NETWORK}${forwards.join('')}`,
    '-device',
    `virtio-net-pci,netdev=net,romfile=,mac=${macOf(id)}`,
  ];
}

/** Escapes a value for QEMU's option lists, where a doubled comma is a literal one. */
function escape(value: string): string {
  return value.replaceAll(',', ',,');
}
