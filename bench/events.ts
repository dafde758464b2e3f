/**
 * `npm run bench:events`: 10,000 events through a fast and a slow receiver, which are processes of their own. The slow
 * one must not delay the fast one, and the memory of the deliveries must not grow with the events.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadavg } from 'node:os';
import { sleep } from '../src/platform/clock.ts';
import { openEvents, stateChange } from '../test/harness/events.ts';
import { start } from '../test/harness/processes.ts';
import { writeEvent } from '../src/catalog/outbox.ts';

const EVENTS = 10_000;
const IMAGES = 500;
const SLOW_MS = 200;
/** Parts of the events after which memory is measured. */
const PARTS = 5;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Memory after a collection, in MB: the heap with buffers, and the process. */
function memory(): { readonly heap: number; readonly rss: number } {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: (heapUsed + external) / 1e6, rss: rss / 1e6 };
}

const receivers = await start(
  [process.execPath, fileURLToPath(new URL('lib/receivers.ts', import.meta.url)), '0', String(SLOW_MS)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const urls: string[] = [];
for await (const url of createInterface(receivers.stdout!)) if (urls.push(url) === 2) break;
const [fast = '', slow = ''] = urls;
const count = async (url: string): Promise<number> => Number(await (await fetch(url)).text());

const suite = await openEvents();
try {
  const hook = (url: string): object => ({ type: 'web-hook', url, concurrency: 16 });
  await suite.deliver({
    receivers: { fast: hook(fast), slow: hook(slow) },
    rules: [{ receivers: ['fast', 'slow'] }],
  });
  const measured = [{ events: 0, ...memory() }];
  const began = performance.now();
  for (let n = 0; n < EVENTS; n += 100)
    await suite.catalog.transaction(async (trx) => {
      for (let i = n; i < n + 100; i++) await writeEvent(trx, stateChange(`image-${i % IMAGES}`, 'AVAILABLE'));
    });
  const written = (performance.now() - began) / 1000;
  for (let part = 1; part <= PARTS; part++) {
    while ((await count(fast)) < (EVENTS * part) / PARTS) await sleep(20);
    measured.push({ events: (EVENTS * part) / PARTS, ...memory() });
  }
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `${EVENTS} events of ${IMAGES} images, written in ${written.toFixed(1)} s, load ${loadavg()[0]!.toFixed(1)}\n` +
      `fast receiver: all in ${seconds.toFixed(1)} s (${Math.round(EVENTS / seconds)}/s)\n` +
      `slow receiver (${SLOW_MS} ms): ${await count(slow)} by then\n` +
      'memory of the process that delivers, after a collection:\n' +
      measured
        .map(
          ({ events, heap, rss }) =>
            `  ${String(events).padStart(6)} delivered: ${heap.toFixed(1)} MB in use, ${rss.toFixed(0)} MB resident\n`,
        )
        .join(''),
  );
} finally {
  await suite.close();
  receivers.kill();
  await receivers.exited;
}
