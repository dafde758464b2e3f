/** The host that figures were measured on, and how busy it was: without that a figure says nothing. */
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem } from 'node:os';
import { run } from '../../test/harness/processes.ts';

/** What a reader needs to know of a host. */
export interface HostFacts {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly architecture: string;
  readonly kernel: string;
  readonly system: string;
  readonly node: string;
  /** First line that each program says of its version. */
  readonly versions: Readonly<Record<string, string>>;
  readonly date: string;
}

/** Looks at this host. Programs that are not there are left out. */
export async function hostFacts(programs: readonly (readonly string[])[]): Promise<HostFacts> {
  const versions: Record<string, string> = {};
  for (const argv of programs) {
    const ended = await run(argv, { okCodes: 'any' }).catch(() => undefined);
    const line = ended?.stdout.trim().split('\n')[0];
    if (line) versions[argv[0]!] = line;
  }
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? '',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    architecture: arch(),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '',
    node: process.version,
    versions,
    date: new Date().toISOString(),
  };
}

/** The facts for people. */
export function describeHost(facts: HostFacts): string {
  return [
    `${facts.date.slice(0, 10)}, ${facts.cores} cores (${facts.processor}), ${facts.memoryGiB} GiB, ` +
      `${facts.system}, kernel ${facts.kernel}, Node ${facts.node}`,
    ...Object.values(facts.versions),
  ].join('\n');
}

/**
 * The load average of the last minute. What was measured while it is above some 0.5 besides what is measured is not
 * worth much.
 */
export function load(): number {
  return Math.round(loadavg()[0]! * 100) / 100;
}
