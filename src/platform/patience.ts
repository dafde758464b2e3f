/**
 * How much longer Ingot's own deadlines are on a slow host. They end what hangs, and are set for ordinary machines.
 * Where system calls take fifty times as long (a host that is itself emulated), working operations must not be aborted.
 * Users' deadlines are never stretched.
 */
import { readFileSync } from 'node:fs';

/**
 * Processor time for a hundred small reads on an ordinary machine, at most, in milliseconds. Measured: 1.5 to 3.2 ms,
 * busy or not; 130 to 500 ms emulated.
 */
const ORDINARY_MS = 10;
const READS = 100;
const MOST = 30;

let factor: number | undefined;

/** The factor, 1 to 30: `INGOT_PATIENCE`, or measured once per process. */
export function patience(): number {
  factor ??= patienceFor(process.env['INGOT_PATIENCE'], measure);
  return factor;
}

/**
 * One of Ingot's own deadlines, stretched for this host. An integer if the given one is, because some of Node's
 * functions accept only integers.
 * @param ms for an ordinary machine, in any unit
 */
export function patient(ms: number): number {
  const longer = ms * patience();
  return Number.isInteger(ms) ? Math.ceil(longer) : longer;
}

/**
 * The factor. Pure.
 * @param asked the environment's value; ignored unless a number from 1 to 1000
 * @param processorMs called if the environment has none: the processor time of the reads
 */
export function patienceFor(asked: string | undefined, processorMs: () => number): number {
  const wanted = Number(asked);
  if (asked && wanted >= 1 && wanted <= 1000) return wanted;
  return Math.min(MOST, Math.max(1, processorMs() / ORDINARY_MS));
}

/** Processor time, not wall time: a busy host is not a slow one, and deadlines allow for that. */
function measure(): number {
  const before = process.cpuUsage();
  for (let read = 0; read < READS; read++) readFileSync('/proc/self/stat');
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
