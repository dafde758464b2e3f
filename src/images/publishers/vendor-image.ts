/**
 * A base image that Ingot downloads from its vendor: verified, examined in a sandbox, and converted to a disk of
 * Ingot's own.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { download, downloadSmall, shown } from '../../platform/download.ts';
import { findProgram } from '../../platform/files.ts';
import { release } from '../../platform/held.ts';
import type { BaseImage, MakeBaseRequest } from '../base/base-images.ts';
import { MAX_DISK_BYTES, readForeignDisk } from '../foreign/foreign-disk.ts';
import { byteProgress } from '../foreign/progress.ts';
import { verifySignature } from './signature.ts';
import { chooseFile, parseChecksums, type Checksum, type VendorDisk } from './vendor-disk.ts';

/** Maximum bytes of checksum files, signatures and keys. */
const MOST_OF_SMALL = 4 * 1024 ** 2;

/** A vendor's disk as a base image. */
export function vendorImage(name: string, osVersion: string, disk: VendorDisk): BaseImage {
  return {
    name,
    description: `${osVersion} as its vendor publishes it, from ${shown(disk.address)}`,
    osVersion,
    platform: 'Linux',
    architecture: 'x86_64',
    origin: 'untrusted',
    missing: () =>
      ['qemu-img', ...(disk.signature === undefined ? [] : ['gpgv'])]
        .filter((program) => findProgram(program) === undefined)
        .map((program) => `the program ${program} is missing`),
    make: (request) => fetchDisk(osVersion, disk, request),
  };
}

async function fetchDisk(osVersion: string, disk: VendorDisk, request: MakeBaseRequest): Promise<void> {
  const { workDirectory, held, report, target } = request;
  const signal = request.signal ?? new AbortController().signal;
  const work = await held.record({ kind: 'path', path: workDirectory });
  try {
    await rm(workDirectory, { recursive: true, force: true });
    await mkdir(workDirectory, { recursive: true, mode: 0o700 });
    const { place, checksum } = await published(disk, request, signal);
    const path = join(workDirectory, 'fetched');
    const url = new URL(checksum.file, place).href;
    report({ type: 'log', text: `fetching ${shown(url)}` });
    const got = await download(url, path, {
      signal,
      maxBytes: MAX_DISK_BYTES,
      onProgress: byteProgress(report, `fetching ${checksum.file}`),
    });
    if (got[checksum.hash] !== checksum.value) {
      throw new Error(
        `${shown(url)} has the ${checksum.hash} ${got[checksum.hash]}, and its vendor publishes ${checksum.value}: ` +
          'it is damaged, or was replaced during the download. It was not used; try again',
      );
    }
    report({ type: 'log', text: `${checksum.file}: ${got.bytes} bytes, ${checksum.hash} as published` });
    await readForeignDisk({
      path,
      format: disk.format,
      target,
      held,
      report,
      signal,
      what: `${osVersion} from ${shown(url)}`,
    });
  } finally {
    await release(held, work);
  }
}

/** The vendor's checksum of the disk, and the disk's directory after redirects. */
async function published(
  disk: VendorDisk,
  { vendors, workDirectory, report }: MakeBaseRequest,
  signal: AbortSignal,
): Promise<{ readonly place: string; readonly checksum: Checksum }> {
  const mirror = vendors?.[disk.vendor];
  const folder = new URL(disk.folder, mirror?.address ?? disk.address).href;
  const small = { signal, maxBytes: MOST_OF_SMALL };
  const sums = await downloadSmall(new URL(disk.sums, folder).href, small);
  if (disk.signature !== undefined) {
    const { file, fingerprints, key } = disk.signature;
    const signature = await downloadSmall(new URL(file, sums.url).href, small);
    const keyName = mirror?.keyring ?? shown(key);
    const by = await verifySignature({
      content: sums.content,
      signature: signature.content,
      what: shown(sums.url),
      keyName,
      directory: join(workDirectory, 'signature'),
      signal,
      key: mirror?.keyring === undefined ? (await downloadSmall(key, small)).content : await readFile(mirror.keyring),
      // A key that the user configured takes precedence.
      ...(mirror?.keyring === undefined ? { fingerprints } : {}),
    });
    report({ type: 'log', text: `${shown(sums.url)} is signed by the key ${by}` });
  }
  return {
    place: sums.url,
    checksum: chooseFile(disk, parseChecksums(sums.content.toString('utf8')), shown(sums.url)),
  };
}
