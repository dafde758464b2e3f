/** What systemd-nspawn would stumble over in a root file system, and what is to be said of it: its own words come late, or are none. */
import { findInside } from '../../platform/inside-root.ts';

/** Bytes that a file may have which systemd reads whole. */
const MOST_BYTES = 1 << 20;

/**
 * Why a root cannot be booted as a container; `undefined` when nothing of the kind is seen.
 * @param root where it is mounted; nothing runs on it yet
 */
export async function rootFault(root: string): Promise<string | undefined> {
  const releases = await Promise.all(['/etc/os-release', '/usr/lib/os-release'].map((path) => findInside(root, path)));
  const release = releases.find((each) => each !== undefined);
  if (release === undefined) return 'it has no /etc/os-release and no /usr/lib/os-release, or they are links that lead nowhere. systemd boots no system without: leave the file in place';
  if (!release.stats.isFile()) return 'its os-release is not a file: put the file back that the system came with';
  if (release.stats.size > MOST_BYTES) return `its os-release has ${release.stats.size} bytes, and at most ${MOST_BYTES} are read: put the file back that the system came with`;
  const id = await findInside(root, '/etc/machine-id');
  if (id !== undefined && !id.stats.isFile()) return 'its /etc/machine-id is not a file: remove it, or make it an empty file';
  return undefined;
}
