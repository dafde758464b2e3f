/** The resolvers of this host, as those who ask for an instance find them. */
import { readFile } from 'node:fs/promises';

/** Where systemd-resolved names the resolvers that it asks itself. */
export const UPSTREAM_RESOLVERS = '/run/systemd/resolve/resolv.conf';

/**
 * The file to stand for the host's `resolv.conf` where that names only its own loopback (systemd-resolved's stub): what
 * instances ask leaves from an address to which loopback is closed, so that they would get no answer. `undefined` where
 * it can be used, or nothing better is there.
 */
export async function reachableResolver(): Promise<string | undefined> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  return onlyLoopback(await text('/etc/resolv.conf')) && !onlyLoopback(await text(UPSTREAM_RESOLVERS))
    ? UPSTREAM_RESOLVERS
    : undefined;
}

/** Whether a `resolv.conf` names no resolver but on loopback (as one that names none does). Pure. */
export function onlyLoopback(resolvConfText: string): boolean {
  return [...resolvConfText.matchAll(/^\s*nameserver\s+(\S+)/gm)].every(
    ([, address]) => address!.startsWith('127.') || address === '::1',
  );
}

/** Addresses of the resolvers that this host asks. */
export async function hostResolvers(): Promise<readonly string[]> {
  return [
    ...(await readFile('/etc/resolv.conf', 'utf8').catch(() => '')).matchAll(/^\s*nameserver\s+([\da-fA-F.:]+)/gm),
  ].map(([, address]) => address!);
}
