/**
 * Finds problems of a root file system that systemd-nspawn cannot handle, and reports them, because its own messages
 * come late or not at all.
 */
import { findInside } from '../../platform/inside-root.ts';

/** Largest size of a file that systemd reads as a whole, in bytes. */
const MOST_BYTES = 1 << 20;

/**
 * Why a root cannot boot as a container; `undefined` if no problem was found.
 * @param root where it is mounted; nothing runs on it yet
 */
export async function rootFault(root: string): Promise<string | undefined> {
  const releases = await Promise.all(['/etc/os-release', '/usr/lib/os-release'].map((path) => findInside(root, path)));
  const release = releases.find((each) => each !== undefined);
  if (release === undefined) {
    return (
      'it has no /etc/os-release or /usr/lib/os-release, or they are links to files that do not exist. ' +
      'A container needs one of them: restore the file'
    );
  }
  const { size } = release.stats;
  if (!release.stats.isFile()) return 'its os-release is not a regular file: restore the original file';
  if (size > MOST_BYTES) return `its os-release has ${size} bytes (limit: ${MOST_BYTES}): restore the original file`;
  const id = await findInside(root, '/etc/machine-id');
  if (id === undefined || id.stats.isFile()) return undefined;
  return 'its /etc/machine-id is not a regular file: remove it, or replace it with an empty file';
}
