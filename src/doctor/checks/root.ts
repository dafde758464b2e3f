import type { Check } from '../check.ts';
import { INGOT } from '../../platform/own-program.ts';

export const root: Check = {
  name: 'root',
  needed: true,
  async run() {
    if (process.getuid?.() === 0) return { status: 'ok', detail: 'Ingot runs as root' };
    return {
      status: 'fail',
      detail: 'Ingot mounts disks and makes namespaces, which needs root',
      remedy: `sudo ${INGOT} doctor`,
    };
  },
};
