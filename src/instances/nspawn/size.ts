/**
 * The size that programs in a container see. Its cgroups limit it, but programs that query the machine's size (`nproc`,
 * a database that uses a share of the memory) ask the kernel, which reports the host's.
 */

/**
 * The processors of a container. Each container gets different ones, so that not all use the first processors. Pure.
 * @param allowed those of this process, in the kernel's format: `0-3,8`
 * @param turn a number that differs between containers
 * @returns a list for `taskset -c`; `undefined` for all of them
 */
export function processorsOf(allowed: string, cpus: number, turn: number): string | undefined {
  const all = allowed
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number) as [number, number?];
      return Array.from({ length: last! - first + 1 }, (_, index) => first + index);
    });
  if (cpus >= all.length) return undefined;
  return Array.from({ length: cpus }, (_, index) => all[(turn * cpus + index) % all.length]!).join(',');
}

/**
 * A program for `sed -n` that keeps these processors of a `/proc/cpuinfo`, numbered from 0. Pure.
 * @param processors a result of `processorsOf`
 */
export function processorInfoProgram(processors: string): string {
  return processors
    .split(',')
    .map(Number)
    .sort((a, b) => a - b)
    .map((cpu, index) => `/^processor[[:space:]]*: ${cpu}$/,/^$/{s/^\\(processor[[:space:]]*: \\).*/\\1${index}/\np\n}`)
    .join('\n');
}

/**
 * The offset between the clock of a new time namespace and the kernel's, in seconds, with which `uptime` starts at 0.
 * Pure.
 * @param uptime content of `/proc/uptime`, as this process sees it
 * @param offsets content of `/proc/self/timens_offsets`
 */
export function bootTimeOffset(uptime: string, offsets: string): number {
  const own = Number(/^boottime\s+(-?\d+)/m.exec(offsets)?.[1] ?? 0);
  return own - Math.floor(Number.parseFloat(uptime));
}

/**
 * `/proc/meminfo` of a container. The total is that of its type. The free memory is not measured; an eighth counts as
 * used. Pure.
 */
export function memoryInfo(memoryMiB: number): string {
  const total = memoryMiB * 1024;
  const taken = Math.round(total / 8);
  const lines: readonly (readonly [name: string, kib: number])[] = [
    ['MemTotal', total],
    ['MemFree', total - taken],
    ['MemAvailable', total - taken],
    ['Buffers', 0],
    ['Cached', 0],
    ['SwapCached', 0],
    ['Active', taken],
    ['Inactive', 0],
    ['Active(anon)', taken],
    ['Inactive(anon)', 0],
    ['Active(file)', 0],
    ['Inactive(file)', 0],
    ['Unevictable', 0],
    ['Mlocked', 0],
    ['SwapTotal', 0],
    ['SwapFree', 0],
    ['Dirty', 0],
    ['Writeback', 0],
    ['AnonPages', taken],
    ['Mapped', 0],
    ['Shmem', 0],
    ['Slab', 0],
    ['SReclaimable', 0],
    ['SUnreclaim', 0],
    ['CommitLimit', Math.round(total / 2)],
    ['Committed_AS', taken],
    ['Hugepagesize', 2048],
  ];
  return lines.map(([name, kib]) => `${`${name}:`.padEnd(16)}${String(kib).padStart(8)} kB\n`).join('');
}
