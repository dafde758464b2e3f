import { readFile } from 'node:fs/promises';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { patience } from '../../platform/patience.ts';
import type { Check, Finding } from '../check.ts';

const GIB = 1024 ** 3;
/** A build instance of the default type has 2 GiB; QEMU and the host need more. */
const COMFORTABLE = 2.5 * GIB;
/** 512 MiB is about the smallest size in which built images boot. */
const LEAST = 0.75 * GIB;

export const processor: Check = {
  name: 'processor and memory',
  needed: true,
  async run() {
    return processorVerdict({
      architecture: process.arch,
      cores: availableParallelism(),
      total: totalmem(),
      available: await availableMemory(),
      patience: patience(),
    });
  },
};

/** The facts about a host. Memory in bytes; `patience` is the factor of its deadlines. */
interface HostProcessor {
  readonly architecture: string;
  readonly cores: number;
  readonly total: number;
  readonly available: number;
  readonly patience: number;
}

/** The verdict on a host's processor and memory. Pure. */
export function processorVerdict(host: HostProcessor): Finding {
  const memory = `${gib(host.available)} GiB of ${gib(host.total)} GiB memory available`;
  if (host.architecture !== 'x64')
    return {
      status: 'fail',
      detail: `the processor is ${host.architecture}; base images are for x86-64, so Ingot needs an x86-64 host`,
    };
  const detail = `x86-64, ${host.cores} ${host.cores === 1 ? 'core' : 'cores'}, ${memory}`;
  if (host.available < LEAST)
    return { status: 'fail', detail: `${detail}: too little for a virtual machine of 512 MiB` };
  if (host.available < COMFORTABLE)
    return {
      status: 'warn',
      detail:
        `${detail}: build instances get 2 GiB unless the infrastructure configuration names a smaller type, such ` +
        'as t3.nano',
    };
  if (host.cores < 2) return { status: 'warn', detail: `${detail}: emulated machines start slowly on one core` };
  if (host.patience >= 2)
    return {
      status: 'warn',
      detail:
        `${detail}: slow, as a machine that is itself emulated; Ingot's deadlines are ${Math.round(host.patience)} ` +
        'times as long',
    };
  return { status: 'ok', detail };
}

async function availableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  const available = kib === undefined ? freemem() : Number(kib) * 1024;
  // A container's limit, if there is one.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(available, limit) : available;
}

function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1);
}
