/** A disk on its vendor's server: its URL, and how to read its checksum. Pure. */

import type { VENDORS } from '../../platform/config/names.ts';

/** Hashes that vendors publish. */
type HashName = 'sha256' | 'sha512';

/** Where a vendor publishes a disk. */
export interface VendorDisk {
  /** Name of the vendor in `vendors` of `config.yaml`, where a mirror can replace `address`. */
  readonly vendor: (typeof VENDORS)[number];
  /** Ends in a slash. */
  readonly address: string;
  /** Path below the address; ends in a slash. It may redirect to the directory of a release. */
  readonly folder: string;
  /** Name of the checksum file in it. */
  readonly sums: string;
  /** Pattern for the name of one file in the list of checksums. */
  readonly file: RegExp;
  readonly format: 'qcow2';
  /** How the vendor signs the checksums. */
  readonly signature?: {
    /** Name of the detached signature beside them. */
    readonly file: string;
    /** URL of the public key; only its fingerprint is trusted. */
    readonly key: string;
    /** Fingerprints of the keys that may sign: 40 hexadecimal digits, upper case. */
    readonly fingerprints: readonly string[];
  };
}

/** One line of a checksum file. */
export interface Checksum {
  readonly file: string;
  readonly hash: HashName;
  /** Hexadecimal, lower case. */
  readonly value: string;
}

const HASHES: readonly (readonly [HashName, number])[] = [
  ['sha256', 64],
  ['sha512', 128],
];

/** Parses a checksum file, `hash file` or `SHA256 (file) = hash`; comments and other lines are ignored. */
export function parseChecksums(text: string): readonly Checksum[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [, file, value] =
      /^SHA(?:256|512) \(([^()]+)\) = ([0-9a-fA-F]+)$/.exec(line) ??
      ((match) => [undefined, match?.[2], match?.[1]])(/^([0-9a-fA-F]+) [ *](\S+)$/.exec(line));
    const hash = HASHES.find(([, digits]) => digits === value?.length)?.[0];
    return file === undefined || value === undefined || hash === undefined
      ? []
      : [{ file: file.replace(/^\.\//, ''), hash, value: value.toLowerCase() }];
  });
}

/**
 * The file of a vendor's disk, with its checksum.
 * @throws {Error} if the checksums name none, or several
 */
export function chooseFile(disk: VendorDisk, checksums: readonly Checksum[], place: string): Checksum {
  const fitting = checksums.filter(({ file }) => disk.file.test(file));
  if (fitting.length === 1) return fitting[0]!;
  throw new Error(
    fitting.length === 0
      ? `${place} names no file like ${disk.file.source} (it names ${
          checksums.length === 0
            ? 'none'
            : checksums
                .slice(0, 5)
                .map(({ file }) => file)
                .join(', ')
        }): the vendor has changed how it publishes its disks`
      : `${place} names ${fitting.length} files like ${disk.file.source}: ${fitting
          .slice(0, 5)
          .map(({ file }) => file)
          .join(', ')}; expected exactly one`,
  );
}

/**
 * A public key in gpgv's format, without armor.
 * @throws {Error} if it is not a public key
 */
export function readPublicKey(content: Buffer, place: string): Buffer {
  const text = content.toString('latin1');
  const blocks = [
    ...text.matchAll(/-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g),
  ].map(([, body]) => {
    // Headers end with an empty line. The checksum after '=' is not needed, because the signature is checked.
    const lines = body!.split(/\r?\n/).map((line) => line.trim());
    const start = lines.indexOf('') + 1;
    return Buffer.from(
      lines
        .slice(start)
        .filter((line) => line !== '' && !line.startsWith('='))
        .join(''),
      'base64',
    );
  });
  const key = blocks.length > 0 ? Buffer.concat(blocks) : content;
  // Packet 6, with an old or a new header.
  if (key.length < 100 || ((key[0]! & 0xfc) !== 0x98 && key[0] !== 0xc6))
    throw new Error(`${place} is not an OpenPGP public key`);
  return key;
}
