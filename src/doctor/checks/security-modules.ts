import { readFile } from 'node:fs/promises';
import type { Check, Finding } from '../check.ts';

export const securityModules: Check = {
  name: 'AppArmor, SELinux',
  group: 'isolation',
  needed: false,
  async run() {
    const text = async (path: string): Promise<string> =>
      (await readFile(path, 'utf8').catch(() => '')).replace(/\0/g, '').trim();
    return modulesVerdict({
      apparmor: (await text('/sys/module/apparmor/parameters/enabled')) === 'Y',
      selinux: await text('/sys/fs/selinux/enforce'),
      own: await text('/proc/self/attr/current'),
    });
  },
};

/**
 * The verdict. Pure.
 * @param found.selinux `1` if it is enforcing, `0` if it is permissive, empty without it
 * @param found.own the profile that confines this process
 */
export function modulesVerdict(found: {
  readonly apparmor: boolean;
  readonly selinux: string;
  readonly own: string;
}): Finding {
  if (!found.apparmor && found.selinux === '')
    return { status: 'ok', detail: 'neither is active; Ingot does not rely on them' };
  const name = found.apparmor ? 'AppArmor' : `SELinux (${found.selinux === '1' ? 'enforcing' : 'permissive'})`;
  const confined =
    found.own === '' || /^unconfined\b|:unconfined_t:/.test(found.own)
      ? 'does not confine Ingot, which has no profile for it'
      : `confines Ingot as ${found.own}`;
  return { status: 'ok', detail: `${name} is active and ${confined}; Ingot does not rely on it` };
}
