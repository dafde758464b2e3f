/** Whether the stores of Regions can be used, tried for real: asked at the server's start, and before each build. */
import type { Config } from '../platform/config/config.ts';
import { storeIn } from './stores.ts';

/** The store of a Region, as a check found it. */
export interface CheckedStore {
  readonly region: string;
  readonly place: string;
  /** Why it cannot be used; absent when it can. */
  readonly fault?: string | undefined;
}

/** A store that has not answered by then cannot be used, in milliseconds. */
const CHECK_MS = 20_000;

/** Checks the stores of Regions side by side. Never throws for a store. */
export async function checkStores(
  config: Pick<Config, 'regions'>,
  dataDirectory: string,
  regions: readonly string[],
  signal: AbortSignal,
): Promise<readonly CheckedStore[]> {
  return Promise.all(
    regions.map(async (region) => {
      const { store } = storeIn(config, dataDirectory, region);
      const { place } = store;
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(CHECK_MS)]);
      const late = new Promise<never>((_resolve, reject) => {
        const end = (): void => reject(new Error(`${place} did not answer within ${CHECK_MS / 1000} s`));
        deadline.addEventListener('abort', end, { once: true });
      });
      late.catch(() => {}); // It is only waited for while the check runs.
      const fault = await Promise.race([store.check(deadline), late]).then(
        () => undefined,
        (error: Error) => error.message,
      );
      return { region, place, fault };
    }),
  );
}
