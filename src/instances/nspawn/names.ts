/**
 * Configures name resolution in a container. Never by a mount over `/etc/resolv.conf`: packages and components replace
 * that file, and what they write there belongs in the image.
 *
 * If the image uses systemd-resolved, that gets the network's name server, and the file is not touched. Otherwise Ingot
 * writes the file on the disk and keeps the original. `guest/network-settings.sh` restores it before the disk becomes
 * an image, unless something else was written there meanwhile.
 */
import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { findInside } from '../../platform/inside-root.ts';
import { resolvConf } from '../network.ts';

/** First line of a `resolv.conf` that Ingot wrote; the script that removes it looks for this line. */
export const RESOLVER_MARK = '# Set for this build: taken out of the image';

/** Where the original file is kept on the disk: `resolv.conf`, or nothing if there was none. */
export const RESOLVER_FOLDER = '/var/lib/ingot-resolver';

/** Largest `resolv.conf` that is read here, in bytes. */
const MOST_BYTES = 64 << 10;

/**
 * Configures name resolution of a root before it boots.
 * @param root where it is mounted; nothing runs on it
 * @returns whether systemd-resolved of the image answers, so that the boot must wait for it
 */
export async function resolvesItself(root: string): Promise<boolean> {
  const file = await findInside(root, '/etc/resolv.conf', { followLast: false });
  if (file?.stats.isSymbolicLink()) return runsResolved(root);
  const text =
    file?.stats.isFile() === true && file.stats.size <= MOST_BYTES ? await readFile(file.path, 'utf8') : undefined;
  if (text !== undefined && asksItself(text) && (await runsResolved(root))) return true;
  await putOwn(root, text);
  return false;
}

/** Whether a `resolv.conf` names only the stub of systemd-resolved. Pure. */
export function asksItself(text: string): boolean {
  const servers = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, server]) => server!);
  return servers.length > 0 && servers.every((server) => server === '127.0.0.53' || server === '127.0.0.54');
}

/** Whether systemd-resolved is installed and starts at boot. */
async function runsResolved(root: string): Promise<boolean> {
  const own = await findInside(root, '/etc/systemd/system/systemd-resolved.service', { followLast: false });
  if (own !== undefined && !own.stats.isFile()) return false; // Masked by a link to /dev/null.
  for (const target of ['sysinit', 'multi-user']) {
    const unit = await findInside(root, `/etc/systemd/system/${target}.target.wants/systemd-resolved.service`);
    if (unit?.stats.isFile() === true) return true;
  }
  return false;
}

async function putOwn(root: string, text: string | undefined): Promise<void> {
  if (text?.startsWith(RESOLVER_MARK)) return;
  const etc = await findInside(root, '/etc');
  const library = await findInside(root, '/var/lib');
  if (etc?.stats.isDirectory() !== true || library?.stats.isDirectory() !== true) return;
  const kept = `${library.path}/${RESOLVER_FOLDER.split('/').at(-1)!}`;
  const file = `${etc.path}/resolv.conf`;
  await rm(kept, { recursive: true, force: true });
  await mkdir(kept, { mode: 0o700 });
  // Recorded before the change, so that the original exists at every moment.
  if (await lstat(file).catch(() => undefined)) await rename(file, `${kept}/resolv.conf`);
  await writeFile(`${file}.ingot`, `${RESOLVER_MARK}\n${resolvConf()}`, { mode: 0o644, flag: 'wx' });
  await rename(`${file}.ingot`, file);
}
