import { readFile } from 'node:fs/promises';
import { QEMU_SANDBOX } from '../../instances/qemu/arguments.ts';
import { withDeadline } from '../../platform/clock.ts';
import { patient } from '../../platform/patience.ts';
import { run, start } from '../../platform/processes.ts';
import type { Check, Finding } from '../check.ts';

const START_MS = 10_000;

export const systemCallFilters: Check = {
  name: 'system call filters',
  group: 'isolation',
  needed: false,
  packages: ['systemd-container', 'qemu-system-x86'],
  async run({ signal }) {
    const { stdout } = await run(['systemd-nspawn', '--version'], { signal });
    return filterVerdict({
      kernel: (await readFile('/proc/sys/kernel/seccomp/actions_avail', 'utf8').catch(() => ''))
        .split(/\s+/)
        .includes('errno'),
      nspawn: /(^|\s)\+SECCOMP(\s|$)/m.test(stdout),
      qemu: await modeOfQemu(signal),
    });
  },
};

/**
 * Starts a QEMU without a machine, confined like the others, and queries the kernel.
 * @returns the seccomp mode, `2` if a filter is active; otherwise QEMU's message
 */
async function modeOfQemu(signal: AbortSignal): Promise<string> {
  const qemu = await start(
    [
      'qemu-system-x86_64',
      '-machine',
      'none',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-sandbox',
      QEMU_SANDBOX,
      '-monitor',
      'stdio',
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const patience = withDeadline(signal, patient(START_MS), () => new Error('QEMU did not answer'));
  try {
    let said = '';
    // Its prompt appears when it runs with its filter.
    await new Promise<void>((resolve, reject) => {
      patience.signal.addEventListener('abort', () => reject(patience.signal.reason as Error), { once: true });
      for (const stream of [qemu.stdout!, qemu.stderr!]) {
        stream.on('data', (chunk: Buffer) => {
          said += chunk.toString('utf8');
          if (said.includes('(qemu)')) resolve();
        });
      }
      void qemu.exited.then(() => resolve());
    });
    const status = await readFile(`/proc/${qemu.pid}/status`, 'utf8').catch(() => '');
    return /^Seccomp:\s*(\d)/m.exec(status)?.[1] ?? said.trim();
  } finally {
    patience.end();
    qemu.kill('SIGKILL');
    await qemu.exited;
  }
}

/** The verdict. Pure. */
export function filterVerdict(found: {
  readonly kernel: boolean;
  readonly nspawn: boolean;
  readonly qemu: string;
}): Finding {
  if (!found.kernel)
    return {
      status: 'fail',
      detail:
        'this kernel has no seccomp filters: system containers and QEMU may make any system call. Use a kernel ' +
        'with CONFIG_SECCOMP_FILTER',
    };
  const without = [
    ...(found.nspawn ? [] : ['systemd-nspawn is built without seccomp: containers may make any system call']),
    ...(found.qemu === '2'
      ? []
      : [
          'QEMU does not run in its ' +
            `sandbox${found.qemu === '0' ? '' : ` (${found.qemu.split('\n')[0]!.slice(0, 200)})`}`,
        ]),
  ];
  if (without.length > 0) return { status: 'fail', detail: without.join('; ') };
  return { status: 'ok', detail: 'seccomp limits the system calls of system containers and of QEMU' };
}
