/** A Region stored as a directory: one qcow2 file and one manifest per AMI. */
import { mkdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { diskChain, flatten } from '../../images/disks.ts';
import { timestamp } from '../../platform/clock.ts';
import { diskFullMessage, isDiskFull, saysDiskFull } from '../../platform/disk-full.ts';
import { writeFileAtomic } from '../../platform/files.ts';
import { HELD_MARK, release } from '../../platform/held.ts';
import { ProcessError } from '../../platform/processes.ts';
import type { HeldRecorder } from '../../platform/held.ts';
import type { Report } from '../../resources/progress.ts';

/** An AMI to copy into a Region. */
export interface FlatRequest {
  /** Path of the top layer of its chain; nothing writes to it. */
  readonly top: string;
  readonly region: string;
  readonly amiId: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** ARN of the image's build version. */
  readonly imageArn: string;
  /** Directory of the store for this Region; created if needed. */
  readonly directory: string;
  /** Whether to compress with zstd in the qcow2: a quarter of the size, about six times the time (default: no). */
  readonly compress?: boolean;
  readonly held: HeldRecorder;
  /** Receives `progress` in percent. */
  readonly report: Report;
  readonly signal?: AbortSignal;
  /**
   * Called when everything is written. The copy gets its name when the promise resolves, and is removed when it
   * rejects.
   */
  readonly named?: () => Promise<void>;
}

/** A complete, durable copy. */
export interface StoredImage {
  /** Absolute path. */
  readonly file: string;
  /** In hexadecimal, of the file. */
  readonly sha256: string;
  /** Size of the file. */
  readonly bytes: number;
}

/** The manifest beside a copy, for people who find the file without Ingot. */
export interface FlatManifest {
  readonly version: 1;
  readonly amiId: string;
  readonly name: string;
  readonly description?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly region: string;
  readonly sourceImage: string;
  readonly file: string;
  readonly format: 'qcow2';
  /** Bytes of the file. */
  readonly size: number;
  /** Virtual size of the disk, in bytes. */
  readonly virtualSize: number;
  readonly sha256: string;
  /** ISO-8601. */
  readonly created: string;
}

/** A copy in the folder of a Region. */
interface FlatPlace {
  readonly directory: string;
  readonly amiId: string;
}

/** Files are `<amiId>.qcow2` and `<amiId>.json`. */
export const flatCopies = {
  async copyImage({
    top,
    region,
    amiId,
    name,
    description,
    tags,
    imageArn,
    directory,
    compress = false,
    held,
    report,
    signal,
    named,
  }: FlatRequest): Promise<StoredImage> {
    const file = imageFile(directory, amiId);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const chain = await diskChain(top);
    await refuseWithoutSpace(
      directory,
      chain.reduce((sum, disk) => sum + disk.actualSize, 0),
      compress,
    );

    const partial = await held.record({ kind: 'path', path: `${file}.partial` });
    const process = await held.record({ kind: 'process', what: 'qemu-img convert' });
    let told = 0;
    try {
      const sha256 = await flatten(top, file, {
        compress,
        env: { [HELD_MARK]: process },
        onProgress(percent) {
          if (percent < told + 5 && (percent < 100 || told === 100)) return;
          told = percent;
          report({ type: 'progress', text: `copying ${amiId} to ${region}`, done: Math.round(percent), total: 100 });
        },
        named,
        signal,
      });
      signal?.throwIfAborted();
      const { size } = await stat(file);
      const manifest: FlatManifest = {
        version: 1,
        amiId,
        name,
        description,
        tags,
        region,
        sourceImage: imageArn,
        file: `${amiId}.qcow2`,
        format: 'qcow2',
        size,
        virtualSize: chain[0]!.virtualSize,
        sha256,
        created: timestamp(),
      };
      await writeFileAtomic(manifestFile(directory, amiId), `${JSON.stringify(manifest, undefined, 2)}\n`, 0o600);
      return { file, sha256, bytes: size };
    } catch (error) {
      await flatCopies.removeImage({ directory, amiId });
      if (isDiskFull(error) || (error instanceof ProcessError && saysDiskFull(error.stderr))) {
        throw new Error(diskFullMessage(`${directory} has no space for the copy of ${amiId} in ${region}`), {
          cause: error,
        });
      }
      throw error;
    } finally {
      await release(held, process);
      await release(held, partial);
    }
  },

  /** The description of a copy, if it is there. @throws {Error} if it cannot be read */
  async manifestOf({ directory, amiId }: FlatPlace): Promise<FlatManifest | undefined> {
    const path = manifestFile(directory, amiId);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    try {
      const manifest = JSON.parse(text) as FlatManifest;
      // A chain of layers has another one.
      return manifest.version === 1 ? manifest : undefined;
    } catch {
      throw new Error(`the manifest ${amiId}.json is not valid JSON`);
    }
  },

  /** Removes a copy and its description, if it exists. */
  async removeImage({ directory, amiId }: FlatPlace): Promise<void> {
    // The manifest goes first: a file without a manifest is an incomplete copy, but a manifest without a file would be
    // wrong.
    await flatCopies.removeDescription({ directory, amiId });
    await rm(imageFile(directory, amiId), { force: true });
  },

  /** Removes the description of a copy and leaves its disk, because other disks are based on it. */
  async removeDescription({ directory, amiId }: FlatPlace): Promise<void> {
    await rm(manifestFile(directory, amiId), { force: true });
  },
};

function imageFile(directory: string, amiId: string): string {
  return join(directory, `${amiId}.qcow2`);
}

function manifestFile(directory: string, amiId: string): string {
  return join(directory, `${amiId}.json`);
}

/**
 * Checks the free space before minutes are spent. The compressed size is unknown beforehand; a fifth is the smallest
 * measured.
 */
async function refuseWithoutSpace(directory: string, bytes: number, compress: boolean): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const least = compress ? bytes / 5 : bytes / 2;
  if (bavail * bsize < least)
    throw new Error(
      diskFullMessage(`${directory} has ${megabytes(bavail * bsize)}, and the copy needs at least ${megabytes(least)}`),
    );
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
