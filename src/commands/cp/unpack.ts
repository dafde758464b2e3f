/** A tar archive of an instance, unpacked here. It is a stranger's: nothing of it lands outside its folder, and no device is made. */
import { createWriteStream } from 'node:fs';
import { chmod, lchown, link, lutimes, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Headers } from 'tar-stream';
import type { Attributes } from './pack.ts';

/** How to unpack. */
export interface Unpacking extends Attributes {
  /** Who the files belong to, unless the archive's owners are kept; root alone can give files away. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  readonly skipped: (path: string) => void;
}

/**
 * Unpacks an archive whose entries are `./name`, or `./` and what is below.
 * @param root path of the one entry, or of the folder `./`; nothing is there yet
 * @throws {Error} for an archive that is cut off, or that leads out of its folder
 */
export async function unpack(archive: Readable, root: string, options: Unpacking): Promise<void> {
  const folders = new Map<string, Headers>();
  const files = new Set<string>();
  const entries = extract();
  const piped = pipeline(archive, entries);
  piped.catch(() => {}); // The loop below throws it.
  for await (const entry of entries) {
    const { header } = entry;
    const parts = header.name.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.join('/');
    if (parts.includes('..') || name.includes('\0')) throw new Error(`the archive leads out of its folder: ${header.name}`);
    // A folder that this made, or nothing: a link that it made must not lead anywhere else.
    const parent = parts.slice(0, -1).join('/');
    const single = parts.length === 1 && !folders.has('');
    if (name !== '' && !single && !folders.has(parent)) throw new Error(`the archive has ${header.name} without its folder`);
    const path = name === '' || single ? root : join(root, name);
    if (header.type === 'directory') {
      if (folders.has(name)) throw new Error(`the archive has ${header.name} twice`);
      await mkdir(path, { mode: 0o700 });
      folders.set(name, header);
    } else if (header.type === 'file' || header.type === 'contiguous-file') {
      await pipeline(entry, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
      await settle(path, header, options);
      files.add(path);
      continue;
    } else if (header.type === 'symlink') {
      await symlink(header.linkname ?? '', path);
      await settle(path, header, options);
    } else if (header.type === 'link') {
      const target = join(root, ...(header.linkname ?? '').split('/').filter((part) => part !== '' && part !== '.'));
      if (!files.has(target)) throw new Error(`the archive links ${header.name} to a file that it does not have`);
      await link(target, path);
    } else options.skipped(name);
    entry.resume();
  }
  await piped;
  // Last, and those below first: a folder without permission to write, or whose time is set, must have all that is in it.
  for (const [name, header] of [...folders].toReversed()) await settle(name === '' ? root : join(root, name), header, options);
}

async function settle(path: string, header: Headers, { archive, owner }: Unpacking): Promise<void> {
  const given = archive && header.uid !== undefined && header.gid !== undefined ? { uid: header.uid, gid: header.gid } : owner;
  if (given !== undefined) await lchown(path, given.uid, given.gid);
  if (header.type !== 'symlink') await chmod(path, (header.mode ?? 0o644) & (archive ? 0o7777 : 0o777));
  if (header.mtime !== undefined) await lutimes(path, header.mtime, header.mtime);
}
