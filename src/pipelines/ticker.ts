/** What the server does of itself, second by second. */
import { logger } from '../platform/log.ts';

/** Between two looks, in milliseconds. */
const LOOK_MS = 1000;

/** Work that is looked for again and again, one look at a time. */
export interface Ticker {
  /** Waits for the look that goes on. */
  stop(): Promise<void>;
}

/** Looks for work every second, however long a look takes. */
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
