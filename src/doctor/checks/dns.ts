import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Check } from '../check.ts';

export const dns: Check = {
  name: 'names (DNS)',
  needed: true,
  async run({ mirror, signal }) {
    const { url, proxy } = await mirror();
    const { hostname } = new URL(url);
    if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0)
      return { status: 'ok', detail: `not needed for the package mirror, which is named by its address ${hostname}` };
    try {
      // lookup supports no signal; the check's deadline ends the wait.
      const found = await lookup(hostname);
      signal.throwIfAborted();
      return { status: 'ok', detail: `${hostname} is ${found.address}` };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const why =
        code === 'ENOTFOUND'
          ? 'is not known'
          : code === 'EAI_AGAIN'
            ? 'cannot be resolved: no resolver answers'
            : `cannot be resolved (${code ?? (error as Error).message})`;
      return {
        status: proxy === undefined ? 'fail' : 'warn',
        detail: `${hostname} ${why}; check the resolvers in /etc/resolv.conf`,
      };
    }
  },
};
