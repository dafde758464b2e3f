/** The clock of the delivery, which tests replace. */
import { sleep } from '../platform/clock.ts';

/** The time functions that the delivery uses. */
export interface EventsClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Waits; rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export const systemEventsClock: EventsClock = { now: () => Date.now(), sleep };
