/**
 * Finds out whether KVM works on this host. That `/dev/kvm` opens is not enough: on some hosts no Linux kernel ever
 * boots under it. So a real kernel is booted with a deadline, once per boot of the host, and the result is kept in a
 * file.
 */
import { access, constants, readdir, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../platform/files.ts';
import { RUN_DIRECTORY } from '../../platform/host.ts';
import { patient } from '../../platform/patience.ts';
import { ProcessError, run } from '../../platform/processes.ts';
import type { Accelerator } from './arguments.ts';

/** The decision and its reason, for the log and for `doctor`. */
export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  readonly reason: string;
}

/** The result of a probe. */
export interface KvmVerdict {
  readonly works: boolean;
  readonly reason: string;
}

/** How long a kernel under KVM may be silent, in milliseconds. */
const SILENCE_MS = 4000;
/** The total time if it prints: on a host that is itself emulated, KVM may work, slowly. */
const LONGEST_PROBE_MS = 60_000;
const VERDICT_FILE = `${RUN_DIRECTORY}/kvm.json`;

let choosing: Promise<AcceleratorChoice> | undefined;

/**
 * Chooses the accelerator: `INGOT_ACCELERATOR` (`kvm` or `tcg`), otherwise KVM if it boots a kernel here, otherwise
 * emulation.
 * @param kernel a kernel to try before those of the host; without any kernel the verdict is unknown, and emulation is
 * used
 * @throws {Error} if INGOT_ACCELERATOR has another value
 */
export async function chooseAccelerator(kernel?: string): Promise<AcceleratorChoice> {
  const forced = process.env['INGOT_ACCELERATOR'];
  if (forced === 'kvm' || forced === 'tcg') return { accelerator: forced, reason: `INGOT_ACCELERATOR=${forced}` };
  if (forced) throw new Error(`INGOT_ACCELERATOR is '${forced}'; it can be kvm or tcg`);
  // Two machines that start at the same time probe once.
  choosing ??= choose(kernel).finally(() => {
    choosing = undefined;
  });
  return choosing;
}

/** Stores a verdict until the host reboots: from the probe, or from a machine that made no progress under KVM. */
export async function rememberVerdict(verdict: KvmVerdict): Promise<void> {
  await writeFileAtomic(VERDICT_FILE, JSON.stringify({ ...verdict, bootId: await hostBootId() }));
}

/** The stored verdict of this boot of the host, if there is one. */
export async function rememberedVerdict(): Promise<KvmVerdict | undefined> {
  try {
    const kept = JSON.parse(await readFile(VERDICT_FILE, 'utf8')) as KvmVerdict & { bootId: string };
    return kept.bootId === (await hostBootId()) ? { works: kept.works, reason: kept.reason } : undefined;
  } catch {
    return undefined; // There is none, or it is incomplete: probe again.
  }
}

/**
 * Boots a kernel under KVM until it panics because it has no root. Gives up after 4 s without output, later on a slow
 * host.
 */
async function probeKvm(kernel: string): Promise<KvmVerdict> {
  const abort = new AbortController();
  let output = '';
  let errors = '';
  const silence = setTimeout(() => abort.abort(), patient(SILENCE_MS));
  try {
    const { code } = await run(probeArguments(kernel), {
      timeoutMs: patient(LONGEST_PROBE_MS),
      okCodes: 'any',
      signal: abort.signal,
      onStdout: (chunk) => {
        output += chunk.toString('latin1');
        silence.refresh();
      },
      onStderr: (chunk) => {
        errors += chunk.toString('latin1');
        // QEMU would otherwise continue without doing anything.
        if (errors.includes('KVM internal error')) abort.abort();
      },
    });
    return parseProbe(code, output, errors);
  } catch (error) {
    if (!abort.signal.aborted && !(error instanceof ProcessError)) throw error;
    return parseProbe(null, output, errors);
  } finally {
    clearTimeout(silence);
  }
}

/** The probe's arguments, the program's name first. */
export function probeArguments(kernel: string): string[] {
  return [
    'qemu-system-x86_64',
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-machine',
    'q35',
    '-accel',
    'kvm',
    '-cpu',
    'host',
    '-smp',
    '1',
    '-m',
    '256',
    '-no-reboot',
    '-kernel',
    kernel,
    '-append',
    'console=ttyS0 earlyprintk=ttyS0 panic=-1',
    '-serial',
    'stdio',
  ];
}

/** Interprets how a probe ended. `code` is `null` if a signal ended it. */
export function parseProbe(code: number | null, output: string, errors: string): KvmVerdict {
  if (code === 0 && output.includes('Linux version')) return { works: true, reason: 'a kernel boots under KVM here' };
  if (errors.includes('KVM internal error')) return { works: false, reason: 'KVM fails with an internal error here' };
  const said = errors
    .trim()
    .split('\n')
    .find((line) => /error|fail|could not/i.test(line));
  if (said !== undefined || (code !== null && code !== 0))
    return { works: false, reason: `KVM does not start here: ${said ?? `exit code ${code}`}` };
  return {
    works: false,
    reason: 'no kernel boots under KVM here ' + `(no more output for ${Math.round(patient(SILENCE_MS) / 1000)} s)`,
  };
}

async function choose(given: string | undefined): Promise<AcceleratorChoice> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', reason: 'this host has no /dev/kvm' };
  }
  let verdict = await rememberedVerdict();
  if (verdict === undefined) {
    const kernel = given ?? (await hostKernel());
    if (kernel === undefined)
      return {
        accelerator: 'tcg',
        reason: 'whether KVM works here is unknown: no kernel file was found to test it with',
      };
    verdict = await probeKvm(kernel);
    await rememberVerdict(verdict);
  }
  return { accelerator: verdict.works ? 'kvm' : 'tcg', reason: verdict.reason };
}

/** A kernel of the host, or one provided for the probe, that this user can read. */
export async function hostKernel(): Promise<string | undefined> {
  const inBoot = await readdir('/boot').then(
    (names) => names.filter((name) => name.startsWith('vmlinuz')).map((name) => `/boot/${name}`),
    () => [],
  );
  for (const path of [process.env['INGOT_PROBE_KERNEL'], `${RUN_DIRECTORY}/vmlinuz`, '/vmlinuz', ...inBoot]) {
    if (
      path &&
      (await access(path, constants.R_OK).then(
        () => true,
        () => false,
      ))
    )
      return path;
  }
  return undefined;
}

async function hostBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
