/** A Region stored as a directory: one qcow2 file and one manifest per AMI. */
import { mkdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { diskChain, flatten } from '../../images/disks.ts';
import { timestamp } from '../../platform/clock.ts';
import { diskFullMessage, isDiskFull, saysDiskFull } from '../../platform/disk-full.ts';
import { writeFileAtomic } from '../../platform/files.ts';
import { HELD_MARK, release } from '../../platform/held.ts';
import { ProcessError } from '../../platform/processes.ts';
import type { ImageManifest, Store } from '../store.ts';

/** Files are `<amiId>.qcow2` and `<amiId>.json`. */
export const directoryStore: Store = {
  name: 'directory',

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
  }) {
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
      const manifest: ImageManifest = {
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
      await this.removeImage({ directory, amiId });
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

  async manifestOf({ directory, amiId }) {
    const path = manifestFile(directory, amiId);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as ImageManifest;
    } catch {
      throw new Error(`the manifest ${amiId}.json is not valid JSON`);
    }
  },

  async removeImage({ directory, amiId }) {
    // The manifest goes first: a file without a manifest is an incomplete copy, but a manifest without a file would be
    // wrong.
    await this.removeDescription({ directory, amiId });
    await rm(imageFile(directory, amiId), { force: true });
  },

  async removeDescription({ directory, amiId }) {
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
