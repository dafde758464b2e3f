/**
 * Import sources: a file of this host, a web server, an object in S3. The disk is copied first, so that it cannot
 * change after it was checked.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { ownS3Access } from '../../platform/aws-credentials.ts';
import { download } from '../../platform/download.ts';
import { s3Url, signS3 } from '../../platform/s3-requests.ts';
import { S3_SOURCE, sourceName } from '../../resources/import-source.ts';
import type { Report } from '../../resources/progress.ts';
import { ForeignDiskError } from './disk-format.ts';
import { MAX_DISK_BYTES } from './foreign-disk.ts';
import { byteProgress } from './progress.ts';

/** A copied disk. */
export interface FetchedDisk {
  readonly bytes: number;
  /** SHA-256 of the file at its source. */
  readonly sha256: string;
}

/** The source and the target. */
export interface FetchRequest {
  /** An absolute path, an http or https URL, or `s3://bucket/key`. */
  readonly source: string;
  /** The copy, mode 0600. */
  readonly target: string;
  readonly report: Report;
  readonly signal: AbortSignal;
}

const CHUNK = 1024 ** 2;

/**
 * Copies a disk from its source.
 * @throws {Error} with a message for the user; the caller then removes the target
 */
export async function fetchDisk(request: FetchRequest): Promise<FetchedDisk> {
  const { source, target, report, signal } = request;
  const options = {
    signal,
    maxBytes: MAX_DISK_BYTES,
    onProgress: byteProgress(report, `fetching ${sourceName(source)}`),
  };
  if (source.startsWith('/')) return copyFile(request);
  const [, bucket, key] = S3_SOURCE.exec(source) ?? [];
  if (bucket === undefined || key === undefined) return download(source, target, options);
  const { credentials, ...place } = await ownS3Access();
  if (credentials === undefined) return download(s3Url(place, { bucket, key }).href, target, options);
  const { url, headers } = await signS3({ ...place, credentials }, { method: 'GET', bucket, key });
  return download(url, target, { ...options, headers });
}

/** Copies a file and keeps its holes: a disk of a terabyte may have a few gigabytes of data. */
async function copyFile({ source, target, report, signal }: FetchRequest): Promise<FetchedDisk> {
  const from = await open(source, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new ForeignDiskError(
      `The file ${source} cannot be read: ` +
        `${error.code === 'ENOENT' ? "the file does not exist on the server's host" : error.message}.`,
    );
  });
  try {
    const found = await from.stat();
    if (!found.isFile()) throw new ForeignDiskError(`${source} is not a regular file.`);
    if (found.size > MAX_DISK_BYTES)
      throw new ForeignDiskError(`${source} has ${found.size} bytes; ${MAX_DISK_BYTES} at most are allowed.`);
    const progress = byteProgress(report, `copying ${source}`);
    const hash = createHash('sha256');
    const to = await open(target, 'w', 0o600);
    try {
      const buffer = Buffer.alloc(CHUNK);
      const empty = Buffer.alloc(CHUNK);
      let position = 0;
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await from.read(buffer, 0, CHUNK, position);
        if (bytesRead === 0) break;
        const chunk = buffer.subarray(0, bytesRead);
        hash.update(chunk);
        if (!chunk.equals(empty.subarray(0, bytesRead))) await to.write(chunk, 0, bytesRead, position);
        position += bytesRead;
        progress(position, found.size);
      }
      await to.truncate(position);
      await to.sync();
      return { bytes: position, sha256: hash.digest('hex') };
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
