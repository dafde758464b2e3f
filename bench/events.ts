/**
 * `npm run bench:events`: 10,000 events through a fast and a slow receiver. The slow one must not delay the fast one.
 * For the memory of the deliveries without garbage, give the process a small heap:
 *   ./ingot --node --max-semi-space-size=1 --max-old-space-size=160 bench/events.ts
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sleep } from '../src/platform/clock.ts';
import { openEvents, stateChange } from '../test/harness/events.ts';
import { writeEvent } from '../src/catalog/outbox.ts';

const EVENTS = 10_000;
const IMAGES = 500;
const SLOW_MS = 200;

async function receiver(delay: number): Promise<{ readonly url: string; readonly count: () => number; close(): void }> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () =>
      setTimeout(() => {
        count++;
        response.end();
      }, delay),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const [fast, slow] = [await receiver(0), await receiver(SLOW_MS)];
const suite = await openEvents();
const memory = (): number => Math.round(process.memoryUsage().rss / 1e6);
const hook = (url: string): object => ({ type: 'web-hook', url, concurrency: 16 });
await suite.deliver({
  receivers: { fast: hook(fast.url), slow: hook(slow.url) },
  rules: [{ receivers: ['fast', 'slow'] }],
});
const before = memory();
const began = performance.now();
for (let n = 0; n < EVENTS; n += 100)
  await suite.catalog.transaction(async (trx) => {
    for (let i = n; i < n + 100; i++) await writeEvent(trx, stateChange(`image-${i % IMAGES}`, 'AVAILABLE'));
  });
const written = performance.now();
let most = before;
while (fast.count() < EVENTS) {
  most = Math.max(most, memory());
  await sleep(20);
}
const seconds = (performance.now() - began) / 1000;
process.stdout.write(
  `${EVENTS} events of ${IMAGES} images, written in ${((written - began) / 1000).toFixed(1)} s\n` +
    `fast receiver: all in ${seconds.toFixed(1)} s (${Math.round(EVENTS / seconds)}/s)\n` +
    `slow receiver (${SLOW_MS} ms): ${slow.count()} by then\n` +
    `memory: ${before} MB before, ${most} MB at most, receivers included\n`,
);
fast.close();
slow.close();
await suite.close();
