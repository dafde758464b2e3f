import { drivers } from '../../instances/drivers.ts';
import { run } from '../../platform/processes.ts';
import { oneLine, type Check } from '../check.ts';

export const virtualMachines: Check = {
  name: 'virtual machines',
  needed: true,
  packages: ['qemu-system-x86', 'qemu-utils', 'mtools', 'dosfstools', 'util-linux', 'mount'],
  async run({ signal }) {
    const lacks = await drivers['qemu']!.missing();
    if (lacks.length > 0)
      return {
        status: 'fail',
        detail: oneLine(lacks.join('; ')),
        ...(lacks.some((each) => each.includes('/dev/net/tun')) ? { remedy: 'modprobe tun' } : {}),
      };
    const { stdout } = await run(['qemu-system-x86_64', '--version'], { signal });
    return {
      status: 'ok',
      detail:
        `QEMU ${/version (\S+)/.exec(stdout)?.[1] ?? '(unknown version)'}: images are booted and tested as virtual ` +
        'machines',
    };
  },
};
