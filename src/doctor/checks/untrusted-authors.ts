import { chooseAccelerator, type AcceleratorChoice } from '../../instances/qemu/accelerator.ts';
import { drivers } from '../../instances/drivers.ts';
import type { Check, Finding } from '../check.ts';

export const untrustedAuthors: Check = {
  name: 'untrusted components',
  group: 'isolation',
  needed: false,
  root: true,
  // After the check of KVM, whose result it uses.
  alone: true,
  async run() {
    return untrustedVerdict((await drivers['qemu']!.missing()).length === 0, await chooseAccelerator());
  },
};

/** Advice for users who do not trust the authors of components. Pure. */
export function untrustedVerdict(machines: boolean, { accelerator }: Pick<AcceleratorChoice, 'accelerator'>): Finding {
  const how =
    'tag the infrastructure configuration with ingot:driver: qemu (resourceTags) to build in a virtual machine';
  if (!machines)
    return {
      status: 'warn',
      detail:
        'virtual machines do not work on this host (see above): do not build components here whose authors you do ' +
        'not trust',
    };
  if (accelerator === 'kvm')
    return { status: 'ok', detail: `if you do not trust a component's author, ${how} with a kernel of its own` };
  return {
    status: 'warn',
    detail:
      `if you do not trust a component's author, ${how}, on a host where KVM works: this one emulates, and QEMU's ` +
      'developers do not treat faults of its emulator as security faults',
  };
}
