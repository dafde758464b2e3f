/** Disks as files: qcow2 overlays and chains of them. Works without root. */
import { rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { sha256OfFile, syncDirectory, syncFile } from '../platform/files.ts';
import { run } from '../platform/processes.ts';
import { createEncrypted, encryptedName, keysOf, QemuSecrets, type EncryptedChain } from './encrypted-disk.ts';
import { flatSource, writeFlat } from './flat-copy.ts';
import { isEncrypted } from './layer-header.ts';

/** The output of `qemu-img info` for one file. */
export interface DiskInfo {
  readonly format: string;
  /** Virtual size in bytes. */
  readonly virtualSize: number;
  /** Size of the file itself, in bytes. */
  readonly actualSize: number;
  /** Absolute path of its backing file. */
  readonly backing?: string;
}

/**
 * Clusters of 128 KiB with subclusters of 4 KiB, the block size of file systems. Newer versions of QEMU refuse to free
 * a partial cluster over a backing disk (QEMU 10 does, 7.2 does not), so that the loop device frees nothing and fstrim
 * fails. Also, a small write does not copy 64 KiB.
 */
const OVERLAY_FORMAT = 'extended_l2=on,cluster_size=128k';

/**
 * Creates an empty qcow2 overlay over a disk. The backing name is relative if both are in one directory, so that the
 * directory can be moved.
 * @param sizeBytes virtual size (default: the backing disk's)
 */
export async function createOverlay(backing: string, overlay: string, sizeBytes?: number): Promise<void> {
  const name = dirname(backing) === dirname(overlay) ? basename(backing) : backing;
  await run(
    [
      'qemu-img',
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-o',
      OVERLAY_FORMAT,
      '-b',
      name,
      overlay,
      ...(sizeBytes === undefined ? [] : [String(sizeBytes)]),
    ],
    { files: 'private' },
  );
}

/** Facts about a disk file. The caller states the format. Probing would let the disk's content choose it. */
export async function diskInfo(path: string, format = 'qcow2'): Promise<DiskInfo> {
  return (await diskChain(path, format))[0]!;
}

/** A disk cannot be read in its expected format. */
class DamagedDiskError extends Error {
  override readonly name = 'DamagedDiskError';
}

/**
 * Facts about a disk before something is based on it.
 * @throws {DamagedDiskError} if a file of its chain is missing, truncated or not a qcow2 file
 */
export async function usableDisk(path: string): Promise<DiskInfo> {
  try {
    const chain = await diskChain(path);
    return chain[0]!;
  } catch (error) {
    const said = /qemu-img: (.*)$/m.exec((error as Error).message)?.[1] ?? (error as Error).message.split('\n')[0]!;
    throw new DamagedDiskError(
      `the disk ${basename(path)} of the parent image cannot be used: ${said}. The file is damaged or missing: build ` +
        'the parent image again, or restore its file from a backup',
      { cause: error },
    );
  }
}

/**
 * What is wrong with the files of a disk's chain, by qemu-img's check of each; `undefined` if nothing is found. For use
 * after a failure, because it reads all tables.
 */
export async function damageOf(path: string): Promise<string | undefined> {
  const chain = await diskChain(path).catch((error: unknown) => error as Error);
  if (chain instanceof Error) return `${basename(path)} cannot be read`;
  for (const file of [path, ...chain.flatMap(({ backing }) => (backing === undefined ? [] : [backing]))]) {
    // Its tables can only be checked with its key.
    if (await isEncrypted(file)) continue;
    // Exit code 3 means leaked clusters, which are harmless.
    const { code } = await run(['qemu-img', 'check', '-q', '--force-share', '-f', 'qcow2', file], {
      okCodes: 'any',
      timeoutMs: 60_000,
    });
    if (code !== 0 && code !== 3) return `qemu-img check finds errors in ${basename(file)}`;
  }
  return undefined;
}

/** A disk's files, top first. */
export async function diskChain(path: string, format = 'qcow2'): Promise<readonly DiskInfo[]> {
  const { stdout } = await run([
    'qemu-img',
    'info',
    '--force-share',
    '--backing-chain',
    '--output=json',
    '-f',
    format,
    path,
  ]);
  const files = JSON.parse(stdout) as {
    format: string;
    'virtual-size': number;
    'actual-size': number;
    'full-backing-filename'?: string;
  }[];
  return files.map((file) => ({
    format: file.format,
    virtualSize: file['virtual-size'],
    actualSize: file['actual-size'],
    backing: file['full-backing-filename'],
  }));
}

/** Options of a flat copy. */
export interface FlattenOptions {
  /** Whether to compress with zstd: about 3 s for 600 MiB, 0.4 s uncompressed. */
  readonly compress?: boolean;
  readonly signal?: AbortSignal;
  /** Added to the environment of the process: the mark by which the sweeper finds it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives whole percentages. */
  readonly onProgress?: (percent: number) => void;
  /** How to open an encrypted chain. The copy is encrypted with the same data key, that of its top. */
  readonly encryption?: EncryptedChain | undefined;
  /**
   * Called when everything is written. The file gets its name when the promise resolves, and is removed when it
   * rejects.
   */
  readonly named?: () => Promise<void>;
}

/**
 * Writes a chain as one flat qcow2 file, complete or absent, and durable when this returns.
 * @returns the file's SHA-256 in hexadecimal digits
 */
export async function flatten(top: string, target: string, options: FlattenOptions = {}): Promise<string> {
  const partial = `${target}.partial`;
  try {
    const sha256 = await writeCopy(top, partial, options);
    await options.named?.();
    await rename(partial, target);
    await syncDirectory(dirname(target));
    return sha256;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Uses QEMU if the copy must be compressed, or its source decompressed. */
async function writeCopy(top: string, partial: string, options: FlattenOptions): Promise<string> {
  const { onProgress, encryption } = options;
  if (!options.compress && encryption === undefined) {
    const chain = await diskChain(top);
    const source = await flatSource([top, ...chain.flatMap(({ backing }) => backing ?? [])], chain[0]!.virtualSize);
    if (source !== undefined) return writeFlat(source, partial, options);
  }
  // "    (12.34/100%)" and a carriage return, repeatedly.
  const progress =
    onProgress &&
    ((chunk: Buffer): void => {
      const percent = /\((\d+)\.\d+\/100%\)\s*$/.exec(chunk.toString('latin1'))?.[1];
      if (percent !== undefined) onProgress(Number(percent));
    });
  if (encryption !== undefined)
    await createEncrypted(partial, encryption.files[0]!.key, (await diskInfo(top)).virtualSize, undefined);
  using secrets = new QemuSecrets(keysOf(encryption), '--object');
  await run(
    [
      'qemu-img',
      'convert',
      progress ? '-p' : '-q',
      '-W',
      ...(encryption === undefined
        ? [
            ...['-f', 'qcow2', '-O', 'qcow2'],
            ...(options.compress ? ['-c', '-o', 'compression_type=zstd'] : []),
            top,
            partial,
          ]
        : [
            ...secrets.options,
            ...['-n', '--target-is-zero', '--target-image-opts'],
            encryptedName(encryption),
            `driver=qcow2,file.driver=file,file.filename=${partial.replaceAll(',', ',,')},encrypt.format=luks,` +
              `encrypt.key-secret=${encryption.files[0]!.key.id}`,
          ]),
    ],
    {
      descriptors: secrets.descriptors,
      files: 'private',
      signal: options.signal,
      env: options.env,
      onStdout: progress,
    },
  );
  return (await Promise.all([sha256OfFile(partial), syncFile(partial)]))[0];
}
