import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { openEntries } from '../../platform/data-directory.ts';
import type { Check, Finding } from '../check.ts';

export const dataDirectoryAccess: Check = {
  name: 'data directory access',
  group: 'isolation',
  needed: false,
  async run({ dataDirectory }) {
    const own = process.geteuid!();
    const found = await stat(dataDirectory).catch(() => undefined);
    return accessVerdict({
      dataDirectory,
      own,
      ...(found === undefined
        ? {}
        : {
            directory: {
              uid: found.uid,
              mode: found.mode & 0o7777,
              open: found.uid === own ? openEntries(dataDirectory).length : 0,
            },
          }),
      parents: await parentsOf(dataDirectory),
    });
  },
};

interface Folder {
  readonly path: string;
  readonly uid: number;
  readonly mode: number;
}

/** The existing parent directories of a path. */
async function parentsOf(path: string): Promise<readonly Folder[]> {
  const parents: Folder[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found !== undefined) parents.push({ path: folder, uid: found.uid, mode: found.mode & 0o7777 });
    if (folder === dirname(folder)) return parents;
  }
}

/** The findings. */
export interface DirectoryAccess {
  readonly dataDirectory: string;
  /** This user's id. */
  readonly own: number;
  /** Absent if it does not exist yet; `open` is the number of files in it that others can open. */
  readonly directory?: { readonly uid: number; readonly mode: number; readonly open: number };
  readonly parents: readonly Folder[];
}

/** The verdict. Pure. */
export function accessVerdict({ dataDirectory, own, directory, parents }: DirectoryAccess): Finding {
  const quoted = JSON.stringify(dataDirectory);
  if (directory !== undefined && directory.uid !== own) {
    return {
      status: 'warn',
      detail:
        `${dataDirectory} belongs to uid ${directory.uid}, but Ingot runs as uid ${own}: its server ` +
        'does not start there',
      remedy: `chown -R ${own} ${quoted}`,
    };
  }
  // In a sticky directory no other user can remove a user's files.
  const weak = parents.find(
    ({ uid, mode }) => (uid !== 0 && uid !== own) || ((mode & 0o022) !== 0 && (mode & 0o1000) === 0),
  );
  if (weak !== undefined) {
    return {
      status: 'warn',
      detail:
        `other users of this host can rename or replace ${dataDirectory}, because they can write to ${weak.path}: ` +
        'use a folder in which only root writes, such as /var/lib/ingot',
    };
  }
  if (directory === undefined)
    return { status: 'ok', detail: `${dataDirectory} will be open to its owner only (mode 0700)` };
  if ((directory.mode & 0o077) !== 0)
    return {
      status: 'warn',
      detail: `other users of this host can read ${dataDirectory} (mode ${directory.mode.toString(8)})`,
      remedy: `chmod 700 ${quoted}`,
    };
  if (directory.open > 0)
    return {
      status: 'ok',
      detail:
        `${dataDirectory} is open to its owner only; the server closes the ${directory.open} files in it that have ` +
        'wider permissions when it starts',
    };
  return { status: 'ok', detail: `${dataDirectory} and its contents are open to their owner only` };
}
