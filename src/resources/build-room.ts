/** Whether a host has room for another build beside those that run. Pure. */
import { resolveInstanceType, type InstanceSize } from './instance-types.ts';

/** The instance type of builds whose infrastructure configuration names none. */
export const DEFAULT_INSTANCE_TYPE = 't3.small';

/** What running builds may have together: `builds` of `config.yaml`. */
export interface BuildLimits {
  readonly atOnce: number;
  readonly cpus: number;
  readonly memoryMiB: number;
}

/**
 * What another build has to wait for, as a sentence that begins in lower case; `undefined` if it can start. A build
 * alone always can: its instance is cut to the host.
 * @param asked its instance type, if its infrastructure configuration names one
 * @param running the instance types of the builds that run
 */
export function whatIsMissing(
  asked: string | undefined,
  running: readonly (string | undefined)[],
  limits: BuildLimits,
  host: InstanceSize,
): string | undefined {
  if (running.length === 0) return undefined;
  if (running.length >= limits.atOnce)
    return `waits for one of ${running.length} running builds to end (builds.atOnce is ${limits.atOnce})`;
  const size = sizeOf(asked, host);
  const taken = running.map((type) => sizeOf(type, host));
  const sum = (member: keyof InstanceSize): number => taken.reduce((total, each) => total + each[member], 0);
  const name = asked ?? DEFAULT_INSTANCE_TYPE;
  if (sum('cpus') + size.cpus > limits.cpus)
    return (
      `waits for processors: ${name} asks for ${size.cpus}, and running builds have ${sum('cpus')} of ` +
      `${limits.cpus} (builds.cpus)`
    );
  if (sum('memoryMiB') + size.memoryMiB > limits.memoryMiB)
    return (
      `waits for memory: ${name} asks for ${size.memoryMiB} MiB, and running builds have ${sum('memoryMiB')} of ` +
      `${limits.memoryMiB} MiB (builds.memoryMegabytes)`
    );
  return undefined;
}

/** The size of a build's instance. A type that is not known fails its build, and takes the place of the default. */
function sizeOf(type: string | undefined, host: InstanceSize): InstanceSize {
  try {
    return resolveInstanceType(type ?? DEFAULT_INSTANCE_TYPE, host.cpus, host.memoryMiB);
  } catch {
    return resolveInstanceType(DEFAULT_INSTANCE_TYPE, host.cpus, host.memoryMiB);
  }
}
