import { readFile } from 'node:fs/promises';
import { ProcessError, run } from '../../platform/processes.ts';
import type { Check } from '../check.ts';

export const userNamespaces: Check = {
  name: 'user namespaces',
  group: 'isolation',
  needed: false,
  packages: ['util-linux'],
  async run({ signal }) {
    try {
      await run(['unshare', '--user', '--map-root-user', '--', 'true'], { signal });
      return { status: 'ok', detail: 'root in a container has no rights outside' };
    } catch (error) {
      if (!(error instanceof ProcessError)) throw error;
      const limit = (await readFile('/proc/sys/user/max_user_namespaces', 'utf8').catch(() => '')).trim();
      const why =
        limit === '0'
          ? 'this host does not allow them (user.max_user_namespaces is 0)'
          : error.stderr.trim() || error.message;
      return {
        status: 'fail',
        detail: `cannot create a user namespace: ${why}; builds run in virtual machines, which are slower`,
        ...(limit === '0' ? { remedy: 'sysctl -w user.max_user_namespaces=65536' } : {}),
      };
    }
  },
};
