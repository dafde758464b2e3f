/** Local files as a streamed tar archive. */
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Headers, type Pack } from 'tar-stream';
import { ARCHIVE_END, ARCHIVE_ROOT } from '../../instances/copy.ts';

/** Which attributes of a file are copied. */
export interface Attributes {
  /** Whether owners and set-id bits are copied; otherwise only permissions, with the receiver as owner. */
  readonly archive: boolean;
}

/**
 * An archive of a file or a folder for `instances/copy.ts`. Skips sockets, devices and pipes.
 * @param options.skipped called for each entry that is skipped
 */
export function packed(path: string, options: Attributes & { readonly skipped: (path: string) => void }): Pack {
  const archive = pack();
  void add(archive, path, ARCHIVE_ROOT, options).then(
    () => {
      archive.entry({ name: ARCHIVE_END }, '');
      archive.finalize();
    },
    (error: unknown) => archive.destroy(error as Error),
  );
  return archive;
}

async function add(archive: Pack, path: string, name: string, options: Parameters<typeof packed>[1]): Promise<void> {
  const stats = await lstat(path);
  const header: Headers = {
    name,
    mtime: stats.mtime,
    mode: stats.mode & (options.archive ? 0o7777 : 0o777),
    ...(options.archive ? { uid: stats.uid, gid: stats.gid } : { uid: 0, gid: 0 }),
  };
  if (stats.isDirectory()) {
    archive.entry({ ...header, type: 'directory' });
    for (const child of (await readdir(path)).sort())
      await add(archive, join(path, child), `${name}/${child}`, options);
  } else if (stats.isSymbolicLink()) archive.entry({ ...header, type: 'symlink', linkname: await readlink(path) });
  else if (stats.isFile())
    await pipeline(exactly(path, stats.size), archive.entry({ ...header, type: 'file', size: stats.size }));
  else options.skipped(path);
}

/**
 * Reads exactly as many bytes as the archive's header says: a file may grow meanwhile.
 * @throws {Error} if it shrinks
 */
export async function* exactly(path: string, size: number): AsyncGenerator<Buffer> {
  if (size === 0) return;
  let read = 0;
  for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark: 1 << 18 })) {
    read += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  if (read < size) throw new Error(`${path} became shorter while it was read`);
}
