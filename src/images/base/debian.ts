/** Makes a bootable disk from Debian's packages, without a loop device, a mount or a boot loader of this host. */
import { chmod, cp, mkdir, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { findProgram, syncDirectory, syncFile } from '../../platform/files.ts';
import { release, type HeldRecorder } from '../../platform/held.ts';
import { run, type RunOptions } from '../../platform/processes.ts';
import type { Report } from '../../resources/progress.ts';
import { partitionTypes } from '../partitions.ts';
import { divertingHook, runDeferred, standIns } from './debian-deferred.ts';
import {
  disabledGrubScripts,
  filesAfterPackages,
  filesBeforePackages,
  grubRedirect,
  type ImageFile,
} from './debian-files.ts';
import { memorySource } from './left-memory.ts';
import { debianSources, type DebianMirrors } from './debian-packages.ts';
import { KEYRING, runMmdebstrap } from './debian-mmdebstrap.ts';

/** What to make, and where. */
export interface DebianBaseRequest {
  /** The qcow2 file: complete or absent. */
  readonly target: string;
  /** A directory for this maker only, which it creates and removes; takes up to 4 GiB. */
  readonly workDirectory: string;
  readonly release: 'bookworm' | 'trixie';
  readonly mirrors: DebianMirrors;
  readonly held: HeldRecorder;
  /** Receives each step, and for packages the number of finished ones. */
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/** Virtual size in bytes. The root grows on first boot, and a build grows it first if its recipe asks for more. */
export const VIRTUAL_SIZE = 3 * 1024 ** 3;

const MIB = 1024 ** 2;
const SECTOR = 512;
const BIOS_OFFSET = 1 * MIB;
const EFI_OFFSET = 2 * MIB;
const ROOT_OFFSET = 64 * MIB;
/** Maximum size of the work in a file system in memory, and the free memory that it needs, in bytes. */
const MEMORY_SIZE = 3 * 1024 ** 3;
const MEMORY_FREE = 4 * 1024 ** 3;

const PACKAGES = [
  // A system that boots, and that cloud-init and a hypervisor can control. The cloud kernel has the drivers of virtual
  // machines (virtio, NVMe, Xen, VMware, Hyper-V, EC2's and Google's cards), as in Debian's own images for EC2.
  // Compared with the general kernel it takes 330 MB less and 43 s instead of 75 s to make, and boots in two thirds of
  // the time under emulation.
  'systemd-sysv',
  'systemd-resolved',
  'systemd-timesyncd',
  'dbus',
  // Sessions: `loginctl enable-linger`, `systemctl --user` and XDG_RUNTIME_DIR, as in every Debian installation.
  'libpam-systemd',
  'dbus-user-session',
  // Resolves the machine's own name, whatever it is set to, without a line in /etc/hosts.
  'libnss-myhostname',
  'udev',
  'linux-image-cloud-amd64',
  'initramfs-tools',
  'zstd',
  'e2fsprogs',
  'fdisk',
  'cloud-init',
  'cloud-guest-utils',
  'qemu-guest-agent',
  'openssh-server',
  'sudo',
  'grub-common',
  'grub2-common',
  'grub-pc-bin',
  'grub-efi-amd64-bin',
  'grub-efi-amd64-signed',
  'shim-signed',
  // Programs that components expect.
  'ca-certificates',
  'curl',
  'wget',
  'gpg',
  'iproute2',
  'iputils-ping',
  'nftables',
  'netbase',
  'procps',
  'kmod',
  'less',
  'vim-tiny',
  'logrotate',
  'python3',
  'tzdata',
  'bash-completion',
  'lsb-release',
  'unzip',
  'xz-utils',
];

const SERVICES = [
  'systemd-networkd.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'ssh.service',
  'grow-root.service',
];

/**
 * GRUB modules for BIOS machines: everything that the menu uses, so that it needs no file before it has found the root.
 */
const GRUB_MODULES = [
  'biosdisk',
  'part_gpt',
  'part_msdos',
  'ext2',
  'fat',
  'search',
  'search_fs_uuid',
  'search_label',
  'normal',
  'configfile',
  'linux',
  'echo',
  'test',
  'true',
  'ls',
  'cat',
  'boot',
  'reboot',
  'halt',
  'minicmd',
  'serial',
  'terminal',
  'loadenv',
  'gzio',
  'sleep',
  'all_video',
  'gfxterm',
  'font',
  'regexp',
];

/**
 * Makes the disk: GPT with a BIOS boot partition, an EFI system partition and last an ext4 root, which grows on first
 * boot. It takes about 45 s, most of it mmdebstrap.
 * @throws {Error} with a message for the user: the mirror cannot be reached, a program is missing, the disk is full
 */
export async function makeDebianBase(request: DebianBaseRequest): Promise<void> {
  const lacking = missingForDebian();
  if (lacking.length > 0) throw new Error(`a base image cannot be made on this host: ${lacking.join('; ')}`);
  const { workDirectory, held, report, signal } = request;
  const steps: RunOptions = signal ? { signal } : {};

  const work = await held.record({ kind: 'path', path: workDirectory });
  let memory: string | undefined;
  const partial = await held.record({ kind: 'path', path: `${request.target}.partial` });
  try {
    await rm(workDirectory, { recursive: true, force: true });
    await mkdir(workDirectory, { recursive: true, mode: 0o700 });
    await mkdir(dirname(request.target), { recursive: true, mode: 0o700 });
    if (process.availableMemory() >= MEMORY_FREE) {
      memory = await held.record({ kind: 'mount', path: workDirectory });
      await run(['mount', '-t', 'tmpfs', '-o', `mode=0700,size=${MEMORY_SIZE}`, memorySource(), workDirectory]);
    }
    const tree = join(workDirectory, 'tree');
    const rootUuid = randomUUID();

    await installPackages(request, tree);
    report({ type: 'log', text: 'configuring the image' });
    await configureTree(tree, rootUuid, debianSources(request.release, request.mirrors), steps);
    report({ type: 'log', text: 'writing the disk' });
    const disk = join(workDirectory, 'disk.raw');
    await writeDisk(tree, disk, rootUuid, steps);
    await run(['qemu-img', 'convert', '-q', '-W', '-f', 'raw', '-O', 'qcow2', disk, `${request.target}.partial`], {
      ...steps,
      files: 'private',
    });
    await syncFile(`${request.target}.partial`);
    await rename(`${request.target}.partial`, request.target);
    await syncDirectory(dirname(request.target));
  } finally {
    await release(held, partial);
    if (memory !== undefined) await release(held, memory);
    await release(held, work);
  }
}

/** Incremented when the code below changes the content of images in a way that the recipe does not show. */
const RECIPE = 1;

/** Everything that determines the content of an image, except the day. */
export function debianRecipe(suite: DebianBaseRequest['release'], mirrors: DebianMirrors): object {
  const sources = debianSources(suite, mirrors);
  return {
    recipe: RECIPE,
    suite,
    sources,
    size: VIRTUAL_SIZE,
    packages: PACKAGES,
    services: SERVICES,
    grub: GRUB_MODULES,
    files: [...filesBeforePackages, ...filesAfterPackages('UUID', sources)],
    disabled: disabledGrubScripts,
  };
}

/** What this host lacks for making Debian images, one sentence each with the fix. */
export function missingForDebian(): readonly string[] {
  const packages: Readonly<Record<string, string>> = {
    mmdebstrap: 'mmdebstrap',
    sfdisk: 'fdisk',
    'mkfs.ext4': 'e2fsprogs',
    'mkfs.vfat': 'dosfstools',
    mcopy: 'mtools',
    'qemu-img': 'qemu-utils',
    unshare: 'util-linux',
    chroot: 'coreutils',
  };
  const lacking = Object.entries(packages)
    .filter(([program]) => findProgram(program) === undefined)
    .map(([program, name]) => `the program ${program} is missing (install the package ${name})`);
  if (!existsSync(KEYRING))
    lacking.push("the keys of Debian's archive are missing (install the package debian-archive-keyring)");
  return lacking;
}

async function installPackages(
  { workDirectory, release: suite, mirrors, held, report, signal }: DebianBaseRequest,
  tree: string,
): Promise<void> {
  await writeFiles(join(workDirectory, 'before'), [...filesBeforePackages, ...(await standIns())]);
  const divert = await divertingHook(workDirectory);
  await runMmdebstrap(
    { workDirectory, suite, mirrors, held, report, signal },
    [
      '--variant=apt',
      '--format=directory',
      '--essential-hook=sync-in before /',
      `--essential-hook=${divert}`,
      `--include=${PACKAGES.join(',')}`,
    ],
    tree,
  );
}

async function configureTree(tree: string, rootUuid: string, sources: string, options: RunOptions): Promise<void> {
  await rm(join(tree, 'etc/apt/apt.conf.d/99mmdebstrap'), { force: true });
  // resolved's package makes it a link into /run.
  await rm(join(tree, 'etc/resolv.conf'), { force: true });
  await rm(join(tree, 'etc/machine-id'), { force: true });
  await rm(join(tree, 'var/lib/dbus/machine-id'), { force: true });
  for (const type of ['rsa', 'ecdsa', 'ed25519', 'dsa', 'mldsa44']) {
    for (const suffix of ['', '.pub']) await rm(join(tree, `etc/ssh/ssh_host_${type}_key${suffix}`), { force: true });
  }
  await writeFiles(tree, filesAfterPackages(rootUuid, sources));
  const chroot = (...argv: string[]): Promise<unknown> =>
    run(['chroot', tree, ...argv], {
      ...options,
      files: 'open',
      env: { HOME: undefined, TMPDIR: undefined, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
  await runDeferred(tree, chroot);
  // A dpkg record, which package upgrades respect.
  for (const script of disabledGrubScripts) {
    if (existsSync(join(tree, script)))
      await chroot('dpkg-statoverride', '--update', '--add', 'root', 'root', '0644', script);
  }
  await chroot('systemctl', 'enable', ...SERVICES);
  await chroot('passwd', '--lock', 'root');

  const modules = join(tree, 'boot/grub/i386-pc');
  await cp(join(tree, 'usr/lib/grub/i386-pc'), modules, { recursive: true });
  await writeFile(join(tree, 'boot/grub/early.cfg'), grubRedirect(rootUuid));
  await chroot(
    'grub-mkimage',
    '--format=i386-pc',
    '--prefix=/boot/grub',
    '--config=/boot/grub/early.cfg',
    '--output=/boot/grub/i386-pc/core.img',
    ...GRUB_MODULES,
  );
  await rm(join(tree, 'boot/grub/early.cfg'));

  for (const log of [
    'var/log/dpkg.log',
    'var/log/apt',
    'var/log/alternatives.log',
    'var/log/bootstrap.log',
    'var/cache/debconf/templates.dat-old',
    'var/cache/debconf/config.dat-old',
    'etc/passwd-',
    'etc/group-',
    'etc/shadow-',
    'etc/gshadow-',
  ]) {
    await rm(join(tree, log), { recursive: true, force: true });
  }
  await makeOpenFolder(join(tree, 'var/log/apt'));
}

async function writeDisk(tree: string, disk: string, rootUuid: string, options: RunOptions): Promise<void> {
  await writeFile(disk, '');
  await truncate(disk, VIRTUAL_SIZE);
  const sector = (offset: number): number => offset / SECTOR;
  await run(['sfdisk', '--quiet', '--no-reread', disk], {
    ...options,
    input: `label: gpt
start=${sector(BIOS_OFFSET)}, size=${sector(EFI_OFFSET - BIOS_OFFSET)}, type=${partitionTypes.biosBoot}, name=bios
start=${sector(EFI_OFFSET)}, size=${sector(ROOT_OFFSET - EFI_OFFSET)}, type=${partitionTypes.efiSystem}, name=efi
start=${sector(ROOT_OFFSET)}, type=${partitionTypes.linuxRootX8664}, name=root
`,
  });
  // sfdisk keeps the last MiB for alignment and the backup table.
  const rootBytes = VIRTUAL_SIZE - ROOT_OFFSET - MIB;

  await run(
    [
      'mkfs.vfat',
      '-F',
      '32',
      '-s',
      '1',
      '-n',
      'EFI',
      '--offset',
      String(sector(EFI_OFFSET)),
      disk,
      String((ROOT_OFFSET - EFI_OFFSET) / 1024),
    ],
    options,
  );
  const efi = `${disk}@@${EFI_OFFSET}`;
  const redirect = join(dirname(disk), 'efi-grub.cfg');
  await writeFile(redirect, grubRedirect(rootUuid));
  await run(['mmd', '-i', efi, '::/EFI', '::/EFI/BOOT', '::/EFI/debian'], options);
  // The removable-media path, so that no machine has to store a boot entry. The signed GRUB looks for its menu in
  // /EFI/debian.
  for (const [from, to] of [
    [join(tree, 'usr/lib/shim/shimx64.efi.signed'), '::/EFI/BOOT/BOOTX64.EFI'],
    [join(tree, 'usr/lib/shim/mmx64.efi.signed'), '::/EFI/BOOT/mmx64.efi'],
    [join(tree, 'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed'), '::/EFI/BOOT/grubx64.efi'],
    [redirect, '::/EFI/debian/grub.cfg'],
  ] as const) {
    await run(['mcopy', '-i', efi, from, to], options);
  }

  await run(
    [
      'mkfs.ext4',
      '-q',
      '-F',
      '-L',
      'root',
      '-U',
      rootUuid,
      '-m',
      '1',
      // Features that the release's GRUB does not support. The file is all zeros, so nothing has to be initialized
      // later, which would fill every overlay.
      '-O',
      '^metadata_csum_seed,^orphan_file',
      '-E',
      `offset=${ROOT_OFFSET},nodiscard,assume_storage_prezeroed=1`,
      '-d',
      tree,
      disk,
      `${rootBytes / 1024}k`,
    ],
    options,
  );
  await installBiosLoader(tree, disk);
}

/**
 * Installs GRUB's two first stages for BIOS, as grub-bios-setup does (which requires a block device). Offsets from
 * GRUB's sources: boot.img has at 0x5c the sector of the core, at 0x64 the drive (0xff: the boot drive), at 0x66 a jump
 * that is blanked out for hard disks; the core's first sector ends with the list of its own remaining sectors.
 */
async function installBiosLoader(tree: string, disk: string): Promise<void> {
  const boot = await readFile(join(tree, 'usr/lib/grub/i386-pc/boot.img'));
  const core = await readFile(join(tree, 'boot/grub/i386-pc/core.img'));
  if (core.length > EFI_OFFSET - BIOS_OFFSET)
    throw new Error(`GRUB's core image takes ${core.length} bytes, more than its partition`);
  const firstSector = BigInt(BIOS_OFFSET / SECTOR);
  boot.writeBigUInt64LE(firstSector, 0x5c);
  boot.writeUInt8(0xff, 0x64);
  boot.writeUInt16LE(0x9090, 0x66);
  core.writeBigUInt64LE(firstSector + 1n, 0x1f4);
  const file = await open(disk, 'r+');
  try {
    // Only the code: the protective partition table follows it in the first sector.
    await file.write(boot, 0, 440, 0);
    await file.write(core, 0, core.length, BIOS_OFFSET);
  } finally {
    await file.close();
  }
}

/** Creates a directory that everybody may enter, whatever the umask is. */
async function makeOpenFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  for (let made = path; first !== undefined && made.length >= first.length; made = dirname(made))
    await chmod(made, 0o755);
}

async function writeFiles(root: string, files: readonly ImageFile[]): Promise<void> {
  for (const { path, content, mode = 0o644 } of files) {
    const file = join(root, path);
    await makeOpenFolder(dirname(file));
    await writeFile(file, content);
    await chmod(file, mode);
  }
}
