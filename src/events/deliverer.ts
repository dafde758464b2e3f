/**
 * Delivers events to the receivers of the configuration. Each receiver has its own position in the outbox, so that a
 * slow or dead one delays no other. Events of one image (or other resource) are delivered one after the other; an event
 * is delivered at least once, with the same id each time.
 */
import type { Catalog } from '../catalog/catalog.ts';
import { lastEvent, removeEventsBefore } from '../catalog/outbox.ts';
import { addReceiver, receiverOf, updateReceiver } from '../catalog/receivers.ts';
import { logger } from '../platform/log.ts';
import { ReceiverLoop } from './receiver-loop.ts';
import { routerOf } from './routing.ts';
import type { EventsConfig } from './settings.ts';
import type { SettingsResolver } from './secret-settings.ts';
import { systemEventsClock, type EventsClock } from './events-clock.ts';

/** Interval between checks for new events, in milliseconds. Any process may write events. */
const LOOK_MS = 250;
/** Interval between deletions of events past their retention, in milliseconds. */
const RETENTION_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Time that deliveries in progress get to finish on stop, in milliseconds. */
const STOP_MS = 2000;

/** The running delivery. */
export interface Deliverer {
  /** Checks for events now. */
  wake(): void;
  /** Stops and waits. Undelivered events are delivered after the next start. */
  stop(): Promise<void>;
}

/** What delivery needs. */
export interface DelivererOptions {
  readonly catalog: Catalog;
  readonly config: EventsConfig;
  readonly resolve: SettingsResolver;
  readonly clock?: EventsClock;
  /** Returns a number from 0 to 1, for the jitter. */
  readonly random?: () => number;
}

/** Starts delivering events to the receivers on record. */
export async function startDeliverer(options: DelivererOptions): Promise<Deliverer> {
  const { catalog, config, resolve, clock = systemEventsClock, random = Math.random } = options;
  const stopping = new AbortController();
  const ended = new AbortController();
  const router = routerOf(config);
  const loops: ReceiverLoop[] = [];
  for (const receiver of config.receivers.values()) {
    loops.push(
      new ReceiverLoop({
        catalog,
        receiver,
        router,
        link: config.link,
        resolve,
        clock,
        random,
        stopping: stopping.signal,
        ended: ended.signal,
      }),
    );
  }
  const running = loops.map((loop) => loop.run());
  const wake = (): void => {
    for (const loop of loops) loop.wake();
  };
  let seen = await lastEvent(catalog.db);
  const looking = every(LOOK_MS, clock, stopping.signal, async () => {
    const last = await lastEvent(catalog.db);
    if (last > seen) wake();
    seen = last;
  });
  const cleaning = every(RETENTION_MS, clock, stopping.signal, async () => {
    const before = new Date(clock.now() - config.keepDays * DAY_MS).toISOString();
    while ((await catalog.transaction((trx) => removeEventsBefore(trx, before))) > 0);
  });
  return {
    wake,
    async stop() {
      stopping.abort();
      wake();
      const timer = setTimeout(() => ended.abort(new Error('the server was stopped')), STOP_MS);
      await Promise.all([...running, looking, cleaning]);
      clearTimeout(timer);
    },
  };
}

/**
 * Records the receivers of a configuration. A new one gets events from now on; one with changed settings is tried at
 * once.
 */
export async function recordReceivers({ transaction }: Catalog, { receivers }: EventsConfig): Promise<void> {
  await transaction(async (trx) => {
    for (const { name, hash } of receivers.values()) {
      const known = await receiverOf(trx, name);
      if (known === undefined) await addReceiver(trx, { name, position: await lastEvent(trx), settings_hash: hash });
      else if (known.settings_hash !== hash)
        await updateReceiver(trx, name, {
          settings_hash: hash,
          state: 'ok',
          failures: 0,
          next_attempt: null,
          confirm_token: null,
          confirmed: null,
        });
    }
  });
}

async function every(ms: number, clock: EventsClock, stopping: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!stopping.aborted) {
    await work().catch((error: unknown) => logger().error({ error }, 'looking for events failed'));
    await clock.sleep(ms, stopping).catch(() => {});
  }
}
