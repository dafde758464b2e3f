/**
 * `/metrics`, `/healthz` and `/readyz`, for monitoring. They answer requests from this host, or with the configured
 * token.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { lastEvent } from '../../catalog/outbox.ts';
import { settingText } from '../../events/secret-settings.ts';
import { logger } from '../../platform/log.ts';
import type { ApiServices } from '../context.ts';
import type { Metrics } from './metrics.ts';

/** Paths of these routes, which are not API calls. */
const HEALTH_PATHS: readonly string[] = ['/metrics', '/healthz', '/readyz'];

/** Headers that proxies set. A request that a proxy on this host forwards does not come from this host. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'] as const;

/** Adds the routes. */
export function serveHealth(app: FastifyInstance, services: ApiServices, metrics: Metrics): void {
  const route = (url: string, answer: (reply: FastifyReply) => Promise<unknown>): void => {
    app.get(url, async (request, reply) => {
      if (await isAllowed(request.raw, services)) return answer(reply);
      return reply
        .code(401)
        .headers({ 'www-authenticate': 'Bearer', 'content-type': 'text/plain' })
        .send('From other hosts this needs the token in monitoring.token of config.yaml.\n');
    });
  };
  route('/healthz', async (reply) => reply.type('text/plain').send('ok\n'));
  route('/readyz', async (reply) => {
    const checks = await readiness(services);
    const ready = Object.values(checks).every((each) => each === 'ok');
    return reply
      .code(ready ? 200 : 503)
      .type('application/json')
      .send(JSON.stringify({ ready, checks }));
  });
  route('/metrics', async (reply) => {
    const { type, text } = await metrics.read();
    return reply.type(type).send(text);
  });
}

/** What the server needs to do work: each part is `ok` or has a fault. */
async function readiness({ catalog, worker }: ApiServices): Promise<Readonly<Record<string, string>>> {
  const database = await lastEvent(catalog.db).then(
    () => 'ok',
    (error: unknown) => {
      logger().error({ error }, 'the database does not answer');
      return 'the database does not answer';
    },
  );
  const { up, silentSeconds } = worker();
  return { database, worker: up ? 'ok' : `the worker has not answered for ${silentSeconds} s` };
}

async function isAllowed(request: IncomingMessage, services: ApiServices): Promise<boolean> {
  const address = request.socket.remoteAddress ?? '';
  const local = address === '::1' || /^(::ffff:)?127\./.test(address);
  if (local && PROXY_HEADERS.every((name) => request.headers[name] === undefined)) return true;
  const { token } = services.config.monitoring;
  const [, given] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined || given === undefined) return false;
  const expected = await settingText(token, services.dataDirectory, services.defaultAccount);
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}

/** Whether a request is for one of these routes. */
export function isHealthRequest(request: FastifyRequest): boolean {
  return request.method === 'GET' && HEALTH_PATHS.includes(request.url.split('?')[0]!);
}
