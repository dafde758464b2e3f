/**
 * Files that components name by `file:`. They are uploaded in parts, stored under the SHA-256 of their content, belong
 * to an account, and are deleted when no component names them.
 */
import { rmSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import {
  allKeptFiles,
  getKeptFile,
  keptFilesOf,
  keptFilesUse,
  putKeptFile,
  removeKeptFile,
  tooLarge,
  unnamedFiles,
  type FileLimits,
} from '../catalog/kept-files.ts';
import { dataPath, keptFile } from '../platform/data-layout.ts';
import { sha256OfFile, syncDirectory, syncFile } from '../platform/files.ts';
import { invalidParameterValue, serviceQuotaExceeded } from '../resources/errors.ts';

/** How long an unused file is kept, in milliseconds: long enough for a person to continue an upload. */
const WAITS_MS = 86_400_000;

/** Maximum number of files of an account, including unfinished uploads: each is a row and a file, however small. */
const MOST_FILES = 10_000;

/** A file, and how much of it was received. */
export interface Received {
  readonly sha256: string;
  /** Total size in bytes. */
  readonly size: number;
  /** Bytes received so far. */
  readonly received: number;
  readonly complete: boolean;
}

/** One part of a file, or an empty one to query where to continue. */
export interface FilePart {
  readonly account: string;
  readonly sha256: string;
  readonly size: number;
  /** Offset of the part in the file. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * Stores a part. A part that does not continue where the previous one ended is ignored, and the answer has the right
 * offset. After the last part the content is compared with its digest.
 * @throws {ApiError} InvalidParameterValueException, ServiceQuotaExceededException
 */
export async function receivePart(catalog: Catalog, limits: FileLimits, part: FilePart): Promise<Received> {
  const { account, sha256, size, offset, bytes } = part;
  const large = tooLarge(size, limits);
  if (large !== undefined) throw invalidParameterValue('size', large);
  const answer = (received: number, complete: boolean): Received => ({ sha256, size, received, complete });
  if (await begin(catalog, limits, part)) return answer(size, true);
  const path = keptFile(catalog.dataDirectory, account, sha256);
  const partial = `${path}.part`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(partial, 'a+', 0o600);
  let received: number;
  try {
    received = (await file.stat()).size;
    if (received !== offset && bytes.length > 0) return answer(Math.min(received, size), false);
    if (received + bytes.length > size)
      throw invalidParameterValue('size', `It is ${size}, and these parts have ${received + bytes.length} bytes.`);
    await file.writeFile(bytes);
    received += bytes.length;
  } finally {
    await file.close();
  }
  if (received < size) return answer(received, false);
  return (await complete(catalog, part, path)) ? answer(size, true) : answer(0, false);
}

/** Records a file before any of it exists. @returns whether it is already complete */
async function begin(catalog: Catalog, limits: FileLimits, { account, sha256, size }: FilePart): Promise<boolean> {
  return catalog.transaction(async (trx) => {
    const known = await getKeptFile(trx, account, sha256);
    if (known?.complete === true && known.size !== size)
      throw invalidParameterValue('size', `The file with this SHA-256 has ${known.size} bytes, not ${size}.`);
    if (known === undefined) {
      const { files, bytes: used } = await keptFilesUse(trx, account);
      if (files >= MOST_FILES)
        throw serviceQuotaExceeded(
          `Account ${account} has ${files} files, and at most ${MOST_FILES} are kept. Delete components whose files ` +
            'nobody needs, or pack files into one.',
        );
      if (used + size > limits.accountBytes)
        throw serviceQuotaExceeded(
          `The files of account ${account} would have ${used + size} bytes, and at most ${limits.accountBytes} are ` +
            "kept (files.accountMegabytes in config.yaml of the server's data directory). Delete components whose " +
            'files nobody needs.',
        );
    }
    // A different size means that the earlier upload was a mistake.
    if (known?.complete === false && known.size !== size) {
      await removeKeptFile(trx, account, sha256);
      rmSync(`${keptFile(catalog.dataDirectory, account, sha256)}.part`, { force: true });
    }
    await putKeptFile(trx, { account, sha256, size, complete: false });
    return known?.complete === true;
  });
}

/**
 * Compares the content with its digest, and stores it.
 * @returns whether it exists: another request may have deleted it meanwhile
 * @throws {ApiError} InvalidParameterValueException if the content differs
 */
async function complete(catalog: Catalog, { account, sha256, size }: FilePart, path: string): Promise<boolean> {
  const partial = `${path}.part`;
  const found = await sha256OfFile(partial).catch(gone);
  if (found !== undefined && found !== sha256) {
    await rm(partial, { force: true });
    await catalog.transaction((trx) => removeKeptFile(trx, account, sha256));
    throw invalidParameterValue('sha256', `What came has the SHA-256 ${found}. Nothing of it was kept.`);
  }
  if (found !== undefined) {
    await syncFile(partial).catch(gone);
    await rename(partial, path).catch(gone);
    await syncDirectory(dirname(path));
  }
  if ((await stat(path).catch(gone))?.size !== size) return false;
  await catalog.transaction((trx) => putKeptFile(trx, { account, sha256, size, complete: true }));
  return true;
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** The files of an account, including unfinished uploads. */
export async function listReceived(catalog: Catalog, account: string): Promise<readonly Received[]> {
  const files = await keptFilesOf(catalog.db, account);
  return Promise.all(
    files.map(async ({ sha256, size, complete: whole }) => {
      const path = `${keptFile(catalog.dataDirectory, account, sha256)}.part`;
      const received = whole ? size : ((await stat(path).catch(gone))?.size ?? 0);
      return { sha256, size, received, complete: whole };
    }),
  );
}

/**
 * Deletes files that no component names, and files without a record.
 * @param now milliseconds since 1970
 */
export async function sweepKeptFiles(
  catalog: Catalog,
  now = Date.now(),
): Promise<{ readonly files: number; readonly bytes: number }> {
  const { dataDirectory } = catalog;
  const removed = await catalog.transaction(async (trx) => {
    const unnamed = await unnamedFiles(trx, new Date(now - WAITS_MS).toISOString());
    for (const { account, sha256 } of unnamed) {
      // Within the transaction, because the same file may be uploaded again right after it.
      const path = keptFile(dataDirectory, account, sha256);
      for (const each of [path, `${path}.part`]) rmSync(each, { force: true });
      await removeKeptFile(trx, account, sha256);
    }
    return unnamed;
  });
  let files = removed.length;
  let bytes = removed.reduce((sum, { size }) => sum + size, 0);
  const folder = dataPath(dataDirectory, 'files');
  for (const account of await namesIn(folder)) {
    const found = await namesIn(join(folder, account));
    if (found.length === 0) await rmdir(join(folder, account)).catch(() => undefined);
    // A file is recorded before it is created, so the records are read after the names.
    const known = new Set(
      (await allKeptFiles(catalog.db)).filter((file) => file.account === account).map(({ sha256 }) => sha256),
    );
    for (const name of found) {
      if (known.has(name.replace(/\.part$/, ''))) continue;
      const path = join(folder, account, name);
      bytes += (await stat(path).catch(gone))?.size ?? 0;
      await rm(path, { force: true });
      files++;
    }
  }
  return { files, bytes };
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
