/**
 * Secrets in a directory of this host: one file each, with the name of the secret. `prod/db` is a file in the directory
 * `prod`.
 */
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { readUtf8 } from '../platform/utf8.ts';
import { plainName, SecretError, withoutLastNewline, type ProviderType, type SecretQuery } from './provider.ts';

const MOST_BYTES = 64 * 1024;

export const file: ProviderType = {
  settings: ['folder'],
  make({ folder }, fault) {
    if (typeof folder !== 'string' || !isAbsolute(folder)) fault('folder', 'must be an absolute path');
    const root = String(folder);
    const pathOf = (query: SecretQuery): string => join(root, plainName(query));
    return {
      describe: (query) => `the file ${pathOf(query)}`,
      async look(query) {
        if (query.stage !== undefined || query.version !== undefined) return undefined;
        if (plainName(query).split('/').includes('..')) return undefined;
        try {
          return await readSecret(root, pathOf(query));
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
          throw error instanceof SecretError
            ? error
            : new SecretError(`${pathOf(query)} cannot be read: ${(error as Error).message}`, { cause: error });
        }
      },
    };
  },
};

async function readSecret(root: string, path: string): Promise<string | undefined> {
  // A link may point elsewhere in the directory (mounted secrets of Kubernetes do), but not outside of it.
  const [real, folder] = await Promise.all([realpath(path), realpath(root)]);
  if (!real.startsWith(`${folder}/`)) throw new SecretError(`${path} is a link to a file outside of ${root}`);
  const handle = await open(real, 'r');
  try {
    const found = await handle.stat();
    if (!found.isFile()) return undefined;
    if ((found.mode & 0o007) !== 0)
      throw new SecretError(
        `${path} is readable by every user of this host (mode ${(found.mode & 0o777).toString(8)}): chmod 600 it`,
      );
    if (found.size > MOST_BYTES) throw new SecretError(`${path} is larger than ${MOST_BYTES / 1024} KiB`);
    return withoutLastNewline(textOf(await handle.readFile(), path));
  } finally {
    await handle.close();
  }
}

/** @throws {SecretError} */
function textOf(bytes: Buffer, path: string): string {
  try {
    return readUtf8(bytes);
  } catch (error) {
    throw new SecretError(`${path} ${(error as Error).message}`, { cause: error });
  }
}
