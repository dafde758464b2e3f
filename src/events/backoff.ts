/** Waiting times between attempts. Pure. */

const FIRST_MS = 1000;
const LONGEST_MS = 15 * 60_000;
/** The longest time that a receiver can ask for by `Retry-After`. */
const LONGEST_ASKED_MS = 60 * 60_000;

/** Number of failures in a row that open a receiver's circuit. */
export const CIRCUIT_FAILURES = 5;

/**
 * Milliseconds until the next attempt. The wait doubles each time, minus a random part of up to half of it, so that
 * receivers that failed together are not retried together.
 * @param failures 1 after the first failure
 * @param random from 0 to 1
 */
export function backoffMs(failures: number, random: number, retryAfterSeconds?: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 30));
  const own = Math.round(whole * (0.5 + random / 2));
  if (retryAfterSeconds === undefined) return own;
  return Math.max(own, Math.min(retryAfterSeconds * 1000, LONGEST_ASKED_MS));
}
