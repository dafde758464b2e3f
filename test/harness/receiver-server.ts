/** A web server that receives events, and behaves as a test tells it. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How it treats a request. */
export type Behavior = number | 'hang' | 'reset' | 'redirect' | 'late' | 'endless' | { readonly retryAfter: string };

/** A request that came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A running one. */
export interface ReceiverServer {
  readonly url: string;
  readonly port: number;
  /** All that came, whatever it was answered. */
  readonly received: readonly Received[];
  /** Those that it accepted. */
  readonly accepted: readonly Received[];
  /** What it does from now on. A function decides for each request. */
  behave(behavior: Behavior | ((request: Received, index: number) => Behavior)): void;
  close(): Promise<void>;
}

/** Starts one; on a port that is known already where a test starts it again. */
export async function startReceiver(port = 0): Promise<ReceiverServer> {
  const received: Received[] = [];
  const accepted: Received[] = [];
  let decide: (request: Received, index: number) => Behavior = () => 200;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => {});
    request.on('end', () => {
      const whole: Received = {
        method: request.method!,
        path: request.url!,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      const behavior = decide(whole, received.length);
      received.push(whole);
      if (behavior === 'hang') return;
      if (behavior === 'reset') return void request.socket.resetAndDestroy();
      if (behavior === 'redirect') return void response.writeHead(307, { location: '/elsewhere' }).end();
      if (behavior === 'endless') {
        response.writeHead(500);
        const write = (): void => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', write);
        response.on('error', () => {});
        return write();
      }
      if (typeof behavior === 'object')
        return void response.writeHead(503, { 'retry-after': behavior.retryAfter }).end();
      const answer = (status: number): void => {
        if (status < 300) accepted.push(whole);
        response.writeHead(status).end(status < 300 ? '' : 'the receiver says no');
      };
      if (behavior === 'late') setTimeout(() => answer(200), 300);
      else answer(behavior);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    accepted,
    behave: (behavior) => (decide = typeof behavior === 'function' ? behavior : () => behavior),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
