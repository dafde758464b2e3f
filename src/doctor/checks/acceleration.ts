import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { patience } from '../../platform/patience.ts';
import {
  chooseAccelerator,
  hostKernel,
  rememberedVerdict,
  type AcceleratorChoice,
} from '../../instances/qemu/accelerator.ts';
import type { Check, Finding } from '../check.ts';
import { kernelOfBaseImage } from '../kernel.ts';
import { inWorkspace } from '../../instances/workspace.ts';
import { INGOT } from '../../platform/own-program.ts';

const EMULATED_BOOT_SECONDS = 15;

export const acceleration: Check = {
  name: 'KVM',
  group: 'isolation',
  needed: false,
  packages: ['qemu-system-x86'],
  root: true,
  seconds: 80,
  // It measures how soon a kernel prints, and its verdict is stored.
  alone: true,
  async run({ dataDirectory, signal }) {
    if (!existsSync('/dev/kvm')) return noDevice(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
    if (process.env['INGOT_ACCELERATOR'] || (await hostKernel()) !== undefined)
      return verdict(await chooseAccelerator());
    return inWorkspace(async (workspace) => {
      const choice = await chooseAccelerator(await kernelOfBaseImage(dataDirectory, workspace, signal));
      return (await rememberedVerdict()) === undefined ? untried(choice) : verdict(choice);
    });
  },
};

function emulated(): string {
  return (
    `virtual machines are emulated: a boot test takes some ${Math.round(EMULATED_BOOT_SECONDS * patience())} s on ` +
    'an idle host, and what runs in one is slow'
  );
}

function verdict({ accelerator, reason }: AcceleratorChoice): Finding {
  if (accelerator === 'kvm') return { status: 'ok', detail: `virtual machines run at full speed: ${reason}` };
  return { status: 'warn', detail: `${reason}; ${emulated()}` };
}

/** The advice if there is no kernel to test KVM with, neither the host's nor a base image's. */
export function untried(choice: AcceleratorChoice): Finding {
  const { status, detail } = verdict(choice);
  return {
    status,
    detail: `${detail}. The first build makes a base image, which has a kernel`,
    remedy: `${INGOT} build examples/nginx/template.yaml && ${INGOT} doctor`,
  };
}

/**
 * The advice if there is no /dev/kvm.
 * @param cpuinfo content of `/proc/cpuinfo`
 */
export function noDevice(cpuinfo: string): Finding {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/));
  const remedy = flags.has('vmx') ? 'modprobe kvm_intel' : flags.has('svm') ? 'modprobe kvm_amd' : undefined;
  if (remedy !== undefined)
    return { status: 'warn', detail: `this host has no /dev/kvm, although its processor could; ${emulated()}`, remedy };
  return {
    status: 'warn',
    detail:
      'this host has no /dev/kvm and its processor offers no virtualization (turn it on in the firmware, or nested ' +
      `virtualization in the hypervisor); ${emulated()}`,
  };
}
