/** The resolvers of this host, for instances. */
import { readFile } from 'node:fs/promises';

/** Where systemd-resolved lists its upstream resolvers. */
export const UPSTREAM_RESOLVERS = '/run/systemd/resolve/resolv.conf';

/**
 * A replacement for the host's `resolv.conf`, if that names only loopback (systemd-resolved's stub), which is closed to
 * instances. `undefined` if the host's file can be used, or there is no better one.
 */
export async function reachableResolver(): Promise<string | undefined> {
  const text = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  return onlyLoopback(await text('/etc/resolv.conf')) && !onlyLoopback(await text(UPSTREAM_RESOLVERS))
    ? UPSTREAM_RESOLVERS
    : undefined;
}

/** Whether a `resolv.conf` names only resolvers on loopback; true if it names none. Pure. */
export function onlyLoopback(resolvConfText: string): boolean {
  return [...resolvConfText.matchAll(/^\s*nameserver\s+(\S+)/gm)].every(
    ([, address]) => address!.startsWith('127.') || address === '::1',
  );
}

/** Addresses of this host's resolvers. */
export async function hostResolvers(): Promise<readonly string[]> {
  return [
    ...(await readFile('/etc/resolv.conf', 'utf8').catch(() => '')).matchAll(/^\s*nameserver\s+([\da-fA-F.:]+)/gm),
  ].map(([, address]) => address!);
}
