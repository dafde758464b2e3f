/** What every driver with containers needs of the host. */
import { findProgram } from '../../platform/files.ts';

const PROGRAMS: Readonly<Record<string, string>> = {
  slirp4netns: 'slirp4netns',
  'qemu-storage-daemon': 'qemu-system-common',
  nft: 'nftables',
  perl: 'perl-base',
  losetup: 'mount',
};

/**
 * What the host lacks, a sentence each: root, and programs.
 * @param what what needs it, at the start of a sentence: `System containers`
 * @param own the driver's own programs, with their Debian packages
 */
export function missingForContainers(what: string, own: Readonly<Record<string, string>>): readonly string[] {
  return [
    ...(process.getuid?.() === 0 ? [] : [`${what} need root: run Ingot as root (or with sudo).`]),
    ...Object.entries({ ...own, ...PROGRAMS })
      .filter(([program]) => findProgram(program) === undefined)
      .map(([program, debianPackage]) => `The program ${program} is missing: apt-get install ${debianPackage}.`),
  ];
}
