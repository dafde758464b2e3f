/**
 * Web hooks in a process of their own, for `bench/events.ts`: `receivers.ts DELAY_MS…`. It prints their URLs, one a
 * line. A GET answers with the number of events that came.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

for (const delay of process.argv.slice(2)) {
  let count = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end(String(count));
    request.resume().on('end', () =>
      setTimeout(() => {
        count++;
        response.end();
      }, Number(delay)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
}
