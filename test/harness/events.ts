/** A catalogue with events, and deliveries from it. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCatalog, type Catalog } from '../../src/catalog/catalog.ts';
import { writeEvent, type OutboxEvent } from '../../src/catalog/outbox.ts';
import { recordReceivers, startDeliverer, type Deliverer } from '../../src/events/deliverer.ts';
import type { EventsClock } from '../../src/events/events-clock.ts';
import { settingsResolver } from '../../src/events/secret-settings.ts';
import { readEvents } from '../../src/events/settings.ts';
import { parseConfig } from '../../src/platform/config/config.ts';

process.env['INGOT_LOG'] ??= 'silent';

/** ARN of an image's build. */
export const imageArn = (name: string): string => `arn:aws:imagebuilder:us-east-1:123456789012:image/${name}/1.0.0/1`;

/** A catalogue of a test. */
export interface EventSuite {
  readonly catalog: Catalog;
  /** Writes the change of an image's status. Returns the event's id. */
  change(name: string, status: string, more?: Partial<OutboxEvent>): Promise<string>;
  /** Starts deliveries by a configuration: the `events` section. */
  deliver(events: object, clock?: EventsClock): Promise<Deliverer>;
  close(): Promise<void>;
}

/** Opens one in a folder of its own. */
export async function openEvents(): Promise<EventSuite> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ingot-events-'));
  const catalog = await openCatalog(dataDirectory);
  const running: Deliverer[] = [];
  return {
    catalog,
    change: (name, status, more = {}) =>
      catalog.transaction((trx) => writeEvent(trx, { ...stateChange(name, status), ...more })),
    async deliver(events, clock) {
      const config = readEvents(parseConfig(JSON.stringify({ events }), 'config.yaml'));
      const resolve = settingsResolver(dataDirectory, '123456789012');
      await recordReceivers(catalog, config);
      const deliverer = await startDeliverer({
        catalog,
        config,
        resolve,
        ...(clock === undefined ? {} : { clock }),
        random: () => 0,
      });
      running.push(deliverer);
      return deliverer;
    },
    async close() {
      await Promise.all(running.map((each) => each.stop()));
      await catalog.close();
      await rm(dataDirectory, { recursive: true });
    },
  };
}

/** The event of an image's change of status. */
export function stateChange(name: string, status: string): OutboxEvent {
  return {
    type: 'EC2 Image Builder Image State Change',
    resource: imageArn(name),
    status,
    payload: { 'previous-state': { status: 'BUILDING' }, state: { status } },
  };
}

/** A clock whose time passes a thousand times as fast: backoffs of minutes take as little as the test wants. */
export function fastClock(factor = 1000): EventsClock {
  const began = Date.now();
  return {
    now: () => began + (Date.now() - began) * factor,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, Math.ceil(ms / factor));
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        });
        if (signal.aborted) {
          clearTimeout(timer);
          reject(signal.reason as Error);
        }
      }),
  };
}
