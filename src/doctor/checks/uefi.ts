import { existsSync } from 'node:fs';
import type { Check } from '../check.ts';

/** Debian's paths; Ubuntu has the same. */
const FILES = ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS_4M.fd'];

export const uefi: Check = {
  name: 'UEFI firmware',
  needed: true,
  packages: ['ovmf'],
  async run() {
    const lacking = FILES.filter((file) => !existsSync(file));
    if (lacking.length > 0)
      return {
        status: 'fail',
        detail: `${lacking.join(' and ')} missing, although the package ovmf seems to be installed`,
        remedy: 'apt-get install -y --reinstall ovmf',
      };
    return { status: 'ok', detail: 'OVMF: virtual machines can boot by UEFI as well as by BIOS' };
  },
};
