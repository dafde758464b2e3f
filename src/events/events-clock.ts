/** The clock of deliveries, which tests replace. */
import { sleep } from '../platform/clock.ts';

/** Time, as deliveries see it. */
export interface EventsClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Waits; rejects when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's. */
export const systemEventsClock: EventsClock = { now: () => Date.now(), sleep };
