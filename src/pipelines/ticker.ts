/** Runs the server's periodic work. */
import { logger } from '../platform/log.ts';

/** Interval between checks, in milliseconds. */
const LOOK_MS = 1000;

/** A periodic check that does not overlap with itself. */
export interface Ticker {
  /** Stops and waits for the running check. */
  stop(): Promise<void>;
}

/** Checks for work every second, or as soon as a longer check ends. */
export function startTicker(looks: readonly (() => Promise<unknown>)[]): Ticker {
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    for (const each of looks)
      await each().catch((error: unknown) => logger().error({ error }, 'looking for what is due failed'));
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => (looking = undefined));
  }, LOOK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
